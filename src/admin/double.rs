//! A gate that is none, behind an admin port that is one: for the tests of this room.

use super::blocks::BlockListAdmin;
use super::model::{
    BackendInfo, BackendTotals, BlockTotals, ClusterInfo, GateStatus, HistoryPage, JournalInfo,
    LockInfo, LockTotals, NoticeList, PausedInfo, RefusalTotals, ReportInfo, Samples, SessionInfo,
    SessionTotals, SharingInfo, TenantInfo, TimelineInfo, UserInfo,
};
use super::stream::double::FeedDouble;
use super::token::Token;
use super::{
    AdminPolicy, AdminState, ClusterAdmin, GateAdmin, GateControl, GateView, HistoryView,
    KickElsewhere, LockFeed, LocksElsewhere, LocksOfGate, PictureLabels, Reloaded, ReportQuery,
    ReportRefusal, ReportView, TimelineQuery, TimelineView, UnknownName, UserQuery, UserView,
    serve,
};
use crate::admission::block_list::BlockList;
use crate::cluster::messages::LocksWanted;
use crate::gate::Kick;
use crate::history::{EntryId, HistoryAnswer, HistoryQuery, StoredBlockChange};
use crate::ids::{BackendName, ListenerName, SessionId, TenantName, UserName};
use crate::journal::HistoryError;
use crate::lock::queue::WaitProgress;
use crate::net::BoxFuture;
use crate::net::tls::Acceptor;
use crate::observe::event::Operator;
use crate::observe::log::parse_level;
use crate::observe::metrics::{Metrics, MetricsError};
use crate::policy::block::{
    BlockAction, BlockChange, BlockEntry, BlockFilter, BlockId, BlockTarget, ChangeKind, ChangedBy,
    ListedBlock, TransientCount,
};
use crate::policy::pause::PauseSubject;
use crate::time::Duration;
use jiff::Timestamp;
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The token of each port that has one.
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What the admin port shows and changes. It tells nobody of a change.
pub(super) struct GateDouble {
    pub(super) metrics: Metrics,
    pub(super) ready: Mutex<Result<(), String>>,
    pub(super) blocks: BlockList,
    /// What a reload says; none where it panics.
    pub(super) reloaded: Mutex<Option<Reloaded>>,
    pub(super) feed: FeedDouble,
    pub(super) sessions: Vec<SessionInfo>,
    pub(super) locks: Vec<LockInfo>,
    pub(super) cluster: Option<ClusterInfo>,
    /// What gate `b` holds while others wait.
    pub(super) held_elsewhere: Vec<LockInfo>,
    /// What the other gates were asked for.
    pub(super) wanted: Mutex<Vec<LocksWanted>>,
    pub(super) backends: Vec<BackendInfo>,
    pub(super) tenants: Vec<TenantInfo>,
    /// What operators have done, each with its reason.
    pub(super) done: Mutex<Vec<String>>,
}

impl Default for GateDouble {
    fn default() -> Self {
        let tenants = [TenantName::new("default")];
        let listeners = [ListenerName::new("pop3")];
        let backends = [BackendName::new("legacy")];
        Self {
            metrics: Metrics::new(&tenants, &listeners, &backends, 200).unwrap(),
            ready: Mutex::new(Ok(())),
            blocks: BlockList::default(),
            reloaded: Mutex::new(Some(Ok(vec!["tenants: one more".to_owned()]))),
            feed: FeedDouble::default(),
            sessions: Vec::new(),
            locks: Vec::new(),
            cluster: None,
            held_elsewhere: Vec::new(),
            wanted: Mutex::default(),
            backends: Vec::new(),
            tenants: Vec::new(),
            done: Mutex::default(),
        }
    }
}

impl GateAdmin for GateDouble {
    fn metrics(&self) -> Result<String, MetricsError> {
        self.metrics.set_waits(WaitProgress {
            longest: Duration::from_secs(7),
            spent: 0.25,
        });
        self.metrics.render()
    }

    fn ready(&self) -> Result<(), String> {
        self.ready.lock().unwrap().clone()
    }

    fn answered(&self, route: &str, status: u16) {
        self.metrics.admin_request(route, status);
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        None
    }

    fn view(&self) -> &dyn GateView {
        self
    }

    fn lock_feed(&self) -> &dyn LockFeed {
        &self.feed
    }

    fn control(&self) -> &dyn GateControl {
        self
    }

    fn cluster(&self) -> &dyn ClusterAdmin {
        self
    }

    fn users(&self) -> &dyn UserView {
        self
    }

    fn timelines(&self) -> &dyn TimelineView {
        self
    }

    fn history(&self) -> &dyn HistoryView {
        self
    }

    fn reports(&self) -> &dyn ReportView {
        self
    }

    fn blocks(&self) -> &dyn BlockListAdmin {
        self
    }

    fn reload(&self) -> BoxFuture<'static, Reloaded> {
        let reloaded = self.reloaded.lock().unwrap().clone();
        Box::pin(async { reloaded.expect("a fault, for the test") })
    }
}

impl BlockListAdmin for GateDouble {
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry> {
        self.blocks.entries(filter, Timestamp::UNIX_EPOCH)
    }

    fn counting(&self, filter: &BlockFilter) -> Vec<ListedBlock> {
        self.blocks.counting(filter, Timestamp::UNIX_EPOCH)
    }

    fn transient(&self, targets: &[BlockTarget]) -> Vec<Option<TransientCount>> {
        self.blocks.transient(targets, Timestamp::UNIX_EPOCH)
    }

    fn change(&self, filter: &BlockFilter, action: BlockAction, by: IpAddr) -> Vec<BlockEntry> {
        assert!(by.is_loopback());
        let by = ChangedBy::Operator(by);
        self.blocks
            .change(filter, action, by, Timestamp::UNIX_EPOCH)
            .flatten()
            .map(|change| change.entry)
            .collect()
    }

    fn would_change(&self, filter: &BlockFilter, action: BlockAction) -> Vec<BlockEntry> {
        self.blocks
            .would_change(filter, action, Timestamp::UNIX_EPOCH)
    }

    /// Each entry was blocked by a rule and then pinned by hand.
    fn history(
        &self,
        id: BlockId,
    ) -> Result<Option<HistoryAnswer<StoredBlockChange>>, HistoryError> {
        let entries = BlockListAdmin::entries(self, &BlockFilter::ids(vec![id]));
        let changes = entries.first().map(changes_of);
        Ok(changes.map(HistoryAnswer::complete))
    }
}

fn changes_of(entry: &BlockEntry) -> Vec<StoredBlockChange> {
    let operator = ChangedBy::Operator(IpAddr::from([192, 0, 2, 3]));
    let changes = [
        (2_u32, ChangeKind::Pinned, operator),
        (1, ChangeKind::Blocked, ChangedBy::Rule),
    ];
    let stored = changes.map(|(second, what, by)| StoredBlockChange {
        id: EntryId(second.into()),
        at: Timestamp::from_second(second.into()).unwrap(),
        change: BlockChange {
            entry: entry.clone(),
            what,
            by,
        },
    });
    stored.into()
}

impl GateDouble {
    fn note(&self, what: &str, operator: &Operator) {
        assert!(operator.address.ip().is_loopback());
        let reason = operator.reason.as_deref().unwrap_or("no reason");
        self.done.lock().unwrap().push(format!("{what}: {reason}"));
    }

    fn known(&self, subject: &PauseSubject) -> Result<(), UnknownName> {
        let is_known = match subject {
            PauseSubject::Tenant(name) => self.tenants.iter().any(|it| it.name == name.as_str()),
            PauseSubject::Backend(name) => self.backends.iter().any(|it| it.name == name.as_str()),
        };
        is_known.then_some(()).ok_or(UnknownName)
    }
}

impl GateControl for GateDouble {
    /// Session 1 can be kicked, 2 has sent QUIT, 3 is ending.
    fn kick(&self, session: SessionId, operator: &Operator) -> Kick {
        self.note(&format!("kick {session}"), operator);
        match session.0 {
            1 => Kick::Kicked,
            2 => Kick::AfterQuit,
            3 => Kick::Ending,
            _ => Kick::NoSuchSession,
        }
    }

    fn pause(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        self.known(subject)?;
        self.note(&format!("pause {subject}"), operator);
        Ok(())
    }

    fn resume(&self, subject: &PauseSubject, operator: &Operator) -> Result<(), UnknownName> {
        self.known(subject)?;
        self.note(&format!("resume {subject}"), operator);
        Ok(())
    }

    fn drain(&self, grace: Option<Duration>, operator: &Operator) {
        self.note(&format!("drain {grace:?}"), operator);
    }

    fn log_level(&self) -> String {
        "info".to_owned()
    }

    fn set_log_level(&self, level: &str, operator: &Operator) -> Result<String, String> {
        self.note(&format!("log {level}"), operator);
        parse_level(level)
            .map(|filter| filter.to_string())
            .map_err(|error| error.to_string())
    }
}

impl UserView for GateDouble {
    /// Of nobody anything is known but what was asked.
    fn user(&self, query: &UserQuery) -> UserInfo {
        UserInfo {
            login: query.login.to_string(),
            maildrop: query.login.to_string(),
            lock_id: format!("legacy/{}", query.login),
            tenant: "default".to_owned(),
            backends: vec!["legacy".to_owned()],
            depends_on_connection: query.listener.is_none() && query.server_name.is_none(),
            lock: None,
            sessions: Vec::new(),
            limits: Vec::new(),
            sharing: SharingInfo::default(),
            polls: Vec::new(),
            blocks: Vec::new(),
            penalties: Vec::new(),
            last_logins: Vec::new(),
            causes_of: None,
            causes: Vec::new(),
        }
    }
}

impl HistoryView for GateDouble {
    /// Nothing happened.
    fn entries(&self, _: Option<&UserName>, _: HistoryQuery) -> Result<HistoryPage, HistoryError> {
        Ok(HistoryPage {
            items: Vec::new(),
            next: None,
            journal: JournalInfo::default(),
        })
    }

    fn notices(&self, _: Timestamp, _: Timestamp) -> Result<NoticeList, HistoryError> {
        Err(HistoryError::Off)
    }
}

impl ReportView for GateDouble {
    fn domain_sentence(
        &self,
        query: &ReportQuery,
    ) -> BoxFuture<'static, Result<String, ReportRefusal>> {
        let is_known = query.language.as_deref() != Some("xx");
        let mistake = || ReportRefusal::Mistake("no such language".to_owned());
        let domain = is_known.then(|| "example.com exists".to_owned());
        Box::pin(async move { domain.ok_or_else(mistake) })
    }

    /// It says what it was asked.
    fn report(&self, query: &ReportQuery, domain: String) -> Result<ReportInfo, ReportRefusal> {
        Ok(ReportInfo {
            login: query.user.login.to_string(),
            at: query.at,
            language: query.language.clone().unwrap_or_default(),
            text: format!("{domain}; since {:?}, entry {:?}", query.since, query.entry),
            timeline_svg: None,
            causes: Vec::new(),
        })
    }
}

impl TimelineView for GateDouble {
    /// Nothing happened, up to the end of the first hour. Nobody keeps a history of `nobody`.
    fn timeline(&self, query: &TimelineQuery) -> Result<TimelineInfo, ReportRefusal> {
        let login = query.user.login.to_string();
        if login == "nobody" {
            return Err(ReportRefusal::NoHistory("none is kept".to_owned()));
        }
        let hour = Timestamp::from_second(3_600).unwrap();
        Ok(TimelineInfo {
            maildrop: login.clone(),
            login,
            since: query.since.unwrap_or(Timestamp::UNIX_EPOCH),
            until: query.until.unwrap_or(hour),
            now: hour,
            kept_since: None,
            rows: Vec::new(),
            left_out: 0,
            incomplete: None,
        })
    }

    /// What it was asked for.
    fn timeline_svg(
        &self,
        query: &TimelineQuery,
        labels: &PictureLabels,
    ) -> Result<String, ReportRefusal> {
        if labels.language.as_deref() == Some("xx") {
            return Err(ReportRefusal::Mistake("no words in `xx`".to_owned()));
        }
        let login = self.timeline(query)?.login;
        Ok(format!("<svg>{login}, {}</svg>", labels.offset))
    }
}

/// With one other gate, `b`, which has the same locks and no session but 7; and one, `c`, that is
/// frozen.
impl ClusterAdmin for GateDouble {
    fn cluster(&self) -> Option<ClusterInfo> {
        self.cluster.clone()
    }

    fn locks_elsewhere<'a>(&'a self, wanted: &'a LocksWanted) -> BoxFuture<'a, LocksElsewhere> {
        let mut all = LocksElsewhere::default();
        if self.cluster.is_some() {
            let known = self.held_elsewhere.iter().chain(&self.locks);
            let is_wanted = |lock: &&LockInfo| match &wanted.ids {
                Some(ids) => ids.contains(&lock.id),
                None => {
                    (!wanted.contended || !lock.waiters.is_empty())
                        && lock.has_login(wanted.tenant.as_deref(), wanted.address.as_ref())
                }
            };
            let locks = known.filter(is_wanted).cloned().collect();
            all.gates.push(LocksOfGate {
                gate: "b".to_owned(),
                id: "b0".to_owned(),
                locks,
                left_out: 2,
            });
            all.unanswered.push("c".to_owned());
            self.wanted.lock().unwrap().push(wanted.clone());
        }
        Box::pin(async { all })
    }

    fn kick_elsewhere<'a>(
        &'a self,
        gate: &'a str,
        session: SessionId,
        operator: &'a Operator,
    ) -> BoxFuture<'a, KickElsewhere> {
        let outcome = match (gate, session) {
            ("b", SessionId(7)) => {
                self.note(&format!("kick {session} at {gate}"), operator);
                KickElsewhere::Answered(Kick::Kicked)
            }
            ("b", _) => KickElsewhere::Answered(Kick::NoSuchSession),
            ("c", _) => KickElsewhere::Unanswered,
            ("twice", _) => KickElsewhere::SeveralGates(vec!["01".to_owned(), "02".to_owned()]),
            _ => KickElsewhere::NoSuchGate(vec!["b".to_owned(), "c".to_owned()]),
        };
        Box::pin(async { outcome })
    }
}

impl GateView for GateDouble {
    fn status(&self) -> GateStatus {
        GateStatus {
            version: "0.0.0".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
            stage: "serving".to_owned(),
            ready: self.ready().is_ok(),
            not_ready: self.ready().err(),
            log_level: "info".to_owned(),
            sessions: SessionTotals {
                open: self.sessions.len(),
                max: 100,
                viewing: 0,
            },
            locks: LockTotals {
                held: self.locks.len(),
                waiting: 0,
                contended: 0,
                longest_wait_seconds: 0.0,
            },
            refusals: RefusalTotals {
                lock: 0,
                auth: 0,
                rule: 0,
            },
            logins: 0,
            backends: BackendTotals { up: 0, total: 0 },
            blocks: BlockTotals {
                blocked: 0,
                released: 0,
            },
            paused: PausedInfo::default(),
            journal: JournalInfo::default(),
            cluster: self.cluster.clone(),
        }
    }

    fn samples(&self) -> Samples {
        Samples {
            interval_seconds: 5.0,
            newest: None,
            sessions: vec![None],
            locks_held: vec![None],
            waiting: vec![None],
            longest_wait_seconds: vec![None],
            refusals: vec![None],
            logins: vec![None],
        }
    }

    fn sessions(&self) -> Vec<SessionInfo> {
        self.sessions.clone()
    }

    fn session(&self, id: SessionId) -> Option<SessionInfo> {
        self.sessions.iter().find(|it| it.id == id.0).cloned()
    }

    fn locks(&self) -> Vec<LockInfo> {
        self.locks.clone()
    }

    fn backends(&self) -> Vec<BackendInfo> {
        self.backends.clone()
    }

    fn tenants(&self) -> Vec<TenantInfo> {
        self.tenants.clone()
    }
}

/// An admin port and the gate behind it.
pub(super) struct AdminPort {
    pub(super) address: SocketAddr,
    pub(super) gate: Arc<GateDouble>,
    pub(super) stop: CancellationToken,
    pub(super) server: JoinHandle<()>,
}

impl Drop for AdminPort {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl AdminPort {
    pub(super) async fn start() -> Self {
        Self::of(GateDouble::default()).await
    }

    /// On loopback, with the token.
    pub(super) async fn of(gate: GateDouble) -> Self {
        Self::start_as(gate, "127.0.0.1:0", Some(token()), AdminPolicy::default()).await
    }

    pub(super) async fn start_as(
        gate: GateDouble,
        at: &str,
        token: Option<Token>,
        policy: AdminPolicy,
    ) -> Self {
        let gate = Arc::new(gate);
        let listener = TcpListener::bind(at).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = AdminState::new(Arc::clone(&gate) as _, token, policy);
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Arc::new(state), stop.clone()));
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            gate,
            stop,
            server,
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends octets as they are; the whole answer.
    pub(super) async fn send(&self, octets: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read all.
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// `line` is method and target.
    pub(super) async fn ask(&self, line: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nContent-Length: {length}\r\n{headers}\r\n");
        // Not shut down on our side: hyper takes that for a caller that went away.
        let mut stream = self.connect().await;
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("no answer");
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// As somebody asks who has no token.
    pub(super) async fn ask_openly(&self, line: &str) -> Answer {
        self.ask(line, "Host: localhost\r\n", "").await
    }

    /// As the command line does.
    pub(super) async fn get(&self, target: &str) -> (u16, Value) {
        let answer = self.ask(&format!("GET {target}"), &headers(""), "").await;
        (answer.status, answer.json())
    }

    pub(super) async fn post(&self, target: &str, body: &str) -> (u16, Value) {
        let headers = headers("Content-Type: application/json\r\n");
        let answer = self.ask(&format!("POST {target}"), &headers, body).await;
        (answer.status, answer.json())
    }
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

pub(super) fn token() -> Token {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    Token::read(&file).unwrap().token
}

/// Those of a request that may be made, and `more`.
pub(super) fn headers(more: &str) -> String {
    format!("Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n{more}")
}
