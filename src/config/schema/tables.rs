//! The tables that hold no limits.

use super::super::checks::{Allowed, value_or, within};
use super::super::mistakes::Diagnostics;
use super::super::value::{At, Section};
use super::super::value_types::{
    ByteSize, Capability, CertificateName, DomainPattern, EngineWord, HostPort, Phrase,
};
use super::SchemaTable;
use super::limits::{CONNECTIONS, Defaults, WrittenTenant};
use crate::backend::Shareable;
use crate::cluster::member::OnOutage;
use crate::ids::{BackendName, ListenerName};
use crate::limits::{
    BACKEND_CONNECTIONS_MAX, CLUSTER_LEASE, CONNECT_TIMEOUT, GRACE, LOGIN_TIMEOUT, SHARING_MEMORY,
    WAIT_MAX,
};
use crate::net::{ResolverChoice, TlsMode};
use crate::observe::LogFormat;
use crate::time::Duration;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::Spanned;

/// No tenant's `wait` leaves more.
const LOGIN_RESERVE: RangeInclusive<Duration> = Duration::ZERO..=WAIT_MAX;

/// A helpdesk needs yesterday's; ten years are past every retention rule.
const JOURNAL_KEEP: RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(3_653 * 24 * 60 * 60);

/// Hundreds of thousands of logins, up to the largest disks.
const JOURNAL_SIZE: RangeInclusive<ByteSize> = ByteSize(64 << 20)..=ByteSize(16 << 40);

/// What [`JOURNAL_SIZE`] holds at most.
const JOURNAL_ROWS_MAX: usize = 10_000_000_000;

/// One listing of the largest mailbox that is shared; more than any household of servers has.
const SHARING_MEMORIES: RangeInclusive<ByteSize> = ByteSize(1 << 20)..=ByteSize(64 << 30);

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct File {
    #[serde(default)]
    pub(in crate::config) server: Section<ServerTable>,
    #[serde(default)]
    pub(in crate::config) listen: Vec<Spanned<Section<ListenTable>>>,
    pub(in crate::config) tls: Option<Section<TlsTable>>,
    #[serde(default)]
    pub(in crate::config) backend: Vec<Spanned<Section<BackendTable>>>,
    pub(in crate::config) admin: Option<Section<AdminTable>>,
    pub(in crate::config) journal: Option<Section<JournalTable>>,
    pub(in crate::config) cluster: Option<Section<ClusterTable>>,
    #[serde(default)]
    pub(in crate::config) report: Section<ReportTable>,
    pub(in crate::config) defaults: Option<Spanned<Section<Defaults>>>,
    #[serde(default)]
    pub(in crate::config) tenant: Vec<Section<WrittenTenant>>,
}

impl File {
    /// Refuses each value that is out of its range.
    pub(in crate::config) fn check(&mut self, diagnostics: &mut Diagnostics) {
        self.server.0.check(diagnostics);
        for table in &mut self.listen {
            table.as_mut().0.check(diagnostics);
        }
        for table in &mut self.backend {
            table.as_mut().0.check(diagnostics);
        }
        if let Some(table) = &mut self.journal {
            table.0.check(diagnostics);
        }
        if let Some(table) = &mut self.cluster {
            table.0.check(diagnostics);
        }
        if let Some(table) = &mut self.defaults {
            table.as_mut().0.check(diagnostics);
        }
        for tenant in &mut self.tenant {
            tenant.0.check(diagnostics);
            for user in &mut tenant.0.user {
                user.0.check(diagnostics);
            }
        }
    }
}

table! {
    /// The process itself.
    #[derive(Default)]
    ServerTable
    settings {
        /// After SIGTERM, sessions and waiters go on this long. Not shorter than the longest wait.
        grace: Duration = Duration::from_secs(60), in GRACE;

        /// "human" or "json".
        log: LogFormat = LogFormat::Human;

        /// Most client connections at a time; a client above it is told so. 0: as many as the limit
        /// of open files allows.
        connections: usize = 0, in CONNECTIONS;

        /// Most octets of mailbox listings that are kept for sharing, with KiB, MiB or GiB behind
        /// the number; beyond that, logins are as without sharing.
        sharing_memory: ByteSize = ByteSize(SHARING_MEMORY as u64), in SHARING_MEMORIES;
    }
    others {
        /// Networks whose clients may send passwords in clear (see cleartext), and whose PROXY
        /// headers count. For them there is no limit on connections, no delay after a wrong
        /// password, and no block. Default: loopback alone.
        trusted_networks: Option<Vec<At<IpNet>>>,
            e.g. r#"["127.0.0.0/8", "::1/128", "10.20.0.0/16"]"#;
    }
}

table! {
    /// Where mail clients connect.
    ListenTable
    required {
        /// An IP address and a port.
        address: At<SocketAddr>, e.g. r#""0.0.0.0:110""#;
    }
    settings {
        /// "off", "stls" (in clear, and TLS when the client asks) or "implicit".
        tls: TlsMode = TlsMode::Stls;

        /// true: each connection must begin with a PROXY protocol header (version 1 or 2), and only
        /// trusted_networks may connect.
        proxy_protocol: bool = false;
    }
    others {
        /// Stands in metrics and log lines. Default: the address.
        name: Option<At<ListenerName>>, e.g. r#""pop3""#;
    }
}

table! {
    /// The certificates of the ports above, for clients that name no server, or one that no host
    /// below has. Spoken are TLS 1.2 and 1.3, with ECDHE and AES-GCM or ChaCha20-Poly1305, and
    /// nothing older. An ECDSA certificate (P-256) lets Windows 7 to 8.1 in, an RSA one does not;
    /// see "TLS versions".
    TlsTable
    required {
        /// The chain, in PEM.
        certificate: At<PathBuf>, e.g. r#""fullchain.pem""#;

        /// Its private key, in PEM.
        key: At<PathBuf>, e.g. r#""privkey.pem""#;
    }
    others {
        /// Certificates for some names.
        host: Vec<Section<TlsHostTable>>, e.g. "";
    }
}

table! {
    /// The certificate for clients that ask for one of these names.
    TlsHostTable
    required {
        /// The chain, in PEM.
        certificate: At<PathBuf>, e.g. r#""example.com/fullchain.pem""#;

        /// Its private key, in PEM.
        key: At<PathBuf>, e.g. r#""example.com/privkey.pem""#;

        /// Server names; "*.example.org" is all below example.org.
        names: Spanned<Vec<At<DomainPattern>>>,
            e.g. r#"["pop.example.com", "mail.example.com"]"#;
    }
}

table! {
    /// A server behind.
    BackendTable
    required {
        /// Stands in metrics and log lines, and in a tenant's backends.
        name: At<BackendName>, e.g. r#""legacy""#;

        /// A host and a port.
        address: At<HostPort>, e.g. r#""10.0.0.5:110""#;
    }
    settings {
        /// "off", "stls" or "implicit". A server that is too old for TLS 1.2 with ECDHE and AES-GCM
        /// is reached with "off", through stunnel on this host.
        tls: TlsMode = TlsMode::Off;

        /// false takes any certificate, and check warns.
        verify: bool = true;

        /// Connecting may take this long, the greeting and TLS included: also for a health check of
        /// popgate's own.
        connect_timeout: Duration = Duration::from_secs(15), in CONNECT_TIMEOUT;

        /// A PASS that has begun may take this long.
        login_timeout: Duration = Duration::from_secs(60), in LOGIN_TIMEOUT;

        /// The end of a tenant's wait that is kept for the login itself.
        login_reserve: Duration = Duration::from_secs(3), in LOGIN_RESERVE;

        /// Most connections from this popgate at a time; 0: no limit.
        connections: usize = 0, in 0..=BACKEND_CONNECTIONS_MAX, e.g. "40";

        /// Open the next client's connection before its turn.
        preconnect: bool = true;

        /// Send a PROXY protocol header, version 2, first.
        proxy_protocol: bool = false;

        /// Tell it the address of each client by XOIP, before its login: Zimbra.
        xoip: bool = false;

        /// Whether sessions may live on listings, where sharing is on: true, false, or "ask": once
        /// sessions have shown that new mail keeps its unique-ids when one ends without QUIT, and
        /// that the mailbox is free within a second of that. popgate doctor tries both.
        shareable: Shareable = Shareable::Ask;
    }
    others {
        /// Who may have signed its certificate. Default: whom the system trusts.
        ca: Option<At<PathBuf>>, e.g. r#"# "internal-ca.pem""#;

        /// The name in its certificate. Default: the host of address.
        server_name: Option<At<CertificateName>>, e.g. r#"# "mail.example.net""#;

        /// What the server can do, before login and after it. CAPA is not asked then: for a server
        /// that breaks off at that, or does not tell the truth. Default: what it lists; without
        /// CAPA, TOP and UIDL.
        capabilities: Option<Spanned<Vec<At<Capability>>>>, e.g. r#"["TOP", "UIDL"]"#;
    }
    tables {
        phrases: PhrasesTable;
    }
}

table! {
    /// Words of its error lines that popgate does not know by itself (try: popgate classify).
    #[derive(Default)]
    PhrasesTable
    others {
        /// The maildrop is locked.
        locked: Vec<At<Phrase>>, e.g. r#"["maildrop in use elsewhere"]"#;

        /// The name or the password is wrong.
        auth: Vec<At<Phrase>>, e.g. r#"["no such customer"]"#;

        /// The server cannot just now.
        temp: Vec<At<Phrase>>, e.g. r#"["nightly backup"]"#;
    }
}

table! {
    /// The port for operators: metrics, an API, a page. Without this table there is none.
    AdminTable
    required {
        /// An IP address and a port. GET /metrics, /healthz and /readyz are for everybody who can
        /// connect to loopback; the API below /api/v1 is for those who have the token. An address
        /// that is not loopback needs a certificate, or cleartext = true.
        address: At<SocketAddr>, e.g. r#""127.0.0.1:9110""#;
    }
    settings {
        /// true: an address that is not loopback may do without TLS. The token and everything that
        /// the port shows can then be read on the network.
        cleartext: bool = false;

        /// true: requests from this machine need no token. Everybody who can log in here can then
        /// kick sessions and release blocks; so can the clients of a reverse proxy on this machine.
        trust_loopback: bool = false;
    }
    others {
        /// The token of the API, for the page and for popgate status, locks, kick and the like.
        /// Without it the API is there for loopback alone, and only with trust_loopback. popgate
        /// makes the file at its first start, with mode 0600, so it must be able to write to the
        /// folder: the systemd unit makes this one.
        token_file: Option<At<PathBuf>>, e.g. r#""/var/lib/popgate/admin.token""#;

        /// A certificate chain, PEM: the port then speaks HTTPS, and nothing else.
        certificate: Option<At<PathBuf>>, e.g. r#""fullchain.pem""#;

        /// The private key of the certificate, PEM.
        key: Option<At<PathBuf>>, e.g. r#""privkey.pem""#;

        /// Names by which browsers and other clients may call this port. A request whose Host is
        /// neither one of them, nor an IP address, nor localhost is refused: a web page elsewhere
        /// could have had its own name resolved to this machine (DNS rebinding). /healthz and
        /// /readyz answer to any name.
        host_names: Vec<At<CertificateName>>, e.g. r#"["gate.example.net"]"#;
    }
}

table! {
    /// What outlives the process; without this table the block list does not survive a restart.
    JournalTable
    required {
        /// A SQLite database with mode 0600, and two more files beside it while popgate runs.
        file: At<PathBuf>, e.g. r#""/var/lib/popgate/popgate.db""#;
    }
    settings {
        /// The history, and entries of the block list that are not blocked any more, are kept this
        /// long; the history up to a fiftieth longer.
        keep: Duration = Duration::from_secs(14 * 24 * 60 * 60), in JOURNAL_KEEP;

        /// false: only the block list is kept, and no history of logins, in memory neither.
        sessions: bool = true;

        /// Most logins in the history, one with some 300 octets; the oldest go first. 0: no bound
        /// but keep and size; else at least 10000. A quarter of them is for logins without a right
        /// password.
        rows: usize = 10_000_000, in 0..=JOURNAL_ROWS_MAX;

        /// Most octets of the file, with KiB, MiB, GiB or TiB behind the number.
        size: ByteSize = ByteSize(4 << 30), in JOURNAL_SIZE;

        /// true: names of users stand in the file as keyed hashes, and the block list's are
        /// encrypted. popgate can still be asked for a name; sqlite3 cannot.
        hash_users: bool = false;
    }
    others {
        /// The key of hash_users. popgate makes it where it is absent, with mode 0600: keep a copy.
        /// If it is lost, names cannot be asked for any more. Default: journal.key beside file.
        key_file: Option<At<PathBuf>>, e.g. r#""/var/lib/popgate/journal.key""#;
    }
}

table! {
    /// Several popgates before the same servers, which let one session at a time into each mailbox
    /// together. They agree through a Redis (6.2 or later) or Valkey. Without this table a gate is
    /// alone. All gates of a cluster have the same [[backend]] names, domains and aliases.
    ClusterTable
    required {
        /// The engine's host and port. With master: those of its Sentinels.
        nodes: Spanned<Vec<At<HostPort>>>, e.g. r#"["127.0.0.1:6379"]"#;

        /// 64 hex digits, the same at all gates, which names and texts in the engine are hidden
        /// with. popgate cluster secret makes one.
        secret_file: At<PathBuf>, e.g. r#""cluster.secret""#;
    }
    settings {
        /// true: the engine, and its Sentinels, are spoken to with TLS.
        tls: bool = false;

        /// A gate of which nothing is heard for so long counts as dead, and its mailboxes are free.
        lease: Duration = Duration::from_secs(15), in CLUSTER_LEASE;

        /// While the engine is away: "local": each gate goes on with its own queues; "refuse": new
        /// logins are refused.
        on_outage: OnOutage = OnOutage::Local;
    }
    others {
        /// What the Sentinels call the primary. Default: there are no Sentinels.
        master: Option<At<EngineWord>>, e.g. r#"# "mail""#;

        /// Who may have signed their certificates. Default: whom the system trusts.
        ca: Option<At<PathBuf>>, e.g. r#"# "internal-ca.pem""#;

        /// The user of the engine's access control list. Default: its default user.
        username: Option<At<EngineWord>>, e.g. r#"# "popgate""#;

        /// The file with that user's password, a line.
        password_file: Option<At<PathBuf>>, e.g. r#"# "engine.password""#;

        /// What all names in the engine begin with: another one for each cluster that shares it.
        /// Default: "popgate:".
        prefix: Option<At<EngineWord>>, e.g. r#"# "popgate:""#;

        /// What this gate is called where people read it. Default: the name of the host.
        name: Option<At<EngineWord>>, e.g. r#"# "gate-1""#;
    }
}

table! {
    /// Reports about a user's troubles.
    #[derive(Default)]
    ReportTable
    settings {
        /// Which DNS server says whether a user's domain exists and who takes its mail: "system",
        /// "off", or an address and a port. With "system" mail servers at addresses that are not of
        /// the public internet are not connected to.
        resolver: ResolverChoice = ResolverChoice::System, e.g. r#""192.0.2.53:53""#;
    }
}
