use super::*;
use crate::ids::{BackendName, ClientPrefix};
use crate::limits::{DELETED_IDS_KEPT_FOR, DELETED_IDS_MAX};
use crate::pop3::listing::{ScanReader, UniqueIdReader};
use std::net::IpAddr;

fn listing(ids: &[&str]) -> Arc<MaildropListing> {
    let (mut scan, mut unique_ids) = (ScanReader::default(), UniqueIdReader::default());
    for (id, number) in ids.iter().zip(1..) {
        scan.read(format!("{number} 9\r\n").as_bytes());
        unique_ids.read(format!("{number} {id}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    unique_ids.read(b".\r\n");
    Arc::new(MaildropListing::new(None, scan, unique_ids).unwrap())
}

fn owner(login: &str, password: u8) -> ListingOwner {
    ListingOwner {
        login: UserName::new(login.as_bytes()),
        tag: PasswordTag::from_bytes([password; 32]),
        backend: BackendName::new("legacy"),
        client: None,
    }
}

fn ann() -> ListingOwner {
    owner("ann", 1)
}

#[test]
fn a_listing_is_compared_with_the_last_one_of_the_same_login() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    assert_eq!(
        maildrop.shown(ann(), listing(&["a"]), now),
        Compared::default()
    );
    for (ids, expected) in [
        (&["a"][..], ShadowResult::Same),
        (&["a", "b"], ShadowResult::NewOnly),
        (&["b"], ShadowResult::Missing),
        (&["c", "b"], ShadowResult::Renumbered),
        (&["d", "e"], ShadowResult::Changed),
    ] {
        let compared = maildrop.shown(ann(), listing(ids), now);
        assert_eq!(compared.result, Some(expected), "{ids:?}");
    }
}

#[test]
fn another_login_password_or_backend_is_shown_nothing_of_it() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    maildrop.shown(ann(), listing(&["a"]), now);
    let elsewhere = ListingOwner {
        backend: BackendName::new("other"),
        ..ann()
    };
    for stranger in [owner("Ann", 1), owner("ann", 2), elsewhere] {
        assert_eq!(maildrop.shown(stranger, listing(&["a"]), now).result, None);
    }
}

#[test]
fn a_listing_is_good_for_an_hour_and_four_are_kept() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    maildrop.shown(ann(), listing(&["a"]), now);
    let later = now + LISTING_SHOWN_FOR;
    assert!(
        maildrop
            .shown(ann(), listing(&["a"]), later)
            .result
            .is_some()
    );
    let too_late = later + LISTING_SHOWN_FOR + Duration::from_nanos(1);
    assert_eq!(
        maildrop.shown(ann(), listing(&["a"]), too_late).result,
        None
    );
    for password in 2..=5 {
        maildrop.shown(owner("ann", password), listing(&["a"]), too_late);
    }
    assert_eq!(maildrop.kept.len(), LISTINGS_PER_MAILDROP);
    assert_eq!(
        maildrop.shown(ann(), listing(&["a"]), too_late).result,
        None
    );
}

#[test]
fn ids_that_are_new_in_each_session_forbid_sharing() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    maildrop.shown(ann(), listing(&["a1", "b1"]), now);
    assert_eq!(
        maildrop.shown(ann(), listing(&["a2", "b2"]), now),
        Compared {
            result: Some(ShadowResult::Changed),
            unshareable: vec![Unshareable::Changed],
            ..Compared::default()
        }
    );
    assert!(!ShadowResult::Changed.keeps_all());
}

/// The login's session deletes the messages that are marked.
fn deletes(maildrop: &mut MaildropListings, ids: &[&str], marks: &[bool], now: Instant) {
    let shown = listing(ids);
    maildrop.shown(ann(), Arc::clone(&shown), now);
    maildrop.deleted(&shown, marks, now);
    maildrop.outdate();
}

#[test]
fn nothing_is_compared_with_what_was_shown_before_a_deletion() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    maildrop.shown(owner("ann", 2), listing(&["a", "b"]), now);
    deletes(&mut maildrop, &["a", "b"], &[true], now);
    for password in [1, 2] {
        let compared = maildrop.shown(owner("ann", password), listing(&["b"]), now);
        assert_eq!(compared, Compared::default());
    }
    let compared = maildrop.shown(ann(), listing(&["b"]), now);
    assert_eq!(compared.result, Some(ShadowResult::Same));
}

#[test]
fn an_id_that_comes_back_after_its_message_was_deleted_is_recycled() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    deletes(&mut maildrop, &["a", "b"], &[false, true], now);
    // With nothing to compare with.
    assert_eq!(
        maildrop.shown(ann(), listing(&["a", "b"]), now),
        Compared {
            unshareable: vec![Unshareable::Recycled],
            ..Compared::default()
        }
    );
    let mut maildrop = MaildropListings::default();
    deletes(&mut maildrop, &["a", "b"], &[false, true], now);
    maildrop.shown(ann(), listing(&["a"]), now);
    assert_eq!(
        maildrop.shown(ann(), listing(&["a", "b"]), now).result,
        Some(ShadowResult::Recycled)
    );
}

#[test]
fn a_deletion_is_remembered_for_a_day() {
    for (age, unshareable) in [
        (Duration::from_secs(2 * 3600), vec![Unshareable::Recycled]),
        (DELETED_IDS_KEPT_FOR, Vec::new()),
    ] {
        let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
        deletes(&mut maildrop, &["a"], &[true], now);
        assert_eq!(maildrop.expire(now + age), !unshareable.is_empty());
        let compared = maildrop.shown(ann(), listing(&["a"]), now + age);
        assert_eq!(compared.unshareable, unshareable);
    }
}

#[test]
fn each_cause_is_told_once_a_day_whatever_the_others_do() {
    use Unshareable::{Numbers, Renumbered, Repeated};
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let mut told = Vec::new();
    // Every six hours for two days, the last one not included.
    for hours in (0..48).step_by(6) {
        let at = now + Duration::from_secs(hours * 3600);
        let found = maildrop.shown(ann(), listing(&["1", "2"]), at).unshareable;
        told.extend(found.into_iter().map(|why| (hours, why)));
        let swapped = maildrop.shown(ann(), listing(&["2", "1"]), at).unshareable;
        told.extend(swapped.into_iter().map(|why| (hours, why)));
        if maildrop.forbid(Repeated, at) {
            told.push((hours, Repeated));
        }
    }
    let of_a_day = |hours| [Numbers, Renumbered, Repeated].map(|why| (hours, why));
    assert_eq!(told, [of_a_day(0), of_a_day(24)].concat());
}

#[test]
fn causes_that_come_together_are_all_told() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    deletes(&mut maildrop, &["x", "2"], &[false, true], now);
    maildrop.shown(ann(), listing(&["1"]), now);
    let told = maildrop.shown(ann(), listing(&["1", "2"]), now).unshareable;
    assert_eq!(told, [Unshareable::Recycled]);
    let mut maildrop = MaildropListings::default();
    deletes(&mut maildrop, &["2", "1"], &[true], now);
    let told = maildrop.shown(ann(), listing(&["1", "2"]), now).unshareable;
    assert_eq!(told, [Unshareable::Numbers, Unshareable::Recycled]);
}

#[test]
fn deletions_are_remembered_within_a_bound() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let names: Vec<String> = (0..DELETED_IDS_MAX).map(|id| format!("m{id}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    for _ in 0..2 {
        maildrop.deleted(&listing(&ids), &[true].repeat(ids.len()), now);
    }
    assert_eq!(maildrop.deleted.len(), DELETED_IDS_MAX);
    assert!(maildrop.footprint() <= DELETED_IDS_MAX * 2 * size_of::<u64>());
    maildrop.forget_ids();
    assert_eq!(maildrop.footprint(), 0);
}

#[test]
fn a_footprint_has_the_owner_and_the_places_too() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let long = owner(&"n".repeat(1000), 1);
    maildrop.shown(long, listing(&["a"]), now);
    let places = size_of::<KeptListing>() + size_of::<(Unshareable, Instant)>();
    maildrop.forbid(Unshareable::Repeated, now);
    assert!(maildrop.footprint() >= 1000 + listing(&["a"]).footprint() + places);
    maildrop.outdate();
    maildrop.expire(now + NOT_SHAREABLE_FOR);
    assert!(maildrop.footprint() < 1000);
}

/// A server that deletes what it has sent: the login fetches all, and finds nothing of it.
fn fetches_and_loses(maildrop: &mut MaildropListings, id: &str, now: Instant) -> Vec<Unshareable> {
    maildrop.shown(ann(), listing(&[id]), now);
    maildrop.all_fetched(&ann());
    maildrop.shown(ann(), listing(&[]), now).unshareable
}

#[test]
fn a_server_that_deletes_what_it_has_sent_is_seen_at_the_second_time_in_a_row() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    assert!(fetches_and_loses(&mut maildrop, "a", now).is_empty());
    let told = fetches_and_loses(&mut maildrop, "b", now);
    assert_eq!(told, [Unshareable::Vanished]);
    // What is left once was deleted elsewhere before.
    let mut maildrop = MaildropListings::default();
    for id in ["a", "b", "c"] {
        assert!(fetches_and_loses(&mut maildrop, id, now).is_empty(), "{id}");
        maildrop.shown(ann(), listing(&["k"]), now);
        maildrop.all_fetched(&ann());
        maildrop.shown(ann(), listing(&["k"]), now);
    }
    // Nobody fetched them.
    let mut maildrop = MaildropListings::default();
    for id in ["a", "b", "c"] {
        maildrop.shown(ann(), listing(&[id, "k"]), now);
        assert!(
            maildrop
                .shown(ann(), listing(&[]), now)
                .unshareable
                .is_empty()
        );
    }
}

fn ask(owner: &ListingOwner) -> Asker {
    Asker {
        login: owner.login.clone(),
        tag: owner.tag,
        client: ClientPrefix::from(IpAddr::from([192, 0, 2, 1])),
    }
}

/// The login comes, and is shown these.
fn comes(maildrop: &mut MaildropListings, ids: &[&str], now: Instant) {
    let ann = ann();
    maildrop.accepted(&ann.login, ann.tag, now);
    maildrop.shown(ann, listing(ids), now);
}

fn messages(stands_on: Option<StandsOn>) -> Option<usize> {
    stands_on.map(|it| it.listing.messages())
}

#[test]
fn who_was_shown_what_nobody_knows_is_let_in_on_no_older_listing() {
    let (mut maildrop, now, asker) = (MaildropListings::default(), Instant::now(), ask(&ann()));
    comes(&mut maildrop, &["a"], now);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), Some(1));
    // It asks UIDL alone, and sees two.
    maildrop.accepted(&ann().login, ann().tag, now);
    maildrop.left(Some(&ann()), LeftBy::Quit);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), None);
    let minute = Duration::from_secs(60);
    comes(&mut maildrop, &["a"], now);
    // Of what it saw something may be lacking.
    assert_eq!(messages(maildrop.last_resort(&asker, now)), None);
    assert_eq!(messages(maildrop.fresh(&asker, minute, minute, now)), None);
    comes(&mut maildrop, &["a", "b"], now);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), Some(2));
    assert_eq!(
        messages(maildrop.fresh(&asker, minute, minute, now)),
        Some(2)
    );
}

#[test]
fn a_login_that_is_told_nothing_before_it_is_listed_has_seen_no_more_than_others() {
    let (mut maildrop, now, asker) = (MaildropListings::default(), Instant::now(), ask(&ann()));
    comes(&mut maildrop, &["a"], now);
    for _ in 0..2 {
        maildrop.accepted(&ann().login, ann().tag, now);
        assert_eq!(messages(maildrop.last_resort(&asker, now)), None);
        maildrop.tells_nothing(ann().tag);
        assert_eq!(messages(maildrop.last_resort(&asker, now)), Some(1));
    }
    comes(&mut maildrop, &["a"], now);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), Some(1));
    // Behind one that may have seen more nobody knows.
    maildrop.accepted(&ann().login, ann().tag, now);
    maildrop.accepted(&ann().login, ann().tag, now);
    maildrop.tells_nothing(ann().tag);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), None);
}

#[test]
fn what_a_login_was_shown_elsewhere_is_not_lacking_here() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let at = |last| ListingOwner {
        client: Some(ClientPrefix::from(IpAddr::from([192, 0, 2, last]))),
        ..ann()
    };
    let mut comes = |last, ids: &[&str]| {
        maildrop.accepted(&ann().login, ann().tag, now);
        maildrop.shown(at(last), listing(ids), now);
        messages(maildrop.last_resort(&ask(&ann()), now))
    };
    assert_eq!(comes(1, &["a"]), Some(1));
    assert_eq!(comes(2, &["a", "b"]), None);
    assert_eq!(comes(1, &["a"]), None);
    assert_eq!(comes(1, &["a"]), Some(1));
}

#[test]
fn a_password_is_as_old_as_its_login_however_late_that_is_listed() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let (ann, minute) = (ann(), Duration::from_secs(60));
    maildrop.accepted(&ann.login, ann.tag, now);
    maildrop.shown(ann.clone(), listing(&["a"]), now + minute / 2);
    let fresh = |after| maildrop.fresh(&ask(&ann), minute, minute, now + after);
    assert_eq!(messages(fresh(minute)), Some(1));
    assert_eq!(messages(fresh(minute + Duration::from_nanos(1))), None);
}

#[test]
fn where_a_password_was_refused_the_next_listing_has_to_be_seen_twice() {
    let (mut maildrop, now, asker) = (MaildropListings::default(), Instant::now(), ask(&ann()));
    comes(&mut maildrop, &["a"], now);
    maildrop.refused(ann().tag, now);
    assert_eq!(messages(maildrop.last_resort(&asker, now)), None);
    for expected in [None, Some(0)] {
        comes(&mut maildrop, &[], now);
        assert_eq!(messages(maildrop.last_resort(&asker, now)), expected);
    }
}

#[test]
fn a_listing_has_the_turn_of_the_session_that_was_shown_it_and_the_next_one_has_its_own() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let turn = |number| SessionTurn { lease: 1, number };
    let minute = Duration::from_secs(60);
    let asker = Asker {
        login: ann().login,
        tag: ann().tag,
        client: ClientPrefix::from(IpAddr::from([192, 0, 2, 1])),
    };
    let mut session = |under: Option<SessionTurn>| {
        maildrop.accepted(&ann().login, ann().tag, now);
        maildrop.shown(ann(), listing(&["a"]), now);
        if let Some(turn) = under {
            maildrop.had_turn(&ann(), turn);
        }
        let fresh = maildrop.fresh(&asker, minute, minute, now).unwrap();
        let last = maildrop.last_resort(&asker, now).unwrap();
        [fresh.turn, last.turn]
    };
    for under in [Some(turn(5)), Some(turn(9)), None] {
        assert_eq!(session(under), [under; 2]);
    }
}
