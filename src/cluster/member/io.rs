//! What goes into a member and comes out of it.

use crate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockRow, Epoch, MaildropId, MemberReport, Push, SyncAnswer, SyncCall,
    TurnNumber,
};
use crate::ids::BackendName;
use crate::lock::queue::{Authority, Lane, Statement};
use crate::str_enum::str_enum;
use crate::time::{Duration, Instant};

/// What a gate does while the engine is away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutage {
    /// It goes on with its own queues.
    #[default]
    Local,
    /// It refuses new logins.
    Refuse,
}

str_enum! {
    /// How a gate stands with the engine: the label `state` of `cluster_state`.
    ClusterState {
        /// It has not joined yet.
        Joining = "joining",
        /// All is well.
        Healthy = "healthy",
        /// A call was not answered in time.
        Suspect = "suspect",
        /// The engine is away.
        Degraded = "degraded",
        /// The engine is back, and hears what happened meanwhile.
        Reconciling = "reconciling",
        /// It may not take part: the other gates have another secret, `fold_case` or version of the
        /// script, or the engine has never let it in.
        Excluded = "excluded",
    }
}

impl ClusterState {
    /// Whether the gate takes part: the engine is asked about maildrops.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Healthy | Self::Suspect | Self::Reconciling => true,
            Self::Joining | Self::Degraded | Self::Excluded => false,
        }
    }
}

/// All that a gate's own queue and sessions say of a maildrop now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MaildropStatement {
    /// What its queue holds and wants. Empty: the maildrop is not in use here.
    pub queue: Statement,
    /// The number of that queue. Another one knows nothing of what was told to the one before.
    pub life: u64,
    /// The backend that it is on, if the gate knows.
    pub home: Option<BackendName>,
    /// When the last backend session ended there that the gate knows of, where that was a moment
    /// ago.
    pub ended: Option<Instant>,
    /// How long what its sessions are shown may be shown again.
    pub shown_for: Duration,
}

/// A part of the engine's block list: what changed since the part before.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockNews {
    /// In which epoch.
    pub epoch: Epoch,
    /// The version behind which it begins; 0: the list comes from its beginning, as it does in a
    /// new epoch.
    pub after: u64,
    /// The changes, in the order in which the engine took them.
    pub rows: Vec<BlockRow>,
    /// Whether there are no more of them now.
    pub is_all: bool,
}

/// Something that a member must know.
#[derive(Clone, Debug)]
pub enum MemberInput {
    /// There is a connection to the engine.
    Connected,
    /// The connection has ended, for this reason.
    Disconnected(String),
    /// The engine answers, and does not let the gate in: name, password, or what it is allowed.
    Refused(String),
    /// What the gate has and wants at a maildrop may have changed; this is how it is now.
    Stated(MaildropId, MaildropStatement),
    /// The answer to a [`MemberAction::Sync`], or that none came and none is waited for any more.
    Synced {
        /// The maildrop.
        maildrop: MaildropId,
        /// The call's.
        sequence: u64,
        /// An error: why there is none. The call may have been carried out all the same.
        answer: Result<SyncAnswer, String>,
    },
    /// The engine has refused a [`MemberAction::Sync`].
    SyncRefused {
        /// The maildrop.
        maildrop: MaildropId,
        /// The call's.
        sequence: u64,
    },
    /// The answer to a [`MemberAction::Beat`], or that none came.
    Beaten {
        /// The call's.
        ping: u64,
        /// When it was sent: the lease counts from there.
        sent_at: Instant,
        /// Whether the lease had run out before this answer came, by a clock that goes on while the
        /// machine is suspended.
        lapsed: bool,
        /// An error: why there is none.
        answer: Result<BeatAnswer, String>,
    },
    /// The engine pushed something.
    Pushed(Push),
    /// The rows of [`MemberAction::Blocks`] from this version on found no room: they are to come
    /// again.
    BlocksUntaken(u64),
    /// The time that the member named last has come.
    Tick,
    /// The gate stops: it wants no turn any more, and gives back what it holds as its sessions end.
    Leave,
}

/// Something that a member wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum MemberAction {
    /// Make this call; say what became of it by [`MemberInput::Synced`].
    Sync(SyncCall),
    /// Make this call; say what became of it by [`MemberInput::Beaten`].
    Beat(BeatCall),
    /// The gate's lease is good until then. If the one before had run out meanwhile, `generation`
    /// is another than before: no turn of an earlier one is good any more.
    Lease {
        /// Counts the times that the lease began anew.
        generation: u64,
        /// When it ends.
        until: Instant,
    },
    /// One turn may be served.
    Turn {
        /// Where.
        maildrop: MaildropId,
        /// The queue that it is for.
        life: u64,
        /// Which.
        number: TurnNumber,
        /// From which lane.
        lane: Lane,
        /// The lease under which it is good.
        generation: u64,
        /// The backend that the maildrop is on, as another gate has said.
        home: Option<BackendName>,
        /// How long ago the last backend session in it ended.
        ended: Option<Duration>,
    },
    /// The turn that is held is good under this lease.
    Confirm {
        /// Where.
        maildrop: MaildropId,
        /// The queue that holds it.
        life: u64,
        /// Under which the session began; `None`: under none, while the engine was away.
        number: Option<TurnNumber>,
        /// The lease under which it is good.
        generation: u64,
    },
    /// The turn is not good any more, or was never answered.
    Lose {
        /// Where.
        maildrop: MaildropId,
        /// The queue that held it.
        life: u64,
    },
    /// Whether somebody waits in the main lane of another gate.
    Contended {
        /// Where.
        maildrop: MaildropId,
        /// Whether somebody does.
        elsewhere: bool,
    },
    /// Whether the queue serves by itself.
    Authority {
        /// Where.
        maildrop: MaildropId,
        /// Whose word counts.
        authority: Authority,
    },
    /// A session of this gate is in a maildrop that another gate holds.
    Overlap {
        /// Where.
        maildrop: MaildropId,
    },
    /// The gate stands otherwise with the engine.
    State {
        /// How.
        state: ClusterState,
        /// Why, for the operator.
        why: String,
    },
    /// The engine's memory began anew. The gate's lease of before is over by then.
    EpochBegan(Epoch),
    /// The gates that live, this one too; told with each beat.
    Members(Vec<MemberReport>),
    /// A part of the engine's block list. If there is no room for it:
    /// [`MemberInput::BlocksUntaken`].
    Blocks(BlockNews),
    /// Pushes do not come though they should: make the push connection anew.
    Resubscribe,
    /// All that was held and wanted is given back: the gate may say good-bye.
    Left,
}
