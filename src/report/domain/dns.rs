//! Questions to DNS, and what their answers mean here.

use super::{MxAnswer, MxHost};
use crate::net::ResolverChoice;
use crate::time::Duration;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use std::net::{IpAddr, SocketAddr};
use tokio::task::spawn_blocking;

/// Why DNS gave no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DnsFailure {
    /// The name does not exist.
    NoSuchName,
    /// It exists, without records of this type.
    NoRecords,
    /// No server answers.
    NoAnswer,
    /// A server answers that it cannot tell.
    Failed(String),
}

/// A resolver for one check: nothing is remembered from one to the next, since who asks has just
/// changed something.
pub(super) struct Dns(TokioResolver);

impl Dns {
    pub(super) async fn new(
        choice: ResolverChoice,
        patience: Duration,
    ) -> Result<Self, DnsFailure> {
        let config = match choice {
            ResolverChoice::Server(server) => of_server(server),
            // It reads a file.
            ResolverChoice::System | ResolverChoice::Off => spawn_blocking(read_system_conf)
                .await
                .map_err(|error| DnsFailure::Failed(error.to_string()))?
                .map(|(config, _)| config)
                .map_err(|error| DnsFailure::Failed(error.to_string()))?,
        };
        let mut options = ResolverOpts::default();
        options.timeout = patience;
        options.attempts = 2;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map(Self)
            .map_err(|error| DnsFailure::Failed(error.to_string()))
    }

    /// The hosts that take mail for `domain`, by preference; none: it says that none does.
    pub(super) async fn mail_hosts(&self, domain: &Name) -> Result<MailHosts, DnsFailure> {
        match self.lookup(domain.clone(), RecordType::MX).await {
            Ok(records) => Ok(MailHosts::of(&records)),
            Err(DnsFailure::NoRecords) => {
                self.addresses_of(domain).await?;
                let host = mx_host(domain, 0, true);
                Ok(MailHosts::Some(vec![host]))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The addresses of a host, IPv4 before IPv6: many machines have no way to the latter.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsFailure> {
        let name = absolute_name(host).ok_or(DnsFailure::NoSuchName)?;
        self.addresses_of(&name).await
    }

    async fn addresses_of(&self, name: &Name) -> Result<Vec<IpAddr>, DnsFailure> {
        let records = match self.lookup(name.clone(), RecordType::A).await {
            Err(DnsFailure::NoRecords) => self.lookup(name.clone(), RecordType::AAAA).await?,
            records => records?,
        };
        Ok(records.iter().filter_map(RData::ip_addr).collect())
    }

    async fn lookup(&self, name: Name, kind: RecordType) -> Result<Vec<RData>, DnsFailure> {
        let answer = self.0.lookup(name, kind).await?;
        let records = answer.answers().iter().map(|record| record.data.clone());
        // A CNAME that leads to them stands among them.
        let found: Vec<_> = records.filter(|it| it.record_type() == kind).collect();
        match found.is_empty() {
            true => Err(DnsFailure::NoRecords),
            false => Ok(found),
        }
    }
}

/// Who takes mail for a domain.
#[derive(Debug)]
pub(super) enum MailHosts {
    /// Nobody, it says (RFC 7505).
    None,
    /// These, by preference.
    Some(Vec<MxHost>),
}

impl MailHosts {
    fn of(records: &[RData]) -> Self {
        let mut hosts: Vec<_> = records
            .iter()
            .filter_map(|record| match record {
                RData::MX(mx) if !mx.exchange.is_root() => {
                    Some(mx_host(&mx.exchange, mx.preference, false))
                }
                _ => None,
            })
            .collect();
        // Of several of one preference any may be first; here always the same.
        hosts.sort_by(|one, other| {
            let key = |host: &MxHost| (host.preference, host.name.clone());
            key(one).cmp(&key(other))
        });
        match hosts.is_empty() {
            true => Self::None,
            false => Self::Some(hosts),
        }
    }
}

fn mx_host(name: &Name, preference: u16, is_implicit: bool) -> MxHost {
    MxHost {
        name: name.to_ascii().trim_end_matches('.').to_owned(),
        preference,
        is_implicit,
        address: None,
        answer: MxAnswer::NotAsked,
    }
}

fn of_server(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_name_servers(vec![server])
}

/// `domain` as DNS knows it, in ASCII and from the root on, so that no search domain is tried.
/// None: DNS can have no such name, or it is an address.
pub(super) fn absolute_name(domain: &str) -> Option<Name> {
    let is_address = domain.trim_end_matches('.').parse::<IpAddr>().is_ok();
    if is_address || domain.starts_with('[') {
        return None;
    }
    let mut name = Name::from_utf8(domain).ok()?;
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

impl From<NetError> for DnsFailure {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) => {
                match response_code {
                    ResponseCode::NXDomain => Self::NoSuchName,
                    ResponseCode::NoError => Self::NoRecords,
                    code => Self::Failed(code.to_string()),
                }
            }
            NetError::Dns(DnsError::ResponseCode(code)) => Self::Failed(code.to_string()),
            NetError::Timeout | NetError::NoConnections | NetError::Io(_) => Self::NoAnswer,
            other => Self::Failed(other.to_string()),
        }
    }
}
