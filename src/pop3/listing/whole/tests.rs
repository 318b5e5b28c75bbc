use super::*;

/// A listing of these sizes and unique-ids, as a server tells it.
fn listing(messages: &[(u32, &str)]) -> MaildropListing {
    told(messages).unwrap()
}

fn told(messages: &[(u32, &str)]) -> Result<MaildropListing, NotWhole> {
    let octets = messages.iter().map(|(octets, _)| u64::from(*octets)).sum();
    let stat = Some(DropListing {
        messages: messages.len() as u64,
        octets,
    });
    let numbered = messages.iter().zip(1..);
    let sizes: String = numbered
        .clone()
        .map(|((octets, _), number)| format!("{number} {octets}\r\n"))
        .collect();
    let ids: String = numbered
        .map(|((_, id), number)| format!("{number} {id}\r\n"))
        .collect();
    MaildropListing::new(stat, scan(&(sizes + ".\r\n")), ids_of(&(ids + ".\r\n")))
}

fn scan(body: &str) -> ScanReader {
    let mut scan = ScanReader::default();
    scan.read(body.as_bytes());
    scan
}

fn ids_of(body: &str) -> UniqueIdReader {
    let mut ids = UniqueIdReader::default();
    ids.read(body.as_bytes());
    ids
}

fn stat(messages: u64) -> Option<DropListing> {
    Some(DropListing {
        messages,
        octets: 0,
    })
}

#[test]
fn a_whole_listing_says_what_the_server_said() {
    let whole = listing(&[
        (120, "whqtswO00WBw418f9t5JxYwZ"),
        (200, "QhdPYR:00WBw1Ph7x7"),
    ]);
    assert_eq!((whole.messages(), whole.octets()), (2, 320));
    let told: Vec<_> = whole
        .messages_listed()
        .map(|(number, octets, id)| (number.to_string(), octets, id.to_vec()))
        .collect();
    assert_eq!(
        told,
        [
            ("1".to_owned(), 120, b"whqtswO00WBw418f9t5JxYwZ".to_vec()),
            ("2".to_owned(), 200, b"QhdPYR:00WBw1Ph7x7".to_vec()),
        ]
    );
    assert_eq!(whole.size(MessageNumber::from_index(2).unwrap()), None);
    assert_eq!(listing(&[]).messages(), 0);
}

#[test]
fn what_stat_says_counts_more_than_the_sum_of_the_sizes() {
    let octets = |stat| {
        let listing = MaildropListing::new(
            stat,
            scan("1 10\r\n2 20\r\n.\r\n"),
            ids_of("1 a\r\n2 b\r\n.\r\n"),
        );
        listing.unwrap().octets()
    };
    assert_eq!(octets(None), 30);
    let messages = 2;
    assert_eq!(
        octets(Some(DropListing {
            messages,
            octets: 34
        })),
        34
    );
}

#[test]
fn pieces_of_any_size_make_the_same_listing() {
    let (sizes, ids) = ("1 10\r\n2 20\r\n.\r\n", "1 a\r\n2 b\r\n.\r\n");
    let at_once = MaildropListing::new(stat(2), scan(sizes), ids_of(ids));
    let (mut scan, mut unique_ids) = (ScanReader::default(), UniqueIdReader::default());
    for octet in sizes.bytes() {
        scan.read(&[octet]);
    }
    for octet in ids.bytes() {
        unique_ids.read(&[octet]);
    }
    assert_eq!(MaildropListing::new(stat(2), scan, unique_ids), at_once);
}

#[test]
fn what_is_not_whole_is_no_listing() {
    let long = "x".repeat(71);
    let (one, two) = ("1 9\r\n.\r\n", "1 9\r\n2 9\r\n.\r\n");
    for (messages, sizes, ids, why) in [
        (1, "1 9\r\n", "1 a\r\n.\r\n", NotWhole::Unfinished),
        (1, one, "", NotWhole::Unfinished),
        (2, one, "1 a\r\n.\r\n", NotWhole::CountsDiffer),
        (1, two, "1 a\r\n.\r\n", NotWhole::CountsDiffer),
        (
            2,
            "1 9\r\n3 9\r\n.\r\n",
            "1 a\r\n2 b\r\n.\r\n",
            NotWhole::Gap,
        ),
        (2, two, "2 b\r\n1 a\r\n.\r\n", NotWhole::Gap),
        (1, "one\r\n.\r\n", "1 a\r\n.\r\n", NotWhole::Malformed),
        (1, one, "1\r\n.\r\n", NotWhole::Malformed),
        (1, one, "1 a b\r\n.\r\n", NotWhole::UniqueId),
        (1, one, "1 \u{e4}\r\n.\r\n", NotWhole::UniqueId),
        (1, one, &format!("1 {long}\r\n.\r\n"), NotWhole::UniqueId),
        (2, two, "1 a\r\n2 a\r\n.\r\n", NotWhole::Repeated),
        (
            1,
            "1 4294967296\r\n.\r\n",
            "1 a\r\n.\r\n",
            NotWhole::TooLarge,
        ),
    ] {
        let listing = MaildropListing::new(stat(messages), scan(sizes), ids_of(ids));
        assert_eq!(listing.unwrap_err(), why, "{sizes:?} {ids:?}");
    }
}

#[test]
fn more_messages_than_are_kept_are_no_listing() {
    let ids: Vec<String> = (0..=LISTED_MESSAGES_MAX).map(|id| id.to_string()).collect();
    let messages: Vec<_> = ids.iter().map(|id| (9, id.as_str())).collect();
    assert_eq!(told(&messages).unwrap_err(), NotWhole::TooLarge);
    let most = listing(&messages[1..]);
    assert_eq!(most.messages(), LISTED_MESSAGES_MAX);
    assert!(most.footprint() < 200_000, "{}", most.footprint());
}

#[test]
fn ids_that_are_the_numbers_are_seen() {
    assert!(listing(&[(1, "1"), (1, "2")]).ids_are_numbers());
    assert!(!listing(&[(1, "1"), (1, "3")]).ids_are_numbers());
    assert!(!listing(&[(1, "a")]).ids_are_numbers());
    assert!(!listing(&[]).ids_are_numbers());
}

#[test]
fn what_became_of_a_maildrop() {
    use ListingChange::{Changed, Missing, NewOnly, Renumbered, Resized, Same};
    let before = listing(&[(1, "a"), (2, "b"), (3, "c")]);
    for (after, change) in [
        (&[(1, "a"), (2, "b"), (3, "c")][..], Same),
        (&[(1, "a"), (2, "b"), (3, "c"), (4, "d")], NewOnly),
        (&[(2, "b"), (3, "c")], Missing),
        (&[(1, "a"), (3, "c"), (4, "d")], Missing),
        (&[], Missing),
        (&[(9, "x")], Missing),
        (&[(1, "a"), (9, "b"), (3, "c")], Resized),
        (&[(9, "c")], Resized),
        (&[(2, "b"), (1, "a"), (3, "c")], Renumbered),
        (&[(0, "n"), (1, "a"), (2, "b"), (3, "c")], Renumbered),
        (&[(1, "a"), (0, "n"), (3, "c")], Renumbered),
        (&[(9, "b"), (1, "a")], Renumbered),
        (&[(1, "x"), (2, "y"), (3, "z")], Changed),
        (&[(1, "x"), (2, "y"), (3, "z"), (4, "n")], Changed),
        // Deletions, with new mail that has the sizes of what is gone.
        (&[(1, "x"), (2, "y")], Missing),
        (&[(1, "x"), (2, "y"), (4, "z")], Missing),
        (&[(2, "x"), (1, "y"), (3, "z")], Missing),
        (&[(2, "b"), (3, "c"), (1, "x")], Missing),
    ] {
        assert_eq!(before.change_to(&listing(after)), change, "{after:?}");
    }
    assert_eq!(listing(&[]).change_to(&before), NewOnly);
    assert_eq!(
        listing(&[(1, "a")]).change_to(&listing(&[(1, "b")])),
        Changed
    );
    // The first message was deleted, and the one behind it is as large.
    assert_eq!(
        listing(&[(9, "a"), (9, "b")]).change_to(&listing(&[(9, "b"), (9, "c")])),
        Missing
    );
}

#[test]
fn what_was_read_keeps_no_more_room_than_it_needs() {
    let mut ids = UniqueIdReader::default();
    for number in 1..=1_000 {
        ids.read(format!("{number} id{number:04}\r\n").as_bytes());
    }
    ids.read(b".\r\n");
    assert_eq!(ids.octets.capacity(), 6_000);
    assert_eq!(ids.body.values.capacity(), 1_000);
    let mut faulty = ids_of("1 a\r\n2 b\r\n4 d\r\n");
    faulty.read(b"5 e\r\n");
    assert_eq!(faulty.octets.capacity() + faulty.body.values.capacity(), 0);
}
