use super::*;
use crate::policy::block::BlockReason;
use crate::pop3::listing::MessageNumber;
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;
use std::collections::HashSet;

/// The cause after `cause` in this test's walk. A new variant does not compile until it is
/// here.
fn next(cause: Option<&EndCause>) -> Option<EndCause> {
    use EndCause::*;
    let Some(cause) = cause else {
        return Some(QuitBeforeLogin);
    };
    // What others said, different for each.
    let error = format!("behind {cause:?}");
    let line = error.clone();
    let address = error.clone();
    let accepted_lately = true;
    Some(match cause {
        QuitBeforeLogin => LeftBeforeLogin,
        LeftBeforeLogin => LoginTimeout,
        LoginTimeout => TooManyLogins,
        TooManyLogins => TooManyBadCommands,
        TooManyBadCommands => BytesBehindStls,
        BytesBehindStls => NoCertificate,
        NoCertificate => TlsHandshake { error },
        TlsHandshake { .. } => TlsHandshakeTimeout,
        TlsHandshakeTimeout => NoBackend,
        NoBackend => WrongPassword { line },
        WrongPassword { .. } => LoginRefused { line },
        LoginRefused { .. } => ClosedAtPass {
            error,
            accepted_lately,
        },
        ClosedAtPass { .. } => ClosedAtPassOfAnother { accepted_lately },
        ClosedAtPassOfAnother { .. } => RefusedByRule(Refusal::FromMemory),
        RefusedByRule(refusal) => next_refusal(*refusal).map_or(QueueFull, RefusedByRule),
        QueueFull => HeldByAnother,
        HeldByAnother => LockedElsewhere { line },
        LockedElsewhere { .. } => BackendFull,
        BackendFull => Paused,
        Paused => EngineAway,
        EngineAway => BackendUnreachable { error },
        BackendUnreachable { .. } => LoginUnanswered { error },
        LoginUnanswered { .. } => LoginUnansweredInTime { address },
        LoginUnansweredInTime { .. } => LostToCapa { error },
        LostToCapa { .. } => LeftWaiting,
        LeftWaiting => Quit,
        Quit => QuitFailed,
        QuitFailed => ClosedAtQuit,
        ClosedAtQuit => SilentAtQuit,
        SilentAtQuit => QuitWithoutMaildrop,
        QuitWithoutMaildrop => NotPromoted {
            why: PromotionOutcome::Deleted,
        },
        NotPromoted { why } => next_outcome(*why).map_or(Left, |why| NotPromoted { why }),
        Left => LeftInReply,
        LeftInReply => IdleTimeout,
        IdleTimeout => Stalled,
        Stalled => Preempted {
            idle: Duration::from_secs(15),
        },
        Preempted { .. } => BackendClosed,
        BackendClosed => BackendClosedInReply,
        BackendClosedInReply => BackendViolation(Violation::NotAReply),
        BackendViolation(Violation::BehindBody(_)) => Kicked { reason: None },
        BackendViolation(_) => BackendViolation(Violation::BehindBody(retr())),
        Kicked { .. } => Shutdown,
        Shutdown => Panicked,
        Panicked => NoConnection,
        NoConnection => LockBroken,
        LockBroken => return None,
    })
}

fn retr() -> Expected {
    Expected {
        to: ReplyTo::Retr,
        body: true,
        message: true,
        number: MessageNumber::new(1),
    }
}

/// Of those that end a session so.
fn next_outcome(why: PromotionOutcome) -> Option<PromotionOutcome> {
    Some(match why {
        PromotionOutcome::Deleted => PromotionOutcome::ListingChanged,
        PromotionOutcome::ListingChanged => PromotionOutcome::WaitSpent,
        PromotionOutcome::WaitSpent => PromotionOutcome::PasswordRefused,
        PromotionOutcome::PasswordRefused => PromotionOutcome::LoginRefused,
        PromotionOutcome::LoginRefused => PromotionOutcome::Unreachable,
        PromotionOutcome::Unreachable => PromotionOutcome::Paused,
        PromotionOutcome::Paused => PromotionOutcome::EngineAway,
        PromotionOutcome::EngineAway
        | PromotionOutcome::Promoted
        | PromotionOutcome::ClientGone
        | PromotionOutcome::Ended => return None,
    })
}

fn next_refusal(refusal: Refusal) -> Option<Refusal> {
    Some(match refusal {
        Refusal::FromMemory => Refusal::PerAddress,
        Refusal::PerAddress => Refusal::PerMaildrop,
        Refusal::PerMaildrop => Refusal::PerTenant,
        Refusal::PerTenant => Refusal::LoginDelay(Duration::ZERO),
        Refusal::LoginDelay(_) => Refusal::Blocked(BlockReason::GuessingOne),
        Refusal::Blocked(BlockReason::GuessingOne | BlockReason::GuessingMany) => {
            Refusal::Blocked(BlockReason::Abuse)
        }
        Refusal::Blocked(BlockReason::Abuse) => Refusal::Blocked(BlockReason::Passing),
        Refusal::Blocked(BlockReason::Passing) => return None,
    })
}

fn all() -> Vec<EndCause> {
    std::iter::successors(next(None), |cause| next(Some(cause))).collect()
}

#[test]
fn every_cause_has_a_sentence_of_its_own() {
    let mut sentences = HashSet::new();
    for cause in all() {
        let sentence = cause.to_string();
        assert!(!sentence.is_empty(), "{cause:?}");
        assert!(sentences.insert(sentence), "{cause:?}: a sentence of two");
    }
}

#[test]
fn every_end_has_a_cause() {
    let ends: HashSet<_> = all().iter().map(EndCause::end).collect();
    for end in End::ALL {
        assert!(ends.contains(end), "{end:?}");
    }
}

#[test]
fn somebody_is_to_blame_for_each_end_but_those_of_every_day() {
    use End::*;
    let everyday = [
        QuitBeforeLogin,
        LeftBeforeLogin,
        LeftWaiting,
        Quit,
        Left,
        TimedOut,
        End::Kicked,
        Shutdown,
    ];
    for cause in all() {
        let is_everyday = everyday.contains(&cause.end());
        assert_eq!(cause.culprit().is_none(), is_everyday, "{cause:?}");
        assert_eq!(cause.detail().is_none(), is_everyday, "{cause:?}");
    }
}

#[test]
fn a_close_instead_of_an_answer_is_the_backends_fault_where_the_password_was_right_lately() {
    for (accepted_lately, culprit) in [(false, Culprit::Client), (true, Culprit::Backend)] {
        let error = String::new();
        let cause = EndCause::ClosedAtPass {
            error,
            accepted_lately,
        };
        assert_eq!(cause.culprit(), Some(culprit));
    }
}

#[test]
fn whoever_kept_a_session_from_its_maildrop_is_to_blame() {
    for (why, culprit) in [
        (PromotionOutcome::Deleted, Culprit::Policy),
        (PromotionOutcome::WaitSpent, Culprit::Policy),
        (PromotionOutcome::PasswordRefused, Culprit::Client),
        (PromotionOutcome::ListingChanged, Culprit::Backend),
        (PromotionOutcome::LoginRefused, Culprit::Backend),
        (PromotionOutcome::Unreachable, Culprit::Backend),
        (PromotionOutcome::Paused, Culprit::Policy),
        (PromotionOutcome::EngineAway, Culprit::Proxy),
    ] {
        let culprit_of = EndCause::NotPromoted { why }.culprit();
        assert_eq!(culprit_of, Some(culprit), "{why:?}");
    }
}
