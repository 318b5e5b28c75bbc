use super::*;
use crate::ids::{BackendName, ClientPrefix, MaildropKey, TenantName, UserName};
use crate::limits::{ACCEPTED_ADDRESS_AGE, ACCEPTED_ADDRESSES_MAX, OFFENDERS_MAX};
use crate::policy::rules::{BlockMode, BlockRules};
use crate::secret::PasswordTag;
use crate::time::Duration;
use jiff::Timestamp;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Noon of some day.
fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn rules() -> BlockRules {
    BlockRules {
        mode: BlockMode::Block,
        passwords_per_maildrop: 3,
        passwords_per_address: 5,
        abuses: 2,
        passing_per_day: 5,
        window: HOUR,
        duration: 10 * MINUTE,
        max_duration: HOUR,
    }
}

fn maildrop(name: &str) -> MaildropKey {
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("b")]);
    MaildropKey::new(&backends, &UserName::new(name.as_bytes()), None, true)
}

fn address(text: &str) -> ClientPrefix {
    text.parse().unwrap()
}

fn home() -> ClientPrefix {
    address("192.0.2.1")
}

fn one_of_many(n: usize) -> ClientPrefix {
    let octets = 0x0a00_0000 + u32::try_from(n).unwrap();
    IpAddr::from(octets.to_be_bytes()).into()
}

fn guess(number: u32) -> Offence {
    let mut tag = [0; 32];
    tag[..4].copy_from_slice(&number.to_be_bytes());
    let tag = PasswordTag::from_bytes(tag);
    Offence::Guess { tag }
}

fn knock(maildrop: &MaildropKey, address: ClientPrefix, password: u8) -> BlockQuery<'_> {
    BlockQuery {
        maildrop,
        address,
        password: PasswordTag::from_bytes([password; 32]),
    }
}

fn kinds(changes: &[BlockChange]) -> Vec<ChangeKind> {
    changes.iter().map(|change| change.what).collect()
}

/// A list, its rules and its clock.
struct Desk {
    list: BlockList,
    rules: BlockRules,
    now: Timestamp,
    tenant: TenantName,
}

impl Desk {
    fn new() -> Self {
        Self {
            list: BlockList::default(),
            rules: rules(),
            now: noon(),
            tenant: TenantName::new("default"),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.checked_add(time).unwrap();
    }

    fn fault_at(&self, address: ClientPrefix, user: &str, fault: Offence) -> Vec<BlockChange> {
        let key = maildrop(user);
        let (rules, tenant) = (&self.rules, &self.tenant);
        self.list
            .fault(Some(&key), address, tenant, fault, rules, self.now)
    }

    fn fault(&self, user: &str, fault: Offence) -> Vec<BlockChange> {
        self.fault_at(home(), user, fault)
    }

    fn guesses(&self, user: &str, numbers: Range<u32>) -> Vec<BlockChange> {
        let each = numbers.flat_map(|number| self.fault(user, guess(number)));
        each.collect()
    }

    fn faults(&self, count: usize, fault: Offence) -> Vec<BlockChange> {
        let each = (0..count).flat_map(|_| self.fault("ann", fault));
        each.collect()
    }

    fn is_blocked(&self, user: &str) -> bool {
        self.is_blocked_at(home(), user)
    }

    /// Whether a login that nobody knows meets a block.
    fn is_blocked_at(&self, address: ClientPrefix, user: &str) -> bool {
        self.met(address, user, 0) != BlockVerdict::Clear
    }

    fn met(&self, address: ClientPrefix, user: &str, password: u8) -> BlockVerdict {
        let key = maildrop(user);
        let knock = knock(&key, address, password);
        self.list.meets(knock, self.rules.mode, self.now)
    }

    fn accepted(&self, address: ClientPrefix, user: &str, password: u8) -> Vec<BlockChange> {
        let key = maildrop(user);
        self.list.accepted(knock(&key, address, password), self.now)
    }

    fn entries(&self) -> Vec<BlockEntry> {
        self.list.entries(&BlockFilter::default(), self.now)
    }

    fn only_entry(&self) -> BlockEntry {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }

    fn release_all(&self) -> Vec<BlockChange> {
        self.list.release(&BlockFilter::default(), self.now)
    }

    fn pin_all(&self, pinned: bool) -> Vec<BlockChange> {
        self.list.pin(&BlockFilter::default(), pinned, self.now)
    }
}

/// From one address, users `a`, `b`, ... each with so many different passwords.
fn guess_at_many(desk: &Desk, users: &[&str], each: u32) -> Vec<BlockChange> {
    let users = users.iter().zip(0..);
    users
        .flat_map(|(user, n)| desk.guesses(user, n * each..(n + 1) * each))
        .collect()
}

#[test]
fn different_passwords_for_one_maildrop_block_it_for_the_address() {
    let desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    assert!(!desk.is_blocked("ann"));
    let changes = desk.guesses("ann", 2..3);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    assert!(desk.is_blocked("ann"));
    assert!(!desk.is_blocked("bob"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "ann"));
    let entry = desk.only_entry();
    assert_eq!(entry, changes[0].entry);
    assert_eq!(entry.target.maildrop, Some(maildrop("ann")));
    assert_eq!(entry.reason, BlockReason::GuessingOne);
    assert_eq!(entry.class(), OffenceClass::Permanent);
    let met = BlockVerdict::Blocked {
        reason: BlockReason::GuessingOne,
        trial_is_due: false,
    };
    assert_eq!(desk.met(home(), "ann", 0), met);
}

#[test]
fn the_same_password_counts_once() {
    let desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    for _ in 0..100 {
        assert_eq!(desk.fault("ann", guess(1)), []);
    }
    assert_eq!(desk.entries(), []);
}

#[test]
fn passwords_for_many_maildrops_block_the_address() {
    let desk = Desk::new();
    assert_eq!(guess_at_many(&desk, &["a", "b"], 2), []);
    let changes = desk.guesses("c", 90..91);
    assert_eq!(changes[0].entry.reason, BlockReason::GuessingMany);
    assert_eq!(changes[0].entry.target.maildrop, None);
    assert!(desk.is_blocked("ann"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "a"));
}

#[test]
fn a_guess_at_no_maildrop_counts_for_the_address_alone() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_maildrop = 1;
    for number in 0..5 {
        let (rules, tenant, fault) = (&desk.rules, &desk.tenant, guess(number));
        let changes = desk
            .list
            .fault(None, home(), tenant, fault, rules, desk.now);
        assert_eq!(changes.len(), usize::from(number == 4));
    }
    assert_eq!(desk.only_entry().reason, BlockReason::GuessingMany);
}

#[test]
fn guesses_and_abuses_are_remembered_for_the_window() {
    let mut desk = Desk::new();
    assert_eq!(desk.guesses("ann", 0..2), []);
    desk.pass(HOUR);
    assert_eq!(desk.guesses("ann", 2..4), [], "the first two are too old");
    desk.pass(HOUR - MINUTE);
    let start = desk.now;
    let changes = desk.guesses("ann", 4..5);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    let since = start.duration_since(changes[0].entry.first);
    assert_eq!(since.unsigned_abs(), HOUR - MINUTE);

    assert_eq!(desk.faults(1, Offence::Abuse), []);
    desk.pass(HOUR);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    desk.pass(HOUR - MINUTE);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
}

#[test]
fn faults_that_count_still_are_not_forgotten() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..1);
    desk.pass(HOUR - MINUTE);
    desk.guesses("ann", 1..2);
    desk.pass(HOUR - MINUTE);
    desk.list.forget(DAY, desk.now);
    assert_eq!(desk.guesses("ann", 2..3), []);
    assert_eq!(desk.guesses("ann", 3..4).len(), 1);
}

#[test]
fn a_stale_password_that_goes_on_coming_stays_one() {
    let mut desk = Desk::new();
    for _ in 0..90 {
        desk.pass(MINUTE);
        assert_eq!(desk.fault("ann", guess(0)), []);
    }
    assert_eq!(desk.fault("ann", guess(1)), []);
    assert_eq!(desk.fault("ann", guess(2)).len(), 1, "it is one of three");
}

#[test]
fn abuses_block_the_address() {
    let desk = Desk::new();
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Abuse);
    assert_eq!(entry.class(), OffenceClass::Indeterminate);
    assert!(desk.is_blocked("anybody"));
}

#[test]
fn passing_faults_beyond_five_on_one_day_block_the_maildrop_from_there_and_nobody_else() {
    let desk = Desk::new();
    let passing = [Offence::MetLimit, Offence::AbandonedWait];
    for fault in passing {
        assert_eq!(fault.class(), OffenceClass::Transient);
    }
    for fault in passing.into_iter().cycle().take(5) {
        assert_eq!(desk.fault("ann", fault), []);
        assert_eq!(desk.fault("bob", fault), []);
    }
    assert_eq!(desk.faults(1, Offence::AbandonedWait).len(), 1);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Passing);
    assert_eq!(entry.class(), OffenceClass::Transient);
    assert_eq!(entry.target.maildrop, Some(maildrop("ann")));
    assert!(desk.is_blocked("ann") && !desk.is_blocked("bob"));
    assert!(!desk.is_blocked_at(address("192.0.2.2"), "ann"));
}

#[test]
fn a_passing_fault_at_no_maildrop_blocks_nobody() {
    let desk = Desk::new();
    let (rules, tenant) = (&desk.rules, &desk.tenant);
    for _ in 0..50 {
        let fault = Offence::AbandonedWait;
        let changes = desk
            .list
            .fault(None, home(), tenant, fault, rules, desk.now);
        assert_eq!(changes, []);
    }
}

#[test]
fn an_accepted_login_ends_a_block_for_passing_faults_and_no_other() {
    let desk = Desk::new();
    assert_eq!(desk.faults(6, Offence::MetLimit).len(), 1);
    assert!(desk.is_blocked("ann"));
    assert_eq!(desk.accepted(home(), "bob", 0), [], "another maildrop");
    let changes = desk.accepted(home(), "ann", 0);
    assert_eq!(kinds(&changes), [ChangeKind::Lifted]);
    assert!(!desk.is_blocked("ann"));
    let desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.guesses("ann", 0..3);
    assert_eq!(desk.accepted(home(), "ann", 0), []);
    assert!(desk.is_blocked("ann") && desk.is_blocked("anybody"));
}

#[test]
fn passing_faults_of_two_days_are_not_added_up() {
    let mut desk = Desk::new();
    desk.now = "2026-03-01T23:59:00Z".parse().unwrap();
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    desk.pass(2 * MINUTE);
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.faults(1, Offence::MetLimit).len(), 1);
}

#[test]
fn where_somebody_logs_in_passing_faults_block_nobody_for_a_day() {
    let mut desk = Desk::new();
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    desk.accepted(home(), "bob", 0);
    assert_eq!(desk.faults(50, Offence::MetLimit), []);
    desk.pass(ACCEPTED_ADDRESS_AGE - MINUTE);
    assert_eq!(desk.faults(50, Offence::MetLimit), []);
    let elsewhere = address("192.0.2.2");
    for _ in 0..6 {
        desk.fault_at(elsewhere, "ann", Offence::MetLimit);
    }
    assert!(desk.is_blocked_at(elsewhere, "ann"), "another household");
    desk.pass(MINUTE);
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.faults(1, Offence::MetLimit).len(), 1);
}

#[test]
fn an_accepted_login_forgives_no_guesses_and_no_abuses() {
    let desk = Desk::new();
    desk.faults(1, Offence::Abuse);
    desk.guesses("ann", 0..2);
    desk.accepted(home(), "ann", 0);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    assert_eq!(desk.guesses("ann", 2..3).len(), 1);
}

#[test]
fn a_threshold_of_none_never_blocks() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_maildrop = 0;
    desk.rules.passwords_per_address = 0;
    desk.rules.abuses = 0;
    desk.rules.passing_per_day = 0;
    desk.guesses("ann", 0..2_000);
    desk.faults(2_000, Offence::Abuse);
    desk.faults(2_000, Offence::MetLimit);
    assert_eq!(desk.entries(), []);
}

#[test]
fn in_mode_off_nothing_is_counted() {
    let mut desk = Desk::new();
    desk.rules.mode = BlockMode::Off;
    assert_eq!(desk.guesses("ann", 0..2), []);
    assert_eq!(desk.faults(100, Offence::Abuse), []);
    desk.rules.mode = BlockMode::Block;
    assert_eq!(desk.guesses("ann", 2..3), []);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.entries(), []);
    desk.faults(1, Offence::Abuse);
    assert!(desk.is_blocked("ann"));
    desk.rules.mode = BlockMode::Off;
    assert!(!desk.is_blocked("ann"));
}

#[test]
fn in_shadow_mode_entries_are_shown_and_nobody_is_refused() {
    let mut desk = Desk::new();
    desk.rules.mode = BlockMode::Shadow;
    desk.rules.passwords_per_address = 0;
    assert_eq!(desk.guesses("ann", 0..3).len(), 1);
    let entry = desk.only_entry();
    assert!(entry.shadow);
    assert_eq!(entry.state, BlockState::Blocked);
    assert!(!desk.is_blocked("ann"));
    desk.rules.mode = BlockMode::Block;
    assert!(
        !desk.is_blocked("ann"),
        "another tenant, whose rules are in force, must not be met by a trial"
    );
    let changes = desk.guesses("ann", 3..6);
    assert_eq!(kinds(&changes), [ChangeKind::Blocked]);
    assert!(!changes[0].entry.shadow);
    assert!(desk.is_blocked("ann"), "now it is meant");
}

#[test]
fn rules_that_are_tried_do_not_prolong_a_real_block() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.guesses("ann", 0..3);
    desk.rules.mode = BlockMode::Shadow;
    desk.pass(9 * MINUTE);
    assert_eq!(desk.guesses("ann", 3..6), []);
    let entry = desk.only_entry();
    assert!(!entry.shadow);
    assert_eq!(entry.last, noon());
}

#[test]
fn a_block_for_guessing_runs_out_and_comes_back_twice_as_long_up_to_a_bound() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    for (time, minutes) in [10, 20, 40, 60, 60].into_iter().enumerate() {
        let first = 3 * u32::try_from(time).unwrap();
        let changes = desk.guesses("ann", first..first + 3);
        assert_eq!(kinds(&changes), [ChangeKind::Blocked], "{minutes}");
        assert_eq!(changes[0].entry.times_blocked, 1 + time as u32);
        desk.pass(minutes * MINUTE - Duration::from_secs(1));
        assert!(desk.is_blocked("ann"), "{minutes}");
        desk.pass(Duration::from_secs(1));
        assert!(!desk.is_blocked("ann"), "{minutes}");
        assert_eq!(desk.only_entry().state, BlockState::Released);
    }
    let entry = desk.only_entry();
    assert_eq!(entry.times_released, 0, "no hand released it");
    assert_eq!(entry.first, noon());
}

#[test]
fn what_protects_no_password_blocks_for_minutes_however_often_and_whatever_is_set() {
    let mut desk = Desk::new();
    for (duration, lasts) in [(HOUR, 10 * MINUTE), (HOUR, 10 * MINUTE), (MINUTE, MINUTE)] {
        desk.rules.duration = duration;
        for (fault, user) in [(Offence::Abuse, "anybody"), (Offence::MetLimit, "ann")] {
            let changes = desk.faults(6, fault);
            assert_eq!(changes[0].what, ChangeKind::Blocked);
            let entry = &changes[0].entry;
            let length = entry.expires.duration_since(entry.last);
            assert_eq!(length.unsigned_abs(), lasts);
            desk.pass(DAY);
            assert!(!desk.is_blocked(user));
        }
    }
}

#[test]
fn after_a_block_guesses_and_abuses_are_counted_anew() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.faults(2, Offence::Abuse);
    desk.guesses("ann", 0..3);
    desk.pass(10 * MINUTE);
    assert_eq!(desk.faults(1, Offence::Abuse), []);
    assert_eq!(desk.guesses("ann", 3..5), []);
    assert_eq!(desk.faults(1, Offence::Abuse).len(), 1);
    assert_eq!(desk.guesses("ann", 5..6).len(), 1);
}

#[test]
fn an_entry_tells_of_its_latest_block() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..3);
    desk.pass(10 * MINUTE);
    desk.tenant = TenantName::new("other");
    desk.faults(6, Offence::MetLimit);
    let entry = desk.only_entry();
    assert_eq!(entry.reason, BlockReason::Passing);
    assert_eq!(entry.tenant, desk.tenant);
    assert_eq!((entry.first, entry.last), (noon(), desk.now));
}

#[test]
fn a_block_that_has_run_out_is_told_once() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    assert_eq!(desk.list.expire(desk.now), []);
    desk.pass(10 * MINUTE);
    let changes = desk.list.expire(desk.now);
    assert_eq!(kinds(&changes), [ChangeKind::Expired]);
    assert_eq!(changes[0].entry.state, BlockState::Released);
    assert_eq!(desk.list.expire(desk.now), []);
}

#[test]
fn faults_of_who_is_blocked_prolong_the_block_and_are_told_now_and_then() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.pass(4 * MINUTE);
    assert_eq!(
        desk.faults(2, Offence::Abuse),
        [],
        "less than half has gone"
    );
    assert_eq!(desk.only_entry().last, desk.now);
    desk.pass(MINUTE);
    let changes = desk.faults(2, Offence::Abuse);
    assert_eq!(kinds(&changes), [ChangeKind::Extended]);
    assert_eq!(changes[0].entry.times_blocked, 1);
    desk.pass(10 * MINUTE - Duration::from_secs(1));
    assert!(desk.is_blocked("ann"));
    assert_eq!(kinds(&desk.release_all()), [ChangeKind::Released]);
}

#[test]
fn a_release_by_hand_counts_and_forgives() {
    let mut desk = Desk::new();
    desk.rules.passwords_per_address = 0;
    desk.faults(6, Offence::MetLimit);
    desk.guesses("bob", 0..3);
    desk.guesses("bob", 3..5);
    let changes = desk.release_all();
    assert_eq!(kinds(&changes), [ChangeKind::Released; 2]);
    for change in &changes {
        assert_eq!(change.entry.times_released, 1);
        assert_eq!(change.entry.state, BlockState::Released);
    }
    assert!(!desk.is_blocked("ann") && !desk.is_blocked("bob"));
    assert_eq!(desk.release_all(), [], "they are released already");
    assert_eq!(desk.faults(5, Offence::MetLimit), []);
    assert_eq!(desk.guesses("bob", 5..6), []);
    desk.pass(MINUTE);
    assert_eq!(desk.faults(1, Offence::MetLimit)[0].entry.times_blocked, 2);
}

#[test]
fn what_has_run_out_is_not_released_by_hand() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.pass(10 * MINUTE);
    assert_eq!(desk.release_all(), []);
    assert_eq!(desk.only_entry().times_released, 0);
}

#[test]
fn a_pinned_block_does_not_run_out_until_it_is_unpinned() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    assert_eq!(kinds(&desk.pin_all(true)), [ChangeKind::Pinned]);
    assert_eq!(desk.pin_all(true), []);
    desk.pass(30 * DAY);
    assert!(desk.is_blocked("ann"));
    assert_eq!(desk.list.expire(desk.now), []);
    assert_eq!(desk.list.forget(DAY, desk.now), []);
    assert_eq!(desk.release_all(), [], "a selection leaves it alone");
    assert_eq!(kinds(&desk.pin_all(false)), [ChangeKind::Unpinned]);
    assert!(!desk.is_blocked("ann"));
    assert_eq!(kinds(&desk.list.expire(desk.now)), [ChangeKind::Expired]);
}

#[test]
fn who_is_pinned_released_is_never_blocked_again() {
    let mut desk = Desk::new();
    desk.faults(2, Offence::Abuse);
    desk.release_all();
    desk.pin_all(true);
    assert_eq!(desk.faults(100, Offence::Abuse), []);
    assert!(!desk.is_blocked("ann"));
    desk.pass(30 * DAY);
    assert_eq!(desk.list.forget(DAY, desk.now), []);
    desk.pin_all(false);
    assert_eq!(desk.faults(2, Offence::Abuse).len(), 1);
}

#[test]
fn old_entries_are_forgotten_and_blocked_ones_are_not() {
    let mut desk = Desk::new();
    desk.rules.duration = 3 * DAY;
    desk.rules.max_duration = 3 * DAY;
    desk.guesses("ann", 0..3);
    desk.rules.duration = MINUTE;
    desk.faults(2, Offence::Abuse);
    desk.pass(DAY);
    assert_eq!(desk.list.forget(DAY, desk.now), [], "not older than a day");
    desk.pass(MINUTE);
    let changes = desk.list.forget(DAY, desk.now);
    assert_eq!(kinds(&changes), [ChangeKind::Forgotten]);
    assert_eq!(changes[0].entry.reason, BlockReason::Abuse);
    assert_eq!(desk.only_entry().reason, BlockReason::GuessingOne);
}

/// Two tenants, two addresses, all reasons but one.
fn varied() -> Desk {
    let mut desk = Desk::new();
    desk.guesses("Ann@example.com", 0..3);
    desk.tenant = TenantName::new("other");
    for number in 0..3 {
        desk.fault_at(address("2001:db8::1"), "ann@example.com", guess(number));
    }
    desk.faults(2, Offence::Abuse);
    desk.list
        .release(&BlockFilter::ids(vec![BlockId(1)]), desk.now);
    desk
}

#[test]
fn entries_are_selected_by_all_that_a_filter_gives() {
    let desk = varied();
    let all = BlockFilter::default;
    let later = desk.now.checked_add(HOUR).unwrap();
    let ids = |filter: &BlockFilter| -> Vec<u64> {
        let entries = desk.list.entries(filter, desk.now);
        entries.iter().map(|entry| entry.id.0).collect()
    };
    assert_eq!(ids(&all()), [1, 2, 3]);
    assert_eq!(
        ids(&BlockFilter::ids(vec![BlockId(3), BlockId(1), BlockId(9)])),
        [1, 3]
    );
    let ann = BlockFilter {
        maildrop: Some("ANN@EXAMPLE.COM".to_owned()),
        ..all()
    };
    assert_eq!(ids(&ann), [1, 2]);
    let at_home = BlockFilter {
        address: Some(home()),
        ..all()
    };
    assert_eq!(ids(&at_home), [1, 3]);
    let other = BlockFilter {
        tenant: Some(TenantName::new("other")),
        ..all()
    };
    assert_eq!(ids(&other), [2, 3]);
    let released = BlockFilter {
        state: Some(BlockState::Released),
        ..all()
    };
    assert_eq!(ids(&released), [1]);
    assert_eq!(desk.list.entries(&released, later).len(), 3, "run out");
    let guessing = BlockFilter {
        reason: Some(BlockReason::GuessingOne),
        ..all()
    };
    assert_eq!(ids(&guessing), [1, 2]);
    let both = BlockFilter {
        address: Some(home()),
        ..ann
    };
    assert_eq!(ids(&both), [1]);
}

#[test]
fn a_release_means_the_selected_only() {
    let desk = varied();
    let abuse = BlockFilter {
        reason: Some(BlockReason::Abuse),
        ..BlockFilter::default()
    };
    assert_eq!(desk.list.release(&abuse, desk.now).len(), 1);
    assert!(!desk.is_blocked("bob"));
    assert!(desk.is_blocked_at(address("2001:db8::1"), "ann@example.com"));
}

#[test]
fn entries_are_counted_by_tenant_and_state() {
    let mut desk = varied();
    let counted = |desk: &Desk| {
        let counts = desk.list.counts();
        let rows = counts.into_iter();
        let mut rows: Vec<_> = rows
            .map(|count| (count.tenant.to_string(), count.blocked, count.released))
            .collect();
        rows.sort_unstable();
        rows
    };
    let row = |tenant: &str, blocked, released| (tenant.to_owned(), blocked, released);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 2, 0)]);
    desk.pass(10 * MINUTE);
    desk.list.expire(desk.now);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 0, 2)]);
    desk.fault("bob", Offence::Abuse);
    desk.fault("bob", Offence::Abuse);
    assert_eq!(counted(&desk), [row("default", 0, 1), row("other", 1, 1)]);
    desk.pass(30 * DAY);
    desk.list.forget(DAY, desk.now);
    assert_eq!(counted(&desk), []);
}

#[test]
fn a_restored_list_goes_on_where_it_was() {
    let old = varied();
    old.pin_all(true);
    let mut desk = Desk::new();
    desk.now = old.now;
    desk.list = BlockList::restore(old.entries());
    assert_eq!(desk.entries(), old.entries());
    assert!(desk.is_blocked("bob"));
    assert_eq!(desk.list.counts().len(), 2);
    let changes = desk.guesses("new", 50..53);
    assert_eq!(changes[0].entry.id, BlockId(4), "no number is given twice");
}

#[test]
fn a_full_list_drops_the_released_then_the_oldest_and_never_a_pinned_one() {
    let mut desk = Desk::new();
    desk.list = BlockList::with_bound(32);
    let block = |desk: &Desk, n: u32| {
        let address = address(&format!("192.0.2.{n}"));
        desk.fault_at(address, "ann", Offence::Abuse);
        desk.fault_at(address, "ann", Offence::Abuse)
    };
    for n in 1..=32 {
        desk.pass(Duration::from_secs(1));
        assert_eq!(block(&desk, n).len(), 1);
    }
    let ids = |changes: &[BlockChange], what| -> Vec<u64> {
        let changes = changes.iter().filter(|change| change.what == what);
        changes.map(|change| change.entry.id.0).collect()
    };
    desk.list
        .pin(&BlockFilter::ids(vec![BlockId(1)]), true, desk.now);
    desk.list
        .release(&BlockFilter::ids(vec![BlockId(30)]), desk.now);
    let changes = block(&desk, 33);
    assert_eq!(ids(&changes, ChangeKind::Forgotten), [30, 2]);
    assert_eq!(ids(&changes, ChangeKind::Blocked), [33]);
    assert_eq!(desk.entries().len(), 31);
    desk.pin_all(true);
    assert_eq!(block(&desk, 34).len(), 1);
    desk.pin_all(true);
    assert_eq!(block(&desk, 35), [], "all are pinned");
    assert_eq!(desk.entries().len(), 32);
}

#[test]
fn what_is_remembered_is_bounded_and_forgotten() {
    let mut desk = Desk::new();
    let many = ACCEPTED_ADDRESSES_MAX + 1;
    for n in 0..many {
        let address = one_of_many(n);
        desk.fault_at(address, &n.to_string(), guess(0));
        desk.accepted(address, "ann", 0);
    }
    let held = desk.list.remembered();
    assert!(held <= 2 * OFFENDERS_MAX + ACCEPTED_ADDRESSES_MAX, "{held}");
    assert!(
        held > (2 * OFFENDERS_MAX + ACCEPTED_ADDRESSES_MAX) / 10 * 9,
        "{held}"
    );
    desk.pass(HOUR);
    desk.list.forget(DAY, desk.now);
    assert!(desk.list.remembered() <= ACCEPTED_ADDRESSES_MAX);
    desk.pass(DAY);
    desk.list.forget(DAY, desk.now);
    assert_eq!(desk.list.remembered(), 0);
}

#[test]
fn a_flood_of_faults_forgets_those_that_were_quiet_longest() {
    let desk = Desk::new();
    desk.guesses("ann", 0..1);
    for n in 0..OFFENDERS_MAX + 1 {
        desk.fault("ann", guess(1));
        desk.fault_at(one_of_many(n), "bob", guess(0));
    }
    assert_eq!(desk.guesses("ann", 2..3).len(), 1, "she was never quiet");
}

#[test]
fn a_clock_that_is_set_back_breaks_nothing() {
    let mut desk = Desk::new();
    desk.guesses("ann", 0..2);
    desk.faults(5, Offence::MetLimit);
    desk.now = desk.now.checked_sub(2 * DAY).unwrap();
    assert_eq!(desk.faults(1, Offence::MetLimit), [], "another day");
    assert_eq!(desk.guesses("ann", 2..3).len(), 1);
    assert!(desk.is_blocked("ann"));
    desk.now = Timestamp::MAX;
    desk.guesses("ann", 3..6);
    desk.now = Timestamp::MIN;
    desk.guesses("ann", 6..9);
}

mod tries;

#[test]
fn names_are_read_as_they_are_written() {
    for &state in BlockState::ALL {
        assert_eq!(BlockState::named(state.as_str()), Some(state));
    }
    for &reason in BlockReason::ALL {
        assert_eq!(BlockReason::named(reason.as_str()), Some(reason));
    }
    assert_eq!(BlockReason::named("boredom"), None);
}
