//! Listings of a server that knows the clients' addresses, and lets in by them.

use super::{Counts, USER, at_shareable, expect, message_ids};
use crate::client::Client;
use crate::server::{Kind, PASSWORD};
use crate::site::Site;
use crate::{Outcome, expect_equal};
use std::fs;
use std::net::Ipv4Addr;

const OWNER: &str = "203.0.113.7";
/// Its server lets it in, too.
const NEIGHBOUR: &str = "203.0.113.8";
/// It knows the password, and the server lets nobody in from there.
const OUTSIDER: &str = "198.51.100.9";

/// Each address has its own listing, and one that the server forbids has none.
pub(crate) fn listings_by_address(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    at_shareable(kind, ip, &[USER], |site| {
        let allowed = format!("{USER}:{{PLAIN}}{PASSWORD}::::::allow_nets=203.0.113.0/24\n");
        fs::write(site.server.ground().dir().join("users"), allowed)?;
        site.server.deliver(USER, &message_ids(1, 3), 100)?;

        is_let_in(site, OWNER, false)?;
        is_let_in(site, OWNER, true)?;
        is_let_in(site, NEIGHBOUR, false)?;
        is_let_in(site, NEIGHBOUR, true)?;
        is_let_in(site, OWNER, false)?;

        let mut view = from(OWNER, site)?.logged_in(USER, PASSWORD)?;
        view.listing()?;
        let before = (Counts::of(site)?.fresh, site.relay.logins());
        let refusal = from(OUTSIDER, site)?.logged_in(USER, PASSWORD);
        let refusal = refusal.err().ok_or("the outsider is let in")?;
        expect(
            refusal.to_string().starts_with("PASS: -ERR"),
            "it is refused",
            &refusal,
        )?;
        let after = (Counts::of(site)?.fresh, site.relay.logins());
        expect_equal("let in, and asked", &after, &(before.0, before.1 + 1))?;
        view.close();
        is_let_in(site, OWNER, false)
    })
}

fn is_let_in(site: &Site, client: &str, expected: bool) -> Outcome<()> {
    let logins = site.relay.logins();
    let mut client = from(client, site)?.logged_in(USER, PASSWORD)?;
    client.listing()?;
    client.quit()?;
    expect_equal("let in", &(site.relay.logins() == logins), &expected)
}

fn from(client: &str, site: &Site) -> Outcome<Client> {
    let header = format!("PROXY TCP4 {client} 192.0.2.1 4711 110\r\n");
    Client::connect_behind(&header, site.gate.address_for_balancer())
}
