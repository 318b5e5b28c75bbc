use super::*;
use crate::doctor::observations::ClassifiedLine;
use crate::pop3::listing::{DropListing, ScanReader, UniqueIdReader};

const CUT: PastSession = past(false, EndedBy::Close);
const FETCH_CUT: PastSession = past(true, EndedBy::Close);
const QUIT: PastSession = past(false, EndedBy::Quit);
const FETCH_QUIT: PastSession = past(true, EndedBy::Quit);

const fn past(fetched: bool, ended: EndedBy) -> PastSession {
    PastSession { fetched, ended }
}

/// The listing of messages that are told as `id:size`.
fn listing(messages: &str) -> Result<MaildropListing, Unlisted> {
    let mut scan = ScanReader::default();
    let mut ids = UniqueIdReader::default();
    let mut octets = 0;
    for (index, message) in messages.split_whitespace().enumerate() {
        let (id, size) = message.split_once(':').unwrap();
        octets += size.parse::<u64>().unwrap();
        scan.read(format!("{} {size}\r\n", index + 1).as_bytes());
        ids.read(format!("{} {id}\r\n", index + 1).as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    let messages = messages.split_whitespace().count() as u64;
    let stat = DropListing { messages, octets };
    MaildropListing::new(Some(stat), scan, ids).map_err(Unlisted::NotWhole)
}

fn answered(class: Class) -> Attempt {
    Attempt::Answered {
        line: ClassifiedLine {
            class,
            text: String::new(),
        },
        after: Duration::ZERO,
    }
}

fn fetched(remembered: Option<&str>) -> Fetched {
    Fetched::Message {
        listed: 7,
        octets: 7,
        remembered: remembered.map(str::to_owned),
    }
}

/// Five sessions, with these listings, in the order of the doctor.
fn sessions(listings: [&str; 5]) -> AccountObservations {
    let after = [
        None,
        Some(CUT),
        Some(FETCH_CUT),
        Some(QUIT),
        Some(FETCH_QUIT),
    ];
    let rows = listings.into_iter().zip(after);
    let listings = rows.map(|(messages, after)| SeenListing {
        after,
        listing: listing(messages),
        took: Duration::ZERO,
    });
    let released = |past| (past, Freed::After(Duration::ZERO));
    AccountObservations {
        login: Some((answered(Class::Ok), 1)),
        sharing: SharingObservations {
            listings: listings.collect(),
            releases: after.into_iter().flatten().map(released).collect(),
            fetched: vec![fetched(None), fetched(None)],
            is_over: true,
        },
        ..AccountObservations::default()
    }
}

fn same() -> AccountObservations {
    sessions(["a:7 b:9"; 5])
}

/// The reasons that are found, as words, and the session after which the last was seen.
#[track_caller]
fn assert_not(seen: &AccountObservations, words: &[&str], after: Option<PastSession>) {
    let Some(SharingVerdict::Not(against)) = verdict(seen, &[]) else {
        panic!("{:?}", verdict(seen, &[]));
    };
    let told: Vec<_> = against.iter().map(Against::as_str).collect();
    assert_eq!(told, words);
    if let Some(Against::Unshareable(_, seen_after)) = against.last() {
        assert_eq!(*seen_after, after, "{words:?}");
    }
}

#[test]
fn five_sessions_that_are_shown_the_same_or_new_mail_behind_are_shareable() {
    let shareable = |messages| SharingVerdict::Shareable {
        messages,
        sessions: 5,
    };
    assert_eq!(verdict(&same(), &[]), Some(shareable(2)));
    let (two, three) = ("a:7 b:9", "a:7 b:9 c:1");
    let grows = sessions([two, two, three, three, three]);
    assert_eq!(verdict(&grows, &[]), Some(shareable(3)));
}

#[test]
fn who_is_not_let_in_sees_nothing() {
    let seen = AccountObservations {
        login: Some((answered(Class::Auth), 1)),
        ..AccountObservations::default()
    };
    assert_eq!(verdict(&seen, &[]), None);
}

#[test]
fn what_changes_between_two_sessions_is_against_sharing_and_told_with_its_cause() {
    let old = "a:7 b:9";
    let changes = [
        // Other ids: of all messages, of the last ones, of the first one.
        ("A:7 B:9", "changed"),
        ("a:7 B:9", "changed"),
        ("A:7 b:9", "changed"),
        // A status line.
        ("a:19 b:9", "resized"),
        ("b:9 a:7", "renumbered"),
        ("c:1 a:7 b:9", "renumbered"),
    ];
    for (new, word) in changes {
        let [cut, fetch_cut, quit, fetch_quit] = [CUT, FETCH_CUT, QUIT, FETCH_QUIT];
        assert_not(&sessions([old, new, new, new, new]), &[word], Some(cut));
        assert_not(
            &sessions([old, old, new, new, new]),
            &[word],
            Some(fetch_cut),
        );
        assert_not(&sessions([old, old, old, new, new]), &[word], Some(quit));
        assert_not(
            &sessions([old, old, old, old, new]),
            &[word],
            Some(fetch_quit),
        );
    }
}

#[test]
fn only_the_message_that_was_fetched_can_vanish_by_that() {
    let old = "a:7 b:9";
    for new in ["b:9", "b:9 c:1"] {
        assert_not(
            &sessions([old, old, old, old, new]),
            &["vanished"],
            Some(FETCH_QUIT),
        );
        assert_not(
            &sessions([old, old, new, new, new]),
            &["vanished"],
            Some(FETCH_CUT),
        );
    }
    assert_not(
        &sessions(["a:7", "a:7", "a:7", "a:7", ""]),
        &["vanished"],
        Some(FETCH_QUIT),
    );
    for elsewhere in [
        sessions([old, old, old, old, "a:7"]),
        sessions([old, "b:9", "b:9", "b:9", "b:9"]),
    ] {
        let gone = SharingVerdict::Unknown(MissingForVerdict::Gone);
        assert_eq!(verdict(&elsewhere, &[]), Some(gone));
    }
}

#[test]
fn a_listing_by_itself_can_be_against_sharing() {
    assert_not(&sessions(["1:7 2:9"; 5]), &["numbers"], None);
    assert_not(&sessions(["a:7 a:9"; 5]), &["repeated"], None);
    let long = format!("{}:7", "x".repeat(71));
    assert_not(&sessions([&long; 5]), &["unique_id"], None);
    assert_not(&sessions(["caf\u{e9}:7"; 5]), &["unique_id"], None);
    for (why, word) in [
        (Unlisted::NoUidl, "no_uidl"),
        (Unlisted::NotWhole(NotWhole::Gap), "gap"),
        (Unlisted::NotWhole(NotWhole::CountsDiffer), "counts_differ"),
        (Unlisted::NotWhole(NotWhole::Malformed), "malformed"),
    ] {
        let mut seen = same();
        seen.sharing.listings[3].listing = Err(why);
        assert_not(&seen, &[word], None);
    }
    let longest = format!("{}:7", "x".repeat(70));
    let fits = verdict(&sessions([&longest; 5]), &[]);
    assert!(matches!(fits, Some(SharingVerdict::Shareable { .. })));
}

#[test]
fn a_lock_that_outlives_a_close_is_against_sharing_and_one_that_outlives_quit_is_not() {
    let freed = |past, freed: Freed| {
        let mut seen = same();
        seen.sharing.releases.push((past, freed));
        seen
    };
    let millis = Duration::from_millis;
    let locked = ClassifiedLine {
        class: Class::Locked,
        text: String::new(),
    };
    for past in [CUT, FETCH_CUT] {
        let late = Freed::After(millis(1_001));
        assert_not(&freed(past, late), &["lock_kept"], None);
        let never = Freed::Not(millis(60_000), locked.clone());
        assert_not(&freed(past, never), &["lock_kept"], None);
    }
    for (past, after) in [(CUT, 1_000), (QUIT, 9_000)] {
        let seen = verdict(&freed(past, Freed::After(millis(after))), &[]);
        assert!(
            matches!(seen, Some(SharingVerdict::Shareable { .. })),
            "{seen:?}"
        );
    }
}

#[test]
fn expire_and_login_delay_are_against_sharing_and_so_is_a_refusal_as_too_soon() {
    let listed = |lines: &[&str]| [Capabilities::parse(lines)];
    for (lines, word) in [
        (&["UIDL", "EXPIRE 30"][..], "expire"),
        (&["UIDL", "EXPIRE 0"], "expire"),
        (&["LOGIN-DELAY 61"], "login_delay"),
    ] {
        let Some(SharingVerdict::Not(against)) = verdict(&same(), &listed(lines)) else {
            panic!("{lines:?}");
        };
        assert_eq!(against[0].as_str(), word);
    }
    let fine = verdict(&same(), &listed(&["EXPIRE NEVER", "LOGIN-DELAY 60"]));
    assert!(matches!(fine, Some(SharingVerdict::Shareable { .. })));
    let mut seen = same();
    let refused = Freed::Otherwise(answered(Class::LoginDelay));
    seen.sharing.releases.push((QUIT, refused));
    assert_not(&seen, &["login_delay"], None);
}

#[test]
fn what_was_not_seen_is_named() {
    let with = |change: &dyn Fn(&mut SharingObservations)| {
        let mut seen = same();
        change(&mut seen.sharing);
        verdict(&seen, &[])
    };
    let empty = || {
        let mut seen = sessions([""; 5]);
        seen.sharing.fetched.clear();
        verdict(&seen, &[])
    };
    let unanswered = || Err(Unlisted::Unanswered("LIST".to_owned()));
    let too_large = || Err(Unlisted::NotWhole(NotWhole::TooLarge));
    let not = || Fetched::Not("-ERR".to_owned());
    for (found, lacking) in [
        (empty(), MissingForVerdict::NoMessage),
        (with(&|it| it.is_over = false), MissingForVerdict::Sessions),
        (
            with(&|it| it.listings[2].listing = unanswered()),
            MissingForVerdict::Sessions,
        ),
        (
            with(&|it| it.listings[0].listing = too_large()),
            MissingForVerdict::TooLarge,
        ),
        (
            with(&|it| it.fetched.truncate(1)),
            MissingForVerdict::Sessions,
        ),
        (
            with(&|it| it.fetched[1] = not()),
            MissingForVerdict::Unfetched("-ERR".to_owned()),
        ),
        (
            with(&|it| it.fetched[0] = fetched(Some("Status: O"))),
            MissingForVerdict::NotNew("Status: O".to_owned()),
        ),
    ] {
        assert_eq!(found, Some(SharingVerdict::Unknown(lacking)));
    }
    // What the doctor's own QUIT writes says nothing of sessions before.
    let own = with(&|it| it.fetched[1] = fetched(Some("Status: RO")));
    assert!(matches!(own, Some(SharingVerdict::Shareable { .. })));
}
