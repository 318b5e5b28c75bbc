//! The library behind a client's TLS, which tells programs apart that say the same in POP3.

use crate::str_enum::str_enum;

str_enum! {
    /// A TLS library, as far as the order of its cipher suites is its own.
    TlsLibrary {
        /// Mozilla's: Thunderbird.
        Nss = "NSS",
        /// OpenSSL: most command-line programs and scripts.
        OpenSsl = "OpenSSL",
        /// GnuTLS: what Debian builds mpop, mutt, Evolution and Claws Mail with.
        GnuTls = "GnuTLS",
        /// None of these: those of phones, of Windows and of Java.
        Other = "other",
    }
}

/// How the offers of each begin: the suites of TLS 1.3 in the order of its authors' liking, and
/// what stands behind them.
const BEGINNINGS: [(&[u16], TlsLibrary); 3] = [
    (&[0x1301, 0x1303, 0x1302], TlsLibrary::Nss),
    (&[0x1302, 0x1303, 0x1301, 0x1304], TlsLibrary::GnuTls),
    (&[0x1302, 0x1303, 0x1301, 0xc02c], TlsLibrary::OpenSsl),
];

impl TlsLibrary {
    /// The library that offers these cipher suites, by their numbers at IANA.
    #[must_use]
    pub fn of_suites(suites: &(impl Iterator<Item = u16> + Clone)) -> Self {
        let begins = |beginning: &[u16]| {
            suites
                .clone()
                .take(beginning.len())
                .eq(beginning.iter().copied())
        };
        let found = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning));
        found.map_or(Self::Other, |&(_, library)| library)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_suites_tells_the_library() {
        for (suites, library) in [
            (
                &[0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f][..],
                TlsLibrary::Nss,
            ),
            (
                &[0x1302, 0x1303, 0x1301, 0x1304, 0xc02c],
                TlsLibrary::GnuTls,
            ),
            (
                &[0x1302, 0x1303, 0x1301, 0xc02c, 0xc030],
                TlsLibrary::OpenSsl,
            ),
            // Conscrypt, Java, a client that is restricted to one suite, and one that has none.
            (&[0x1301, 0x1302, 0x1303, 0xc02b], TlsLibrary::Other),
            (&[0x1302, 0x1301, 0x1303, 0xc02c], TlsLibrary::Other),
            (&[0x1302], TlsLibrary::Other),
            (&[], TlsLibrary::Other),
        ] {
            let found = TlsLibrary::of_suites(&suites.iter().copied());
            assert_eq!(found, library, "{suites:x?}");
        }
    }
}
