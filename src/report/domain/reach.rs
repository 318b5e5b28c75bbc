//! Which addresses are connected to.

use crate::net::ResolverChoice;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses a mail server may have to be connected to.
///
/// Whoever has a domain says where it points: into the operator's own networks, if they like. What
/// popgate can reach there is nobody's business, so by default it connects to addresses of the
/// public internet alone. An operator who names a DNS server trusts its answers, as where an
/// internal one knows the mail servers by their internal addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Public,
    Everywhere,
}

impl Reach {
    pub(super) fn of(resolver: ResolverChoice) -> Self {
        match resolver {
            ResolverChoice::System | ResolverChoice::Off => Self::Public,
            ResolverChoice::Server(_) => Self::Everywhere,
        }
    }

    pub(super) fn includes(self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::Everywhere, _) => true,
            (Self::Public, IpAddr::V4(address)) => is_public_v4(address),
            (Self::Public, IpAddr::V6(address)) => is_public_v6(address),
        }
    }
}

/// By the registry of special-purpose addresses (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_of_carrier = first == 100 && (64..128).contains(&second);
    let is_of_protocols = [first, second, third] == [192, 0, 0];
    let is_of_benchmarks = first == 198 && (18..20).contains(&second);
    !(first == 0
        || first >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || is_of_carrier
        || is_of_protocols
        || is_of_benchmarks)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Gateways take the IPv4 address out of these: NAT64 (RFC 6052) and 6to4 (RFC 3056).
    let inside = match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = inside {
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    // Global unicast is 2000::/3; of it, Teredo and documentation are not.
    let is_global = segments[0] & 0xe000 == 0x2000;
    let is_teredo = segments[..2] == [0x2001, 0];
    let is_documentation = segments[..2] == [0x2001, 0xdb8] || segments[0] == 0x3fff;
    is_global && !is_teredo && !is_documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_connected_to_unless_the_operator_names_the_dns_server() {
        let public = [
            "9.9.9.9",
            "100.128.0.1",
            "198.20.0.1",
            "2620:fe::fe",
            "2002:909:909::1",
        ];
        let inside = [
            "0.0.0.0",
            "10.0.0.5",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.5",
            "64:ff9b::10.0.0.5",
            "2001::1",
            "2001:db8::1",
            "2002:a00:5::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ];
        let server = ResolverChoice::Server("127.0.0.1:53".parse().unwrap());
        for (addresses, is_public) in [(&public[..], true), (&inside, false)] {
            for text in addresses {
                let address = text.parse().unwrap();
                let by_default = Reach::of(ResolverChoice::System);
                assert_eq!(by_default.includes(address), is_public, "{text}");
                assert!(Reach::of(server).includes(address), "{text}");
            }
        }
    }
}
