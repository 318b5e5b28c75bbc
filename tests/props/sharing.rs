//! What is known of a maildrop's listings, against a naive model: it remembers all that each login
//! was ever shown, and looks through that anew at each step.

use popgate::ids::{BackendName, ClientPrefix, UserName};
use popgate::limits::LISTING_SHOWN_FOR;
use popgate::policy::sharing::{Asker, LeftBy, ListingOwner, MaildropListings, Unshareable};
use popgate::pop3::listing::{MaildropListing, ScanReader, UniqueIdReader};
use popgate::secret::PasswordTag;
use popgate::time::{Duration, Instant};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The same login from two places with one password and with another one, and another login.
const OWNERS: [(&str, u8, u8); 4] = [("ann", 1, 1), ("ann", 1, 2), ("ann", 2, 1), ("Ann", 3, 1)];

const AGE: Duration = Duration::from_secs(30);
const FRESH: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The backend lets it in; who was there is gone by then.
    Comes(usize),
    /// The session in the maildrop is shown all of it, or what is left under this mask.
    Listed {
        lacks: u8,
    },
    /// It is shown all, in a way that is no whole listing.
    Seen,
    /// It sends a DELE.
    Marks(u8),
    /// It sends QUIT, which the backend may confirm.
    Quits {
        is_confirmed: bool,
    },
    Closes,
    /// The backend refuses a password; who was there is gone by then.
    Refused(usize),
    Delivered,
    /// Somebody deletes the first message elsewhere.
    Webmail,
    Forbidden,
    Passes(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = || 0..OWNERS.len();
    prop_oneof![
        6 => prop_oneof![3 => Just(0), 2 => owner()].prop_map(Step::Comes),
        6 => Just(Step::Listed { lacks: 0 }),
        2 => any::<u8>().prop_map(|lacks| Step::Listed { lacks }),
        1 => Just(Step::Seen),
        1 => any::<u8>().prop_map(Step::Marks),
        4 => prop::bool::weighted(0.8).prop_map(|is_confirmed| Step::Quits { is_confirmed }),
        2 => Just(Step::Closes),
        1 => owner().prop_map(Step::Refused),
        2 => Just(Step::Delivered),
        1 => Just(Step::Webmail),
        4 => (0..30_u64).prop_map(Step::Passes),
        1 => (0..5000_u64).prop_map(Step::Passes),
    ]
}

/// Now and then something forbids sharing, for a day: a script ends so.
fn script() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![4 => Just(None), 1 => Just(Some(Step::Forbidden))];
    (vec(step(), 1..60), end, vec(step(), 0..6))
        .prop_map(|(steps, end, behind)| steps.into_iter().chain(end).chain(behind).collect())
}

proptest! {
    #[test]
    fn nobody_is_let_in_on_less_or_on_anothers(script in script()) {
        let mut run = Run::default();
        for step in script {
            run.step(step);
            for asker in 0..OWNERS.len() {
                run.check(asker);
            }
        }
    }
}

/// What a login was shown once.
#[derive(Clone, Debug)]
struct ShownOnce {
    owner: usize,
    login: usize,
    at: Instant,
    ids: BTreeSet<u32>,
    /// The listing, where it was whole.
    listing: Option<Arc<MaildropListing>>,
}

/// The session in the maildrop.
#[derive(Clone, Debug)]
struct Inside {
    owner: usize,
    is_listed: bool,
    shown: Option<(Arc<MaildropListing>, Vec<u32>)>,
    marks: Vec<bool>,
    sent_deletion: bool,
}

struct Run {
    maildrop: MaildropListings,
    now: Instant,
    mail: Vec<u32>,
    last_id: u32,
    inside: Option<Inside>,
    /// Owner and time of each login that was let in.
    logins: Vec<(usize, Instant)>,
    shown: Vec<ShownOnce>,
    /// Removed by a QUIT that was confirmed.
    deleted: BTreeSet<u32>,
    /// Logins that were let in before this one are of no use for `fresh`.
    alive_from: usize,
    /// By owner: those before this one are forgotten.
    known_from: [usize; OWNERS.len()],
    is_in_update: bool,
    is_forbidden: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            maildrop: MaildropListings::default(),
            now: Instant::now(),
            mail: vec![1, 2],
            last_id: 2,
            inside: None,
            logins: Vec::new(),
            shown: Vec::new(),
            deleted: BTreeSet::new(),
            alive_from: 0,
            known_from: [0; OWNERS.len()],
            is_in_update: false,
            is_forbidden: false,
        }
    }
}

fn place(owner: usize) -> ClientPrefix {
    IpAddr::from(Ipv4Addr::new(192, 0, 2, OWNERS[owner].2)).into()
}

fn tag(owner: usize) -> PasswordTag {
    PasswordTag::from_bytes([OWNERS[owner].1; 32])
}

fn owner(owner: usize) -> ListingOwner {
    ListingOwner {
        login: UserName::new(OWNERS[owner].0.as_bytes()),
        tag: tag(owner),
        backend: BackendName::new("legacy"),
        client: Some(place(owner)),
    }
}

fn listing(ids: &[u32]) -> Arc<MaildropListing> {
    let (mut scan, mut names) = (ScanReader::default(), UniqueIdReader::default());
    for (id, number) in ids.iter().zip(1..) {
        scan.read(format!("{number} 9\r\n").as_bytes());
        names.read(format!("{number} m{id}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    names.read(b".\r\n");
    Arc::new(MaildropListing::new(None, scan, names).unwrap())
}

impl Run {
    fn step(&mut self, step: Step) {
        match step {
            Step::Comes(of) => {
                self.leaves(None);
                self.maildrop.accepted(&owner(of).login, tag(of), self.now);
                self.alive_from = self.logins.len();
                self.logins.push((of, self.now));
                self.inside = Some(Inside {
                    owner: of,
                    is_listed: false,
                    shown: None,
                    marks: Vec::new(),
                    sent_deletion: false,
                });
            }
            Step::Listed { lacks } => self.listed(lacks, true),
            Step::Seen => self.listed(0, false),
            Step::Marks(which) => self.marks(which),
            Step::Quits { is_confirmed } => self.leaves(Some(is_confirmed)),
            Step::Closes => self.leaves(None),
            Step::Refused(of) => {
                self.leaves(None);
                self.maildrop.refused(tag(of), self.now);
                for other in 0..OWNERS.len() {
                    if tag(other) == tag(of) {
                        self.known_from[other] = self.logins.len();
                    }
                }
            }
            Step::Delivered => {
                self.last_id += 1;
                self.mail.push(self.last_id);
            }
            Step::Webmail => drop(self.mail.drain(..1.min(self.mail.len()))),
            Step::Forbidden => {
                self.maildrop.forbid(Unshareable::Repeated, self.now);
                self.is_forbidden = true;
            }
            Step::Passes(seconds) => self.now += Duration::from_secs(seconds),
        }
    }

    /// Once in a session.
    fn listed(&mut self, lacks: u8, is_whole: bool) {
        let Some(inside) = self.inside.as_mut().filter(|it| !it.is_listed) else {
            return;
        };
        let login = self.logins.last().map_or(self.now, |login| login.1);
        // A program looks at its mail when it comes.
        let is_late = self.now - login > LISTING_SHOWN_FOR;
        if inside.marks.iter().any(|&it| it) || is_late {
            return;
        }
        inside.is_listed = true;
        let is_there = |id: &u32| lacks & (1 << (id % 8)) == 0;
        let ids: Vec<u32> = self.mail.iter().copied().filter(is_there).collect();
        let shown = listing(&ids);
        let of = inside.owner;
        if is_whole {
            let compared = self.maildrop.shown(owner(of), Arc::clone(&shown), self.now);
            self.is_forbidden |= !compared.unshareable.is_empty();
            inside.shown = Some((Arc::clone(&shown), ids.clone()));
        }
        self.shown.push(ShownOnce {
            owner: of,
            login: self.logins.len() - 1,
            at: self.now,
            ids: ids.into_iter().collect(),
            listing: is_whole.then_some(shown),
        });
    }

    fn marks(&mut self, which: u8) {
        let Some(inside) = &mut self.inside else {
            return;
        };
        inside.sent_deletion = true;
        self.maildrop.updates();
        self.is_in_update = true;
        if let Some((_, ids)) = inside.shown.as_ref().filter(|(_, ids)| !ids.is_empty()) {
            inside.marks.resize(ids.len(), false);
            inside.marks[usize::from(which) % ids.len()] = true;
        }
    }

    /// As a session does it: by QUIT, which the backend confirms or not, or without.
    fn leaves(&mut self, quit: Option<bool>) {
        let Some(inside) = self.inside.take() else {
            return;
        };
        if quit.is_some() {
            self.maildrop.updates();
        }
        if inside.sent_deletion {
            self.maildrop.kill();
            self.alive_from = self.logins.len();
        }
        let has_marks = inside.marks.iter().any(|&it| it);
        if let (Some(true), Some((listing, ids))) = (quit, &inside.shown) {
            self.maildrop.deleted(listing, &inside.marks, self.now);
            let marked = ids.iter().zip(&inside.marks).filter(|(_, marked)| **marked);
            let gone: BTreeSet<u32> = marked.map(|(id, _)| *id).collect();
            self.mail.retain(|id| !gone.contains(id));
            self.deleted.extend(gone);
        }
        let how = match quit {
            Some(true) => LeftBy::Quit,
            _ => LeftBy::Close,
        };
        self.maildrop.left(Some(&owner(inside.owner)), how);
        if has_marks && quit.is_some() {
            self.maildrop.outdate();
        }
        self.is_in_update = false;
    }

    fn check(&self, of: usize) {
        let asker = Asker {
            login: owner(of).login,
            tag: tag(of),
            client: place(of),
        };
        let fresh = self.maildrop.fresh(&asker, AGE, FRESH, self.now);
        let last = self.maildrop.last_resort(&asker, self.now);
        assert!(!self.is_forbidden || (fresh.is_none() && last.is_none()));
        if let Some(stands_on) = &fresh {
            let shown = self.may_stand_on(of, &stands_on.listing);
            assert!(!self.is_in_update, "it is being changed");
            assert!(shown.login >= self.alive_from, "somebody was there since");
            assert!(self.age(shown.at) <= AGE && self.age(self.logins[shown.login].1) <= FRESH);
        }
        if let Some(stands_on) = &last {
            let shown = self.may_stand_on(of, &stands_on.listing);
            assert!(self.age(shown.at) <= LISTING_SHOWN_FOR);
            let newest = self.of_login(of).next_back().map(|it| it.at);
            assert_eq!(newest, Some(shown.at), "it was shown something else since");
            let logins = self
                .logins
                .iter()
                .rposition(|login| tag(login.0) == tag(of));
            assert_eq!(logins, Some(shown.login), "it was there since");
        }
        if self.must_be_let_in(of) {
            assert!(fresh.is_some() && last.is_some(), "nothing forbids it");
        }
    }

    fn age(&self, since: Instant) -> Duration {
        self.now.saturating_duration_since(since)
    }

    /// All that the same login was shown, from wherever.
    fn of_login(&self, of: usize) -> impl DoubleEndedIterator<Item = &ShownOnce> {
        let shown = self.shown.iter();
        shown.filter(move |it| tag(it.owner) == tag(of))
    }

    /// It is one that the login itself was shown, and lacks nothing that it was shown before but
    /// for what a QUIT deleted, or what two sessions did not find.
    fn may_stand_on(&self, of: usize, listing: &Arc<MaildropListing>) -> &ShownOnce {
        let is_it = |it: &&ShownOnce| {
            let shown = it.listing.as_ref();
            shown.is_some_and(|shown| Arc::ptr_eq(shown, listing))
        };
        let shown = self.shown.iter().find(is_it).expect("it was shown");
        assert_eq!(shown.owner, of, "another was shown that");
        assert!(
            shown.login >= self.known_from[of],
            "its password was refused since"
        );
        let login = owner(of).login;
        let since = self.logins.iter().skip(shown.login);
        let is_superseded =
            |it: &(usize, Instant)| owner(it.0).login == login && tag(it.0) != tag(of);
        let superseded = since.clone().rposition(is_superseded);
        let again = since.clone().rposition(|it| tag(it.0) == tag(of));
        assert!(
            superseded.is_none_or(|other| again > Some(other)),
            "another password is known"
        );
        for id in self.lacking(of, shown) {
            let mut behind = self.of_login(of).rev().skip_while(|it| it.at > shown.at);
            let lacks = behind
                .by_ref()
                .take_while(|it| !it.ids.contains(&id))
                .count();
            assert!(lacks >= 2, "it lacks {id}");
        }
        shown
    }

    /// What the login was shown before within the time that that is remembered, and this lacks.
    fn lacking(&self, of: usize, shown: &ShownOnce) -> BTreeSet<u32> {
        let mut last = shown.at;
        let mut lacking = BTreeSet::new();
        let before = self.of_login(of).filter(|it| it.login < shown.login);
        for it in before.rev() {
            if last - it.at > LISTING_SHOWN_FOR {
                break;
            }
            last = it.at;
            lacking.extend(&it.ids);
        }
        let is_lacking = |id: &u32| !shown.ids.contains(id) && !self.deleted.contains(id);
        lacking.into_iter().filter(is_lacking).collect()
    }

    /// The last login is its, was shown all at once and is fresh, and nothing was ever lacking.
    fn must_be_let_in(&self, of: usize) -> bool {
        let Some(last) = self
            .shown
            .last()
            .filter(|it| it.owner == of && it.listing.is_some())
        else {
            return false;
        };
        let accepted = self.logins[last.login].1;
        last.login + 1 == self.logins.len()
            && last.login >= self.alive_from.max(self.known_from[of])
            && !self.is_in_update
            && !self.is_forbidden
            && self.age(accepted) <= FRESH
            && self.age(last.at) <= AGE
            && self.was_always_listed(of)
            && self.of_login(of).all(|it| it.login >= self.known_from[of])
            && self.lacking(of, last).is_empty()
    }

    fn was_always_listed(&self, of: usize) -> bool {
        let whole = self.of_login(of).filter(|it| it.listing.is_some()).count();
        let logins = self.logins.iter().filter(|it| tag(it.0) == tag(of)).count();
        whole == logins
    }
}
