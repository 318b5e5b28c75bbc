use super::*;
use crate::ids::{BackendName, UserName};
use crate::limits::{LISTED_MESSAGES_MAX, LISTING_SHOWN_FOR, SHARING_MEMORY};
use crate::policy::sharing::ShadowResult;
use crate::pop3::listing::{ScanReader, UniqueIdReader};
use crate::secret::PasswordTag;
use crate::time::Duration;

fn listing(messages: usize) -> Arc<MaildropListing> {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    for number in 1..=messages {
        scan.read(format!("{number} 9\r\n").as_bytes());
        ids.read(format!("{number} m{number:069}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    Arc::new(MaildropListing::new(None, scan, ids).unwrap())
}

fn key(name: &str) -> MaildropKey {
    let backends = Arc::from([BackendName::new("b")]);
    MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
}

fn owner(name: &str) -> ListingOwner {
    ListingOwner {
        login: UserName::new(name.as_bytes()),
        tag: PasswordTag::from_bytes([1; 32]),
        backend: BackendName::new("b"),
        client: None,
    }
}

/// The login of this maildrop is shown the listing.
fn shown(listings: &ShownListings, name: &str, listing: &Arc<MaildropListing>) -> Compared {
    let now = Instant::now();
    let (key, tenant) = (key(name), TenantName::new("default"));
    let place = MaildropPlace {
        key: &key,
        tenant: &tenant,
    };
    listings.shown(place, &owner(name), Arc::clone(listing), None, now)
}

fn forbid(listings: &ShownListings, name: &str, now: Instant) -> bool {
    let (key, tenant) = (key(name), TenantName::new("default"));
    let place = MaildropPlace {
        key: &key,
        tenant: &tenant,
    };
    listings.forbid(place, Unshareable::Repeated, now)
}

fn octets(listings: &ShownListings) -> usize {
    listings.size().1
}

#[tokio::test(start_paused = true)]
async fn where_memory_is_full_other_maildrops_are_not_known_until_some_are_forgotten() {
    let listings = ShownListings::default();
    // One for each: what is kept for two would look like one that a session stands on.
    let large = || listing(LISTED_MESSAGES_MAX);
    let fits = |name: &usize| !shown(&listings, &name.to_string(), &large()).no_room;
    let kept = (0..).take_while(fits).count();
    let (most, each) = (SHARING_MEMORY, large().footprint());
    assert!(octets(&listings) <= most && octets(&listings) > most - 2 * each);
    assert_eq!(listings.maildrops.len(), kept);

    // It is told nothing of, since it would be told again at each login.
    let other = large();
    assert_eq!(
        shown(&listings, "other", &other),
        Compared {
            no_room: true,
            ..Compared::default()
        }
    );
    assert_eq!(Arc::strong_count(&other), 1);

    // The others go on.
    let again = shown(&listings, "0", &large());
    assert_eq!(
        (again.result, again.no_room),
        (Some(ShadowResult::Same), false)
    );
    listings.refused(&key("1"), PasswordTag::from_bytes([1; 32]), Instant::now());
    assert!(!shown(&listings, "other", &other).no_room);
    drop(other);

    // A password that was refused is remembered for twice as long.
    tokio::time::advance(2 * LISTING_SHOWN_FOR + Duration::from_secs(1)).await;
    listings.forget_idle(Instant::now());
    assert_eq!((octets(&listings), listings.maildrops.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_that_grows_beyond_the_room_keeps_what_forbids_sharing() {
    let (listings, large) = (ShownListings::default(), listing(LISTED_MESSAGES_MAX));
    let (now, small) = (Instant::now(), listing(1));
    forbid(&listings, "ann", now);
    shown(&listings, "ann", &small);
    let fits = |name: &usize| !shown(&listings, &name.to_string(), &large).no_room;
    assert!((0..).take_while(fits).count() > 0);
    let grown = shown(&listings, "ann", &large);
    assert_eq!(
        (grown.result, grown.no_room),
        (Some(ShadowResult::NewOnly), true)
    );
    assert_eq!(shown(&listings, "ann", &small).result, None);
    assert!(!forbid(&listings, "ann", now));
    assert!(octets(&listings) <= SHARING_MEMORY);
}

#[tokio::test(start_paused = true)]
async fn names_and_places_count_too() {
    let of_name = |name: &str| {
        let listings = ShownListings::default();
        shown(&listings, name, &listing(1));
        octets(&listings)
    };
    let entry = size_of::<(MaildropKey, KnownMaildrop)>();
    assert!(of_name("n") >= 2 * entry + listing(1).footprint());
    // The maildrop's, and the login's.
    assert_eq!(of_name(&"n".repeat(500)) - of_name("n"), 2 * 499);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_in_a_maildrop_that_is_not_measured_makes_nothing_known() {
    let listings = ShownListings::default();
    listings.outdate(&key("nobody"));
    assert_eq!((octets(&listings), listings.maildrops.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_a_session_stands_on_takes_room_until_that_ends() {
    let listings = ShownListings::default();
    let large = listing(1_000);
    let (maildrop, tenant) = (key("ann"), TenantName::new("default"));
    let place = MaildropPlace {
        key: &maildrop,
        tenant: &tenant,
    };
    let ann = owner("ann");
    listings.accepted(place, &ann.login, ann.tag, true, Instant::now());
    shown(&listings, "ann", &large);
    let asker = Asker {
        login: UserName::new(b"ann"),
        tag: PasswordTag::from_bytes([1; 32]),
        client: std::net::IpAddr::from([192, 0, 2, 1]).into(),
    };
    let (footprint, hour) = (large.footprint(), Duration::from_secs(3600));
    drop(large);
    let views = [(); 2].map(|()| {
        let fresh = listings.fresh(&key("ann"), &asker, hour, hour, Instant::now());
        fresh.unwrap()
    });
    // Another one is kept in its place.
    shown(&listings, "ann", &listing(1));
    let kept = octets(&listings);
    assert!(kept > footprint);
    for view in views {
        listings.forget_idle(Instant::now());
        assert_eq!(octets(&listings), kept);
        drop(view);
    }
    listings.forget_idle(Instant::now());
    assert_eq!(octets(&listings), kept - footprint);
}

/// Each session comes while the one before it is let in on the listing of before, and gives the
/// maildrop another one.
#[tokio::test(start_paused = true)]
async fn listings_that_are_replaced_while_sessions_stand_on_them_take_no_more_than_the_room() {
    let listings = ShownListings::default();
    let most = 3 * listing(1_000).footprint();
    listings.give_room(most, 1);
    let mut views = Vec::new();
    for _ in 0..10 {
        let new = listing(1_000);
        let has_room = !shown(&listings, "ann", &new).no_room;
        assert_eq!(has_room, views.len() < 2, "{}", views.len());
        if has_room {
            views.push(new);
        }
        assert!(octets(&listings) <= most);
    }
    // Nobody stands on them any more, and that is seen where the room is wanted.
    views.clear();
    assert!(!shown(&listings, "ann", &listing(1_000)).no_room);
    assert!(octets(&listings) < most / 2);
}

#[test]
fn a_listing_takes_room_while_it_is_read_and_none_where_there_is_too_little() {
    let listings = ShownListings::default();
    let tenant = TenantName::new("default");
    listings.give_room(1_000, 1);
    let (mut first, mut second) = (listings.unfinished(&tenant), listings.unfinished(&tenant));
    assert!(first.takes(300) && first.takes(700) && octets(&listings) == 700);
    assert!(second.takes(300) && !second.takes(301) && octets(&listings) == 700);
    first.give_back();
    assert!(second.takes(800) && octets(&listings) == 800);
    drop(second);
    assert!(first.takes(0) && octets(&listings) == 0);
}
