//! Conditions of a query that several lists have.

use ipnet::IpNet;
use serde::de::{Deserialize, Deserializer, Error};
use std::net::{IpAddr, SocketAddr};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Whether `value` meets a condition that may not be there. What has no value meets none.
pub(super) fn equals(condition: Option<&str>, value: Option<&str>) -> bool {
    condition.is_none_or(|wanted| value == Some(wanted))
}

/// A part of a name, in any case: somebody on the phone spells half of an address.
#[derive(Clone, Debug)]
pub(super) struct NamePart(String);

impl NamePart {
    /// It, in lower case.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_in(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.0)
    }
}

impl<'de> Deserialize<'de> for NamePart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let part = String::deserialize(deserializer)?;
        Ok(Self(part.trim().to_lowercase()))
    }
}

impl PartialSchema for NamePart {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl ToSchema for NamePart {}

/// An IP address, or a network of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressRange(IpNet);

impl AddressRange {
    /// Whether the client at `client`, an address with its port, is in it.
    pub(super) fn has_client(self, client: &str) -> bool {
        has_client(&self.0, client)
    }

    pub(super) fn network(self) -> IpNet {
        self.0
    }

    /// Whether it and `other`, an address or a network, have an address in common.
    pub(super) fn meets(self, other: &str) -> bool {
        network(other).is_some_and(|other| {
            self.0.contains(&other.network()) || other.contains(&self.0.network())
        })
    }
}

/// Whether the client at `client`, an address with its port, is in it.
pub(super) fn has_client(network: &IpNet, client: &str) -> bool {
    client
        .parse::<SocketAddr>()
        .is_ok_and(|client| network.contains(&client.ip().to_canonical()))
}

fn network(text: &str) -> Option<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Some(address.to_canonical().into()),
        Err(_) => text.parse().ok(),
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        network(text.trim()).map(Self).ok_or_else(|| {
            D::Error::custom(
                "`address` is neither an address, as in 192.0.2.1, nor a network, as in \
                 192.0.2.0/24 or 2001:db8:1:2::/64",
            )
        })
    }
}

impl PartialSchema for AddressRange {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl ToSchema for AddressRange {}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Option<AddressRange> {
        serde_json::from_value(text.into()).ok()
    }

    fn part(text: &str) -> NamePart {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn a_part_of_a_name_is_found_in_any_case_and_what_is_pasted_is_trimmed() {
        for found in ["ann", "ANN@", " ann@example.com\t", "", "xample"] {
            assert!(part(found).is_in("Ann@Example.com"), "{found}");
        }
        for other in ["anne", "*", "a.n"] {
            assert!(!part(other).is_in("ann@example.com"), "{other}");
        }
        assert!(part("MÜLLER").is_in("müller@example.com"));
    }

    #[test]
    fn a_client_is_in_a_network_whatever_its_port() {
        for (asked, client, is_in) in [
            ("192.0.2.7", "192.0.2.7:49152", true),
            ("192.0.2.7", "[::ffff:192.0.2.7]:49152", true),
            ("::ffff:192.0.2.7", "192.0.2.7:49152", true),
            ("192.0.2.0/24", "192.0.2.7:49152", true),
            ("192.0.2.9/24", "192.0.2.7:49152", true),
            ("192.0.3.0/24", "192.0.2.7:49152", false),
            ("2001:db8::/32", "[2001:db8::7]:110", true),
            ("2001:db8::8", "[2001:db8::7]:110", false),
            ("0.0.0.0/0", "[2001:db8::7]:110", false),
        ] {
            let range = range(asked).unwrap();
            assert_eq!(range.has_client(client), is_in, "{asked} {client}");
        }
        for wrong in [
            "",
            "example.com",
            "192.0.2.7:110",
            "192.0.2.0/33",
            "192.0.2",
        ] {
            assert!(range(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_network_meets_what_it_holds_and_what_holds_it() {
        for (asked, other, meets) in [
            ("2001:db8:1:2::7", "2001:db8:1:2::/64", true),
            ("2001:db8::/32", "2001:db8:1:2::/64", true),
            ("2001:db9::/32", "2001:db8:1:2::/64", false),
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.8", "192.0.2.7", false),
        ] {
            assert_eq!(range(asked).unwrap().meets(other), meets, "{asked} {other}");
        }
    }
}
