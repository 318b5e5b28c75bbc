//! What a TLS client shows of its library before anything is agreed.

use super::tls::TlsLibrary;

/// What tells TLS libraries apart in their first message, and with them programs: what a client
/// offers, in its order of preference (RFC 8446 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HelloFingerprint {
    /// Equal where all lists are, in the same order; the same on every machine and in every
    /// version of popgate.
    pub digest: u64,
    /// How many cipher suites are offered.
    pub cipher_suites: u16,
    /// How many groups for the key exchange.
    pub groups: u16,
    /// How many kinds of signatures.
    pub signature_schemes: u16,
    /// How many protocols (ALPN).
    pub protocols: u16,
    /// The library that offers them so.
    pub tls_library: TlsLibrary,
}

impl HelloFingerprint {
    /// What is left of these lists. Values that are there to be ignored (GREASE, RFC 8701) are
    /// drawn anew for each connection, and left out.
    #[must_use]
    pub fn new<'a>(
        cipher_suites: impl Iterator<Item = u16> + Clone,
        groups: impl Iterator<Item = u16>,
        signature_schemes: impl Iterator<Item = u16>,
        protocols: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let mut digest = Fnv1a::default();
        let library_suites = cipher_suites.clone().filter(|&number| !is_grease(number));
        Self {
            cipher_suites: digest.numbers(cipher_suites),
            groups: digest.numbers(groups),
            signature_schemes: digest.numbers(signature_schemes),
            protocols: digest.names(protocols),
            tls_library: TlsLibrary::of_suites(&library_suites),
            digest: digest.0,
        }
    }
}

/// Fowler, Noll and Vo's hash: the standard library promises no value of its own to stay.
struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv1a {
    fn write(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.0 = (self.0 ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Takes in a list of numbers, and says how long it is.
    fn numbers(&mut self, list: impl Iterator<Item = u16>) -> u16 {
        let mut length = 0;
        for number in list.filter(|&number| !is_grease(number)) {
            self.write(&number.to_be_bytes());
            length += 1;
        }
        self.end(length)
    }

    /// Takes in a list of names, and says how long it is.
    fn names<'a>(&mut self, list: impl Iterator<Item = &'a [u8]>) -> u16 {
        let mut length = 0;
        for name in list.filter(|name| !is_grease_name(name)) {
            self.write(name);
            self.write(&[0]);
            length += 1;
        }
        self.end(length)
    }

    /// The end of a list counts: else its last value could be the first one of the next.
    fn end(&mut self, length: u16) -> u16 {
        self.write(&length.to_be_bytes());
        length
    }
}

/// RFC 8701 section 2: `0x0a0a`, `0x1a1a` and so on.
fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn is_grease_name(name: &[u8]) -> bool {
    <[u8; 2]>::try_from(name).is_ok_and(|name| is_grease(u16::from_be_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(suites: &[u16], groups: &[u16], names: &[&[u8]]) -> HelloFingerprint {
        HelloFingerprint::new(
            suites.iter().copied(),
            groups.iter().copied(),
            [0x0403, 0x0804].into_iter(),
            names.iter().copied(),
        )
    }

    #[test]
    fn it_is_the_same_in_every_version() {
        let seen = fingerprint(&[0x1301, 0x1302, 0xc02f], &[29, 23], &[b"pop3"]);
        let expected = HelloFingerprint {
            digest: 0xc437_7a9f_9113_a09a,
            cipher_suites: 3,
            groups: 2,
            signature_schemes: 2,
            protocols: 1,
            tls_library: TlsLibrary::Other,
        };
        assert_eq!(seen, expected, "{seen:#x?}");
    }

    #[test]
    fn order_and_place_of_each_value_count() {
        let seen = [
            fingerprint(&[1, 2], &[3], &[]),
            fingerprint(&[2, 1], &[3], &[]),
            fingerprint(&[1], &[2, 3], &[]),
            fingerprint(&[1, 2, 3], &[], &[]),
            fingerprint(&[1, 2], &[3], &[b"a", b"b"]),
            fingerprint(&[1, 2], &[3], &[b"ab"]),
        ];
        let digests: std::collections::HashSet<_> = seen.iter().map(|it| it.digest).collect();
        assert_eq!(digests.len(), seen.len(), "{seen:#x?}");
    }

    #[test]
    fn what_is_drawn_at_random_does_not() {
        let plain = fingerprint(&[0x1301], &[29], &[b"pop3"]);
        let names: [&[u8]; 2] = [&[0x3a, 0x3a], b"pop3"];
        let greased = fingerprint(&[0xfafa, 0x1301], &[0x0a0a, 29], &names);
        assert_eq!(greased, plain);
        let other = fingerprint(&[0x0a1a, 0x1301], &[29], &[b"pop3"]);
        assert_ne!(other, plain, "not one of those values");
    }
}
