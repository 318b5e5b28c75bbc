mod bounds;
mod by_hand;
mod counting;
mod elsewhere;
mod entries;
mod offences;
mod trials;

use super::*;
use crate::ids::{BackendName, ClientPrefix, MaildropKey, TenantName, UserName};
use crate::limits::{
    ACCEPTED_ADDRESS_AGE, ACCEPTED_ADDRESSES_MAX, BLOCKS_CHANGED_AT_ONCE, OFFENDERS_MAX,
};
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::block::{BlockAction, ListedBlock};
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
    MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
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

fn operator() -> ChangedBy {
    ChangedBy::Operator(IpAddr::from([127, 0, 0, 1]))
}

fn guess(number: u32) -> Offence {
    let mut tag = [0; 32];
    tag[..4].copy_from_slice(&number.to_be_bytes());
    let tag = PasswordTag::from_bytes(tag);
    Offence::Guess { tag }
}

fn knock(user: &str, prefix: ClientPrefix, password: u8) -> LoginAttempt {
    let address: IpAddr = prefix.to_string().trim_end_matches("/64").parse().unwrap();
    LoginAttempt {
        client: (address, 50_000).into(),
        key: maildrop(user),
        tag: PasswordTag::from_bytes([password; 32]),
        ..attempt(user, policy())
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
        let rules = &self.rules;
        let tenant = &self.tenant;
        self.list
            .record(Some(&key), address, tenant, fault, rules, self.now)
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
        let mut policy = policy();
        policy.rules.blocks = self.rules;
        let login = LoginAttempt {
            policy: Arc::new(policy),
            ..knock(user, address, password)
        };
        self.list.check(&login, self.now)
    }

    fn accepted(&self, address: ClientPrefix, user: &str, password: u8) -> Vec<BlockChange> {
        self.list
            .accepted(&knock(user, address, password), self.now)
    }

    fn entries(&self) -> Vec<BlockEntry> {
        self.list.entries(&BlockFilter::default(), self.now)
    }

    fn only_entry(&self) -> BlockEntry {
        let entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }

    fn by_hand(&self, filter: &BlockFilter, action: BlockAction) -> Vec<BlockChange> {
        self.list
            .change(filter, action, operator(), self.now)
            .flatten()
            .collect()
    }

    fn release_all(&self) -> Vec<BlockChange> {
        self.by_hand(&BlockFilter::default(), BlockAction::Release)
    }

    fn pin_all(&self, pinned: bool) -> Vec<BlockChange> {
        let action = match pinned {
            true => BlockAction::Pin,
            false => BlockAction::Unpin,
        };
        self.by_hand(&BlockFilter::default(), action)
    }
}

/// From one address, users `a`, `b`, ... each with so many different passwords.
fn guess_at_many(desk: &Desk, users: &[&str], each: u32) -> Vec<BlockChange> {
    let users = users.iter().zip(0..);
    users
        .flat_map(|(user, n)| desk.guesses(user, n * each..(n + 1) * each))
        .collect()
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
    let first = BlockFilter::ids(vec![BlockId(1)]);
    desk.by_hand(&first, BlockAction::Release);
    desk
}
