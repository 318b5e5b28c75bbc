use super::*;
use crate::pop3::listing::{ScanReader, UniqueIdReader};
use crate::time::Duration;

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
    }
}

fn ann() -> ListingOwner {
    owner("ann", 1)
}

fn result(compared: Compared) -> Option<ShadowResult> {
    compared.result
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
    ] {
        let compared = maildrop.shown(ann(), listing(ids), now);
        assert_eq!(result(compared), Some(expected), "{ids:?}");
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
        assert_eq!(result(maildrop.shown(stranger, listing(&["a"]), now)), None);
    }
}

#[test]
fn a_listing_is_good_for_an_hour_and_four_are_kept() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    maildrop.shown(ann(), listing(&["a"]), now);
    let later = now + LISTING_SHOWN_FOR;
    assert!(result(maildrop.shown(ann(), listing(&["a"]), later)).is_some());
    let too_late = later + LISTING_SHOWN_FOR + Duration::from_nanos(1);
    assert_eq!(
        result(maildrop.shown(ann(), listing(&["a"]), too_late)),
        None
    );
    for password in 2..=5 {
        maildrop.shown(owner("ann", password), listing(&["a"]), too_late);
    }
    assert_eq!(maildrop.listings(), LISTINGS_PER_MAILDROP);
    assert_eq!(
        result(maildrop.shown(ann(), listing(&["a"]), too_late)),
        None
    );
}

#[test]
fn an_id_that_comes_back_after_its_message_was_deleted_is_recycled() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let before = listing(&["a", "b"]);
    maildrop.shown(ann(), Arc::clone(&before), now);
    maildrop.deleted(&before, &[1]);
    assert_eq!(
        result(maildrop.shown(ann(), listing(&["a"]), now)),
        Some(ShadowResult::Missing)
    );
    assert_eq!(
        maildrop.shown(ann(), listing(&["a", "b"]), now),
        Compared {
            result: Some(ShadowResult::Recycled),
            unshareable: Some(Unshareable::Recycled),
        }
    );
}

#[test]
fn what_forbids_sharing_is_told_once_and_forgotten_after_a_day() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let numbers = || listing(&["1", "2"]);
    let told = maildrop.shown(ann(), numbers(), now).unshareable;
    assert_eq!(told, Some(Unshareable::Numbers));
    assert_eq!(maildrop.shown(ann(), numbers(), now).unshareable, None);
    assert_eq!(maildrop.unshareable(now), Some(Unshareable::Numbers));
    let repeated = maildrop.not_whole(NotWhole::Repeated, now);
    assert_eq!(repeated, Some(Unshareable::Repeated));
    assert_eq!(maildrop.not_whole(NotWhole::Gap, now), None);
    assert!(maildrop.expire(now + LISTING_SHOWN_FOR + Duration::from_secs(1)));
    assert!(!maildrop.expire(now + NOT_SHAREABLE_FOR));
    assert_eq!(maildrop.unshareable(now + NOT_SHAREABLE_FOR), None);
}

#[test]
fn deletions_are_remembered_within_a_bound() {
    let (mut maildrop, now) = (MaildropListings::default(), Instant::now());
    let names: Vec<String> = (0..DELETED_IDS_MAX).map(|id| format!("m{id}")).collect();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let all: Vec<usize> = (0..ids.len()).collect();
    maildrop.shown(ann(), listing(&["a"]), now);
    for _ in 0..2 {
        maildrop.deleted(&listing(&ids), &all);
    }
    assert!(maildrop.footprint() <= DELETED_IDS_MAX * 8 + listing(&["a"]).footprint());
}
