//! A gate that is none, behind an admin port that is one: for the tests of this room.

mod port;
mod views;

pub(super) use port::{AdminPort, TOKEN, headers, token};

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
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
