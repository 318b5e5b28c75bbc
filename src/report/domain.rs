//! Whether a user's domain exists, and whether its mail server answers: what a support form asks
//! first, found out anew for each report.
//!
//! The domain comes from a login, and so from strangers: all that is asked is bounded in time,
//! hosts and octets, and hosts inside the operator's networks are not connected to unless the
//! operator named the DNS server.

mod dns;
mod reach;
mod smtp;

use self::dns::{Dns, DnsFailure, MailHosts};
use self::reach::Reach;
use self::smtp::ask_smtp;
use crate::limits::{
    DOMAIN_CHECK, DOMAIN_CHECKS_MAX, DOMAIN_GREETING, DOMAIN_LOOKUP, MX_ADDRESSES_ASKED_MAX,
    MX_HOSTS_ASKED_MAX, MX_HOSTS_NAMED_MAX,
};
use crate::net::ResolverChoice;
use crate::time::{Duration, Instant};
use hickory_resolver::proto::rr::Name;
use std::net::{IpAddr, SocketAddr};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

/// What is known of a user's domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainCheck {
    /// Nothing.
    NotChecked(NotChecked),
    /// There is no such domain.
    NoSuchDomain,
    /// It exists, and has neither an MX nor an address: no mail can be sent to it.
    NoMx,
    /// It says that it takes no mail (RFC 7505).
    NullMx,
    /// It has mail servers: the first ones, by preference.
    Mx(Vec<MxHost>),
}

/// Why a domain was not checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChecked {
    /// The operator wants it so.
    Off,
    /// The login has no domain, or none that DNS could have.
    NoDomain,
    /// No DNS server answers: this machine may be offline, or the domain's servers are down.
    NoAnswer,
    /// A DNS server answers that it cannot tell: `SERVFAIL` or the like.
    Failed(String),
    /// Too many other domains are being checked.
    Busy,
}

/// A mail server of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// Its name, in the ASCII form.
    pub name: String,
    /// Lower ones are asked first.
    pub preference: u16,
    /// Whether there is no MX, so that the domain's own address stands for it (RFC 5321 section
    /// 5.1).
    pub is_implicit: bool,
    /// The address that was asked last.
    pub address: Option<IpAddr>,
    /// What came of asking it.
    pub answer: MxAnswer,
}

/// What came of asking a mail server. Its words can hold any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxAnswer {
    /// Its greeting, the first line: it takes mail.
    Greeted(String),
    /// It answers, and takes no mail now or from here: its first line.
    TurnedAway(String),
    /// Something answers that is no mail server: how it begins.
    NotSmtp(String),
    /// The connection was taken and closed without a word.
    Closed,
    /// The connection was taken, and no greeting came in time.
    Silent,
    /// Nothing answers at its address.
    NoAnswer,
    /// Nothing listens on its port.
    Refused,
    /// There is no way to it, as the system says.
    Unreachable(String),
    /// Its name has no address.
    NoAddress,
    /// DNS could not tell its address.
    AddressUnknown,
    /// It has an address that is not of the public internet, and was not connected to.
    NotPublic,
    /// Another one answered before its turn, or the time was spent.
    NotAsked,
}

impl MxAnswer {
    /// Whether asking it at another address, or asking another host, says nothing more.
    fn is_enough(&self) -> bool {
        matches!(self, Self::Greeted(_))
    }
}

/// The domain of a login, or of its canonical name: what stands behind its last `@`.
#[must_use]
pub fn domain_of(login: &[u8]) -> Option<&str> {
    let at = login.iter().rposition(|&octet| octet == b'@')?;
    let domain = std::str::from_utf8(&login[at + 1..]).ok()?.trim();
    (!domain.is_empty()).then_some(domain)
}

/// Asks for domains, a few at a time.
#[derive(Debug)]
pub struct DomainChecker {
    places: Semaphore,
    smtp_port: u16,
    bounds: Bounds,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    whole: Duration,
    lookup: Duration,
    greeting: Duration,
}

impl Default for DomainChecker {
    fn default() -> Self {
        Self::at_port(
            25,
            Bounds {
                whole: DOMAIN_CHECK,
                lookup: DOMAIN_LOOKUP,
                greeting: DOMAIN_GREETING,
            },
        )
    }
}

impl DomainChecker {
    fn at_port(smtp_port: u16, bounds: Bounds) -> Self {
        Self {
            places: Semaphore::new(DOMAIN_CHECKS_MAX),
            smtp_port,
            bounds,
        }
    }

    /// Checks `domain`, which may be in letters of any script, in [`DOMAIN_CHECK`] at most.
    pub async fn check(&self, domain: Option<&str>, resolver: ResolverChoice) -> DomainCheck {
        let begun = Instant::now();
        let deadline = begun + self.bounds.whole;
        if resolver == ResolverChoice::Off {
            return DomainCheck::NotChecked(NotChecked::Off);
        }
        let Some(domain) = domain.and_then(dns::absolute_name) else {
            return DomainCheck::NotChecked(NotChecked::NoDomain);
        };
        // A place that comes later leaves no time for an answer, and none would be taken for a DNS
        // server that gives none.
        let lookups = 2 * self.bounds.lookup;
        let place_by = begun + self.bounds.whole.saturating_sub(lookups);
        let Ok(Ok(_place)) = timeout_at(place_by, self.places.acquire()).await else {
            return DomainCheck::NotChecked(NotChecked::Busy);
        };
        match timeout_at(deadline, self.look_up(&domain, resolver)).await {
            Err(_) => DomainCheck::NotChecked(NotChecked::NoAnswer),
            Ok(Err(failure)) => failure.into(),
            Ok(Ok((_, MailHosts::None))) => DomainCheck::NullMx,
            Ok(Ok((dns, MailHosts::Some(hosts)))) => {
                let reach = Reach::of(resolver);
                self.ask_hosts(&dns, reach, hosts, deadline).await
            }
        }
    }

    async fn look_up(
        &self,
        domain: &Name,
        resolver: ResolverChoice,
    ) -> Result<(Dns, MailHosts), DnsFailure> {
        let dns = Dns::new(resolver, self.bounds.lookup).await?;
        let hosts = dns.mail_hosts(domain).await?;
        Ok((dns, hosts))
    }

    /// Asks the hosts in the order of preference, until one greets.
    async fn ask_hosts(
        &self,
        dns: &Dns,
        reach: Reach,
        mut hosts: Vec<MxHost>,
        deadline: Instant,
    ) -> DomainCheck {
        hosts.truncate(MX_HOSTS_NAMED_MAX);
        for host in hosts.iter_mut().take(MX_HOSTS_ASKED_MAX) {
            // What the host has told by the deadline stands in it.
            let asked = timeout_at(deadline, self.ask_host(dns, reach, host)).await;
            if asked.is_err() || host.answer.is_enough() {
                break;
            }
        }
        DomainCheck::Mx(hosts)
    }

    async fn ask_host(&self, dns: &Dns, reach: Reach, host: &mut MxHost) {
        let addresses = match dns.addresses(&host.name).await {
            Ok(addresses) => addresses,
            Err(DnsFailure::NoSuchName | DnsFailure::NoRecords) => {
                host.answer = MxAnswer::NoAddress;
                return;
            }
            Err(DnsFailure::NoAnswer | DnsFailure::Failed(_)) => {
                host.answer = MxAnswer::AddressUnknown;
                return;
            }
        };
        for address in addresses.into_iter().take(MX_ADDRESSES_ASKED_MAX) {
            host.address = Some(address);
            if !reach.includes(address) {
                host.answer = MxAnswer::NotPublic;
                continue;
            }
            host.answer = MxAnswer::NoAnswer;
            let at = SocketAddr::new(address, self.smtp_port);
            host.answer = ask_smtp(at, self.bounds.greeting).await;
            if host.answer.is_enough() {
                return;
            }
        }
    }
}

impl From<DnsFailure> for DomainCheck {
    /// What a failed look for a domain's mail servers means.
    fn from(failure: DnsFailure) -> Self {
        match failure {
            DnsFailure::NoSuchName => Self::NoSuchDomain,
            DnsFailure::NoRecords => Self::NoMx,
            DnsFailure::NoAnswer => Self::NotChecked(NotChecked::NoAnswer),
            DnsFailure::Failed(why) => Self::NotChecked(NotChecked::Failed(why)),
        }
    }
}

#[cfg(test)]
mod tests;
