use super::*;
use crate::limits::{POLL_AFTER_DELETION, POLL_AFTER_REFUSAL, POLL_CLIENTS_MAX, POLL_TWIN};
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::rules::Rules;
use crate::policy::rules::{PollMode, PollRules, Quota};
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::time::advance;

/// Longer than twins are apart.
const PAUSE: Duration = Duration::from_secs(3);
const MINUTE: Duration = Duration::from_secs(60);

const PHONE: u8 = 1;
const LAPTOP: u8 = 2;

/// One maildrop, its rules and the memory of its logins.
struct House {
    polls: Polls,
    policy: LoginPolicy,
    user: &'static str,
}

impl House {
    /// So many logins for the maildrop at once, and one each minute; clients have no limit.
    fn with_burst(burst: u32) -> Self {
        Self::new(quota(MINUTE, burst), quota(Duration::from_secs(1), 1000))
    }

    fn new(maildrop: Quota, client: Quota) -> Self {
        let mut policy = policy();
        policy.rules.polls = PollRules {
            mode: PollMode::Delay,
            maildrop,
            client,
            ..Rules::standard().polls
        };
        Self {
            polls: Polls::new(),
            policy,
            user: "ann",
        }
    }

    /// A login of `host` whose PASS comes now.
    fn poll(&self, host: u8) -> LoginAttempt {
        let address = Ipv4Addr::new(192, 0, 2, host);
        LoginAttempt {
            client: (address, 50_000).into(),
            ..attempt(self.user, self.policy.clone())
        }
    }

    fn measure(&self, host: u8) -> Measured {
        self.polls.measure(&self.poll(host), Instant::now())
    }

    fn charge(&self, host: u8) {
        self.polls.charge(&self.poll(host), Instant::now());
    }

    fn is_early(&self, host: u8) -> bool {
        matches!(self.measure(host), Measured::Early { .. })
    }

    /// So many charged logins of the phone.
    async fn spend(&self, logins: u32) {
        for _ in 0..logins {
            self.charge(PHONE);
            advance(PAUSE).await;
        }
    }
}

fn quota(every: Duration, burst: u32) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap();
    Quota { every, burst }
}

#[tokio::test(start_paused = true)]
async fn the_login_after_the_one_too_many_is_early() {
    let house = House::with_burst(3);
    let start = Instant::now();
    for _ in 0..4 {
        assert_eq!(house.measure(PHONE), Measured::InTime);
        house.spend(1).await;
    }
    let earliest = start + MINUTE;
    assert_eq!(house.measure(PHONE), Measured::Early { earliest });
    assert_eq!(house.measure(LAPTOP), Measured::Early { earliest });
    tokio::time::sleep_until(earliest).await;
    assert_eq!(house.measure(PHONE), Measured::InTime);
}

#[tokio::test(start_paused = true)]
async fn who_comes_whenever_it_is_not_early_gets_the_quota_and_no_more() {
    let house = House::with_burst(3);
    let mut logins = 0;
    for _ in 0..1200 {
        if !house.is_early(PHONE) {
            house.charge(PHONE);
            logins += 1;
        }
        advance(PAUSE).await;
    }
    assert_eq!(logins, 60 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_that_rests_has_its_burst_again() {
    let house = House::with_burst(3);
    house.spend(4).await;
    advance(4 * MINUTE).await;
    house.spend(3).await;
    assert!(house.is_early(PHONE), "one was owed");
    advance(10 * MINUTE).await;
    house.polls.forget_idle(Instant::now());
    house.spend(3).await;
    assert!(!house.is_early(PHONE));
}

#[tokio::test(start_paused = true)]
async fn one_client_spends_its_own_quota_and_leaves_the_others_theirs() {
    let house = House::new(quota(MINUTE, 100), quota(MINUTE, 1));
    house.spend(2).await;
    assert!(house.is_early(PHONE));
    assert_eq!(house.measure(LAPTOP), Measured::InTime);
    let other = House {
        user: "ben",
        ..house
    };
    assert_eq!(other.measure(PHONE), Measured::InTime);
}

#[tokio::test(start_paused = true)]
async fn the_later_time_of_both_quotas_counts() {
    for (maildrop, client) in [(1, 2), (2, 1)] {
        let house = House::new(quota(maildrop * MINUTE, 1), quota(client * MINUTE, 1));
        let earliest = Instant::now() + 2 * MINUTE;
        house.spend(2).await;
        assert_eq!(house.measure(PHONE), Measured::Early { earliest });
    }
}

#[tokio::test(start_paused = true)]
async fn a_scanner_and_its_program_count_once() {
    let house = House::with_burst(1);
    house.charge(PHONE);
    advance(POLL_TWIN).await;
    house.charge(PHONE);
    assert!(!house.is_early(LAPTOP));
    house.charge(LAPTOP);
    assert!(house.is_early(PHONE), "another client is no twin");
}

#[tokio::test(start_paused = true)]
async fn of_two_twins_either_may_be_let_in_first() {
    let house = House::with_burst(1);
    let now = Instant::now();
    let late = LoginAttempt {
        asked: now + POLL_TWIN,
        ..house.poll(PHONE)
    };
    house.polls.charge(&late, late.asked);
    house.charge(PHONE);
    assert!(!house.is_early(LAPTOP));
}

#[tokio::test(start_paused = true)]
async fn a_login_that_was_let_in_late_is_no_twin_of_a_quicker_one() {
    let house = House::with_burst(1);
    let slow = house.poll(PHONE);
    advance(PAUSE).await;
    house.charge(PHONE);
    house.polls.charge(&slow, Instant::now());
    assert!(house.is_early(LAPTOP));
}

#[tokio::test(start_paused = true)]
async fn two_seconds_are_the_end_of_a_twin() {
    let house = House::with_burst(1);
    house.charge(PHONE);
    advance(POLL_TWIN + Duration::from_millis(1)).await;
    house.charge(PHONE);
    assert!(house.is_early(LAPTOP));
}

#[tokio::test(start_paused = true)]
async fn four_logins_in_two_seconds_count_three_times() {
    for (burst, early) in [(2, true), (3, false)] {
        let house = House::with_burst(burst);
        for _ in 0..4 {
            house.charge(PHONE);
            advance(POLL_TWIN / 4).await;
        }
        assert_eq!(house.is_early(LAPTOP), early, "burst {burst}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_pair_has_its_twin() {
    let house = House::with_burst(3);
    for _ in 0..3 {
        house.charge(PHONE);
        house.charge(PHONE);
        advance(PAUSE).await;
    }
    assert!(!house.is_early(PHONE));
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_not_early_because_of_its_own_twin() {
    let house = House::new(quota(MINUTE, 1), quota(MINUTE, 1));
    house.spend(1).await;
    house.charge(PHONE);
    assert!(house.is_early(LAPTOP));
    advance(POLL_TWIN).await;
    assert_eq!(house.measure(PHONE), Measured::InTime);
    house.charge(PHONE);
    assert!(house.is_early(PHONE), "there is only one twin");
}

#[tokio::test(start_paused = true)]
async fn a_twin_is_as_early_as_another_client_made_it() {
    let house = House::with_burst(1);
    house.spend(1).await;
    house.charge(PHONE);
    house.charge(LAPTOP);
    assert!(house.is_early(PHONE));
}

#[tokio::test(start_paused = true)]
async fn a_login_after_those_that_popgate_refused_is_free_once() {
    let house = House::with_burst(1);
    house.spend(1).await;
    house.polls.turned_away(&house.poll(PHONE), Instant::now());
    house.polls.turned_away(&house.poll(PHONE), Instant::now());
    house.spend(1).await;
    assert!(!house.is_early(PHONE), "one was free");
    house.spend(1).await;
    assert!(house.is_early(PHONE), "and only one");
}

#[tokio::test(start_paused = true)]
async fn a_login_after_a_deletion_is_free_once() {
    let house = House::with_burst(1);
    house.spend(1).await;
    house.polls.deleted(&house.poll(PHONE), Instant::now());
    house.spend(1).await;
    assert!(!house.is_early(PHONE), "one was free");
    house.spend(1).await;
    assert!(house.is_early(PHONE), "and only one");
}

#[tokio::test(start_paused = true)]
async fn a_free_login_is_not_early_and_the_next_one_is() {
    for given in [
        Polls::turned_away as fn(&Polls, &LoginAttempt, Instant),
        Polls::deleted,
    ] {
        let house = House::new(quota(MINUTE, 1), quota(MINUTE, 1));
        house.spend(2).await;
        assert!(house.is_early(PHONE));
        given(&house.polls, &house.poll(PHONE), Instant::now());
        assert!(!house.is_early(PHONE), "it costs nothing");
        assert!(house.is_early(LAPTOP), "it was given to another");
        house.charge(PHONE);
        assert!(house.is_early(PHONE), "it was free once");
    }
}

#[tokio::test(start_paused = true)]
async fn free_logins_have_their_time_and_their_client() {
    let hour = Duration::from_secs(3600);
    for (given, within) in [
        (
            Polls::turned_away as fn(&Polls, &LoginAttempt, Instant),
            POLL_AFTER_REFUSAL,
        ),
        (Polls::deleted, POLL_AFTER_DELETION),
    ] {
        for (host, after, free) in [
            (PHONE, within, true),
            (PHONE, within + Duration::from_millis(1), false),
            (LAPTOP, PAUSE, false),
        ] {
            let house = House::new(quota(hour, 1), quota(hour, 1000));
            given(&house.polls, &house.poll(PHONE), Instant::now());
            advance(after).await;
            house.polls.forget_idle(Instant::now());
            house.charge(host);
            house.charge(4);
            assert_eq!(house.is_early(3), !free, "{host} after {after:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_may_be_asked_for_before_the_session_that_deleted_is_over() {
    let house = House::with_burst(1);
    house.spend(1).await;
    let waiting = house.poll(PHONE);
    advance(PAUSE).await;
    house.polls.deleted(&house.poll(PHONE), Instant::now());
    house.polls.charge(&waiting, Instant::now());
    assert!(!house.is_early(LAPTOP), "it was free");
    house.spend(1).await;
    assert!(house.is_early(LAPTOP), "and it alone");
}

#[tokio::test(start_paused = true)]
async fn nobody_counts_where_it_is_off_or_the_network_has_no_limit() {
    let mut house = House::with_burst(1);
    house.policy.rules.polls.mode = PollMode::Off;
    house.spend(5).await;
    assert_eq!(house.measure(PHONE), Measured::Unlimited);
    house.policy.rules.polls.mode = PollMode::Refuse;
    house.policy.rules.polls.unlimited = Arc::from(["192.0.2.1/32".parse().unwrap()]);
    house.spend(5).await;
    assert_eq!(house.measure(PHONE), Measured::Unlimited);
    assert!(house.polls.is_empty());
    assert_eq!(house.measure(LAPTOP), Measured::InTime);
}

#[tokio::test(start_paused = true)]
async fn all_other_modes_count_alike() {
    for mode in [PollMode::Shadow, PollMode::Delay, PollMode::Refuse] {
        let mut house = House::with_burst(1);
        house.policy.rules.polls.mode = mode;
        house.spend(2).await;
        assert!(house.is_early(PHONE), "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_quota_makes_good_at_once_what_a_wrong_one_has_done() {
    let wrong = quota(Duration::from_secs(24 * 3600), 1);
    let mut house = House::new(wrong, wrong);
    house.spend(2).await;
    house.policy.rules.polls.maildrop = quota(MINUTE, 1);
    assert!(house.is_early(PHONE), "the client's is still wrong");
    house.policy.rules.polls.client = quota(MINUTE, 1);
    assert_eq!(house.measure(PHONE), Measured::InTime);
    house.spend(1).await;
    assert!(!house.is_early(PHONE), "nothing is owed to the wrong one");
    house.spend(1).await;
    assert!(house.is_early(PHONE));
}

#[tokio::test(start_paused = true)]
async fn strangers_leave_no_key() {
    let house = House::with_burst(1);
    for host in 0..100 {
        assert_eq!(house.measure(host), Measured::InTime);
    }
    assert_eq!(house.polls.len(), 0);
    house.charge(PHONE);
    assert_eq!(house.polls.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn everything_is_forgotten_when_it_does_not_matter_any_more() {
    let house = House::new(quota(MINUTE, 2), quota(MINUTE, 2));
    house.spend(3).await;
    house.polls.turned_away(&house.poll(LAPTOP), Instant::now());
    house.polls.forget_idle(Instant::now());
    assert!(house.is_early(PHONE), "it matters still");
    for _ in 0..5 {
        advance(MINUTE).await;
        house.polls.forget_idle(Instant::now());
    }
    assert_eq!(house.polls.len(), 0);
    assert_eq!(house.polls.by_maildrop.quotas(), 0);
    assert_eq!(house.polls.by_client.quotas(), 0);
}

#[tokio::test(start_paused = true)]
async fn equal_quotas_share_a_limiter() {
    let mut house = House::with_burst(1);
    for (user, every) in [("ann", MINUTE), ("ben", MINUTE), ("eve", 2 * MINUTE)] {
        house.user = user;
        house.policy.rules.polls.maildrop = quota(every, 1);
        house.spend(1).await;
    }
    assert_eq!(house.polls.by_maildrop.quotas(), 2);
    assert_eq!(house.polls.by_maildrop.keys(), 3);
    assert_eq!(house.polls.by_client.quotas(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_has_a_bounded_number_of_clients_and_the_one_longest_idle_goes() {
    let house = House::new(quota(MINUTE, 1000), quota(Duration::from_secs(3600), 1));
    let last = u8::try_from(POLL_CLIENTS_MAX).unwrap();
    for host in 0..last {
        house.charge(host);
        advance(PAUSE).await;
        house.charge(host);
    }
    house.charge(0);
    house.charge(last);
    house
        .polls
        .turned_away(&house.poll(last + 1), Instant::now());
    advance(PAUSE).await;
    house.polls.forget_idle(Instant::now());
    assert_eq!(house.polls.by_client.keys(), POLL_CLIENTS_MAX - 1);
    assert!(house.is_early(0), "it came again");
    assert!(!house.is_early(1), "forgotten");
    assert!(!house.is_early(2), "forgotten");
    assert!(house.is_early(3));
}

#[test]
fn sessions_of_all_threads_share_it() {
    fn shared<T: Send + Sync>() {}
    shared::<Polls>();
}
