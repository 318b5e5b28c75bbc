use super::*;
use crate::cluster::keys::ClusterSecret;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::CLUSTER_SECRET_OCTETS;
use crate::policy::block::{BlockId, BlockReason, BlockTarget};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn share(gate: u8) -> BlockShare {
    let secret = ClusterSecret::new([7; CLUSTER_SECRET_OCTETS]);
    let keys = Arc::new(ClusterKeys::new(&secret).unwrap());
    BlockShare::new(keys, GateId([gate; 8]))
}

fn noon() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn entry(prefix: &str, state: BlockState) -> BlockEntry {
    let backends: Arc<[BackendName]> = Arc::from([BackendName::new("legacy")]);
    BlockEntry {
        id: BlockId(5),
        target: BlockTarget {
            key: Some(MaildropKey::new(&backends, &UserName::new(b"ann"))),
            prefix: prefix.parse().unwrap(),
        },
        tenant: TenantName::new("default"),
        reason: BlockReason::GuessingOne,
        state,
        pinned: false,
        shadow: false,
        first: noon() - MINUTE,
        last: noon(),
        since: noon(),
        expires: noon() + 10 * MINUTE,
        times_blocked: 6,
        times_released: 7,
    }
}

fn change(prefix: &str, what: ChangeKind) -> BlockChange {
    let state = match what {
        ChangeKind::Released => BlockState::Released,
        _ => BlockState::Blocked,
    };
    BlockChange {
        entry: entry(prefix, state),
        what,
        by: ChangedBy::Rule,
    }
}

fn blocked() -> BlockChange {
    change("192.0.2.7", ChangeKind::Blocked)
}

fn released() -> BlockChange {
    change("192.0.2.7", ChangeKind::Released)
}

/// The engine has taken all news of a gate.
fn told(share: &mut BlockShare, now: Timestamp) -> Vec<BlockPut> {
    let puts = share.news(now);
    assert_eq!(share.sent(&puts, &vec![None; puts.len()], now), []);
    assert!(share.has_told_news());
    puts
}

/// The whole list of an engine that has these.
fn read(share: &mut BlockShare, puts: &[BlockPut], now: Timestamp) -> Vec<BlockChange> {
    share.reading_begins();
    let changes = hear(share, puts, now);
    share.reading_ended();
    changes
}

fn hear(share: &mut BlockShare, puts: &[BlockPut], now: Timestamp) -> Vec<BlockChange> {
    puts.iter()
        .filter_map(|put| share.received(&put.name, &put.stored, now))
        .collect()
}

#[test]
fn what_one_gate_changes_another_one_gets_whole() {
    let (mut one, mut other) = (share(1), share(2));
    one.changed(&blocked(), noon());
    let puts = told(&mut one, noon());
    assert_eq!(puts.len(), 1);
    let heard = hear(&mut other, &puts, noon());
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].entry.id, BlockId(0), "it has a number of its own");
    assert_eq!(heard[0].by, ChangedBy::Gate);
    let entry = BlockEntry {
        id: blocked().entry.id,
        ..heard[0].entry.clone()
    };
    assert_eq!((entry, heard[0].what), (blocked().entry, blocked().what));
    other.changed(&heard[0], noon());
    assert!(!other.is_unsent(), "it is not sent back");
    assert_eq!(hear(&mut one, &puts, noon()), [], "its own comes back");
}

#[test]
fn a_release_wins_over_a_change_that_did_not_know_of_it_in_either_order() {
    for is_release_first in [true, false] {
        let (mut one, mut other) = (share(1), share(2));
        other.changed(&released(), noon());
        // An hour later, at a gate that has not heard.
        one.changed(&blocked(), noon() + MINUTE);
        let (release, block) = (other.news(noon()), one.news(noon()));
        let mut third = share(3);
        match is_release_first {
            true => {
                assert_eq!(hear(&mut third, &release, noon()).len(), 1);
                assert_eq!(hear(&mut third, &block, noon()), []);
            }
            false => assert_eq!(
                hear(&mut third, &[block, release.clone()].concat(), noon()).len(),
                2
            ),
        }
        assert_eq!(hear(&mut one, &release, noon()).len(), 1);
        assert!(one.has_told_news(), "its block is not offered any more");
        // It knows of the release now: this one counts.
        one.changed(&blocked(), noon() + 2 * MINUTE);
        assert_eq!(hear(&mut other, &one.news(noon()), noon()).len(), 1);
    }
}

#[test]
fn a_change_is_above_the_one_before_also_by_a_clock_that_is_an_hour_behind() {
    let (mut one, mut other) = (share(1), share(2));
    one.changed(&blocked(), noon());
    hear(&mut other, &told(&mut one, noon()), noon());
    other.changed(&blocked(), noon() - 60 * MINUTE);
    assert_eq!(hear(&mut one, &told(&mut other, noon()), noon()).len(), 1);
    one.changed(&released(), noon() - 60 * MINUTE);
    assert_eq!(hear(&mut other, &told(&mut one, noon()), noon()).len(), 1);
}

#[test]
fn what_was_changed_meanwhile_is_still_to_be_sent() {
    let mut one = share(1);
    one.changed(&blocked(), noon());
    let first = one.news(noon());
    one.changed(&released(), noon());
    assert_eq!(one.sent(&first, &[None], noon()), []);
    let again = one.news(noon());
    assert_ne!(again[0].stored.stamp, first[0].stored.stamp);
    assert_eq!(one.sent(&again, &[None], noon()), []);
    assert!(!one.is_unsent());
}

#[test]
fn what_counts_instead_of_a_change_is_learned_with_the_answer() {
    let (mut one, mut other) = (share(1), share(2));
    other.changed(&released(), noon());
    one.changed(&blocked(), noon());
    let puts = one.news(noon());
    let counts = other.news(noon())[0].stored.clone();
    let learned = one.sent(&puts, &[Some(counts)], noon());
    assert_eq!(learned.len(), 1);
    assert_eq!(learned[0].what, ChangeKind::Released);
    assert!(!one.is_unsent());
}

#[test]
fn an_engine_is_offered_what_it_lost_and_nothing_that_it_has() {
    let mut one = share(1);
    for last in 1..=3 {
        let change = change(&format!("192.0.2.{last}"), ChangeKind::Blocked);
        one.changed(&change, noon());
    }
    let puts = told(&mut one, noon());
    read(&mut one, &puts, noon());
    assert_eq!(one.offers(noon()), [], "an hour away, and nothing is lost");
    one.changed(&change("192.0.2.4", ChangeKind::Blocked), noon());
    read(&mut one, &puts[..1], noon());
    let names =
        |puts: &[BlockPut]| -> BTreeSet<_> { puts.iter().map(|it| it.name.clone()).collect() };
    assert_eq!(names(&one.offers(noon())), names(&puts[1..]));
    assert_eq!(one.news(noon()).len(), 1, "and what is new besides");
    // Another gate was quicker with one of them.
    hear(&mut one, &puts[1..2], noon());
    let offers = one.offers(noon());
    assert_eq!(names(&offers), names(&puts[2..]));
    assert_eq!(offers[0].stored, puts[2].stored, "as it was");
    one.sent(&offers, &[None], noon());
    assert_eq!(one.offers(noon()), []);
}

#[test]
fn an_engine_that_has_an_older_change_is_offered_the_later_one() {
    let mut one = share(1);
    one.changed(&blocked(), noon());
    let first = told(&mut one, noon());
    one.changed(&released(), noon());
    let release = told(&mut one, noon());
    assert_eq!(read(&mut one, &first, noon()), [], "a release stays");
    assert_eq!(one.offers(noon()), release);
}

#[test]
fn what_an_earlier_process_knew_is_offered_only_where_nobody_knows_more() {
    let mut other = share(2);
    other.changed(&blocked(), noon() + MINUTE);
    let rows = told(&mut other, noon() + MINUTE);
    let now = noon() + 2 * MINUTE;
    let mut one = share(1);
    one.restored(&entry("192.0.2.7", BlockState::Blocked), now);
    one.restored(&entry("192.0.2.8", BlockState::Blocked), now);
    assert!(!one.is_unsent(), "the engine may have them");
    assert_eq!(read(&mut one, &rows, now).len(), 1);
    let offers = one.offers(now);
    assert_eq!(offers.len(), 1);
    assert_ne!(offers[0].name, rows[0].name);
    // Of two that knew it one had it released.
    let mut third = share(3);
    third.restored(&entry("192.0.2.8", BlockState::Released), now);
    assert_eq!(hear(&mut third, &offers, now), []);
    read(&mut third, &[], now);
    assert_eq!(hear(&mut one, &third.offers(now), now).len(), 1);
    // It ran out, which is no release.
    let late = noon() + 20 * MINUTE;
    let mut fourth = share(4);
    fourth.restored(&entry("192.0.2.7", BlockState::Blocked), late);
    assert_eq!(read(&mut fourth, &rows, late).len(), 1);
}

#[test]
fn an_entry_is_kept_for_two_weeks_or_as_long_as_it_blocks_and_a_pinned_one_stays() {
    let mut one = share(1);
    let long = BlockChange {
        entry: BlockEntry {
            expires: noon() + 20 * DAY,
            ..entry("192.0.2.8", BlockState::Blocked)
        },
        ..blocked()
    };
    let pinned = BlockChange {
        entry: BlockEntry {
            pinned: true,
            ..entry("192.0.2.9", BlockState::Blocked)
        },
        ..blocked()
    };
    for change in [&blocked(), &long, &pinned] {
        one.changed(change, noon());
    }
    let mut keeps: Vec<_> = one.news(noon()).iter().map(|put| put.keep).collect();
    keeps.sort_unstable();
    assert_eq!(keeps[..2], [14 * DAY, 20 * DAY]);
    let puts = told(&mut one, noon());
    for (days, known) in [(13, 3), (14, 2), (19, 2), (20, 1), (1_000, 1)] {
        let now = noon() + days * DAY;
        one.forget(now);
        assert_eq!(one.len(), known, "after {days} days");
        let mut late = share(2);
        assert_eq!(
            hear(&mut late, &puts, now).len(),
            known,
            "after {days} days"
        );
    }
    // Unpinned after years: the others must hear of that.
    let now = noon() + 1_000 * DAY;
    one.changed(&change("192.0.2.9", ChangeKind::Unpinned), now);
    assert_eq!(one.news(now)[0].keep, 14 * DAY);
}

#[test]
fn an_engine_that_is_away_for_long_gets_what_runs_out_last_and_the_rest_is_counted() {
    let mut one = share(1);
    let beyond = 3;
    let prefix = |n: usize| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
    for n in 0..CLUSTER_BLOCKS_MAX + beyond {
        let at = noon() + Duration::from_millis(n as u64);
        one.changed(&change(&prefix(n), ChangeKind::Blocked), at);
    }
    assert_eq!(one.len(), CLUSTER_BLOCKS_MAX);
    assert_eq!(one.take_dropped(), beyond);
    assert_eq!(one.take_dropped(), 0);
    for n in 0..2 * beyond {
        let name: Arc<str> = one
            .keys
            .block_name(&change(&prefix(n), ChangeKind::Blocked).entry.target)
            .into();
        assert_eq!(one.news.contains(&name), n >= beyond, "{n}");
    }
    assert_eq!(one.news(noon()).len(), CLUSTER_BLOCKS_EACH);
    // What the engine has is no loss.
    one.news.clear();
    one.changed(
        &change("192.0.2.7", ChangeKind::Blocked),
        noon() + MINUTE * 5,
    );
    assert_eq!(one.take_dropped(), 0);
    one.forget(noon() + 15 * DAY);
    assert!(one.is_empty() && !one.is_unsent() && one.ends.is_empty());
}

#[test]
fn gates_begin_to_offer_at_different_places() {
    let firsts: BTreeSet<_> = [0x11, 0x55, 0x99, 0xdd]
        .into_iter()
        .map(|gate| {
            let mut one = share(gate);
            for n in 0..64 {
                let change = change(&format!("192.0.2.{n}"), ChangeKind::Blocked);
                one.changed(&change, noon());
            }
            told(&mut one, noon());
            read(&mut one, &[], noon());
            let offers = one.offers(noon());
            assert_eq!(offers.len(), 64, "all of them in the end");
            offers[0].name.clone()
        })
        .collect();
    assert!(firsts.len() >= 3, "{firsts:?}");
}

#[test]
fn whoever_runs_the_engine_cannot_say_what_counts() {
    let mut one = share(1);
    one.changed(&blocked(), noon());
    one.changed(&change("192.0.2.8", ChangeKind::Blocked), noon());
    let puts = one.news(noon());
    let mut forged = puts[0].stored.clone();
    forged.stamp.made += 1;
    assert_eq!(share(2).received(&puts[0].name, &forged, noon()), None);
    assert_eq!(
        share(2).received(&puts[0].name, &puts[1].stored, noon()),
        None
    );
    assert!(
        share(2)
            .received(&puts[0].name, &puts[0].stored, noon())
            .is_some()
    );
}

#[test]
fn what_runs_out_is_forgotten_or_came_from_elsewhere_is_not_told() {
    let mut one = share(1);
    for (what, by) in [
        (ChangeKind::Expired, ChangedBy::Expiry),
        (ChangeKind::Forgotten, ChangedBy::Rule),
        (ChangeKind::Blocked, ChangedBy::Gate),
    ] {
        let change = BlockChange {
            by,
            ..change("192.0.2.7", what)
        };
        assert!(!BlockShare::is_told(&change));
        one.changed(&change, noon());
    }
    assert!(one.is_empty());
}
