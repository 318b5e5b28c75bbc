//! What the journal costs: `cargo bench --bench journal -- 10000000`. Without a number it writes a
//! hundred thousand entries.
//!
//! It prints the writer's own CPU for an entry, octets on disk for an entry, and how long each kind
//! of query takes, the first time and again. With a number a query above 50 ms fails it; without
//! one it only shows that it runs.

use jiff::Timestamp;
use popgate::history::{
    CauseName, Encryption, End, EntryId, HistoryEntry, HistoryLogin, HistoryQuery, ListingUse,
    StoredEntry, TlsParameters,
};
use popgate::ids::{BackendName, ListenerName, MaildropKey, SessionId, TenantName, UserName};
use popgate::journal::{Journal, JournalBounds, JournalOptions, JournalReader};
use popgate::program::{Confidence, Family, ProgramGuess, Trace};
use popgate::time::{Duration, Instant};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

const DAY: u64 = 24 * 60 * 60;

/// What a query may take at ten million rows.
const QUERY_MAX: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let asked: Option<u64> = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    let rows = asked.unwrap_or(100_000);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("popgate.db");
    let load = Load::new(rows);
    let hashes = std::env::args().any(|argument| argument == "--hash-users");
    let journal = open(&file, hashes);
    write(&journal, &load, &file);
    let reader = journal.reader();
    let slow: usize = queries(&load)
        .iter()
        .map(|(what, query)| usize::from(!measure(&reader, what, query)))
        .sum();
    drop((reader, journal));
    let begun = Instant::now();
    drop(open(&file, hashes));
    println!("open and close  {:>9.1?}", begun.elapsed());
    if slow > 0 && asked.is_some() {
        eprintln!("{slow} queries take more than {QUERY_MAX:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn open(file: &Path, hash_users: bool) -> Journal {
    let options = JournalOptions {
        file: file.to_owned(),
        sessions: true,
        bounds: JournalBounds {
            keep: Duration::from_secs(15 * DAY),
            rows: 0,
            size: 1 << 40,
        },
        hash_users,
        key_file: file.with_file_name("journal.key"),
    };
    Journal::open(&options).expect("a journal").journal
}

fn write(journal: &Journal, load: &Load, file: &Path) {
    let begun = Instant::now();
    for id in 1..=load.rows {
        journal.write_entry(load.entry(id));
        if id % 8_000 == 0 {
            while !journal.flush() {}
        }
    }
    while !journal.flush() {}
    assert_eq!(journal.lost(), 0);
    let cpu = writer_cpu().as_secs_f64() / load.rows as f64 * 1e6;
    let size = fs::metadata(file).expect("the file").len();
    println!("{} entries written in {:.1?}", load.rows, begun.elapsed());
    println!("the writer's CPU    {cpu:.2} µs for an entry");
    println!("octets on disk      {} for an entry", size / load.rows);
}

/// What the thread that writes has used.
fn writer_cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("procfs");
    let ticks = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            let (_, fields) = stat.split_once("(journal) ")?;
            let fields: Vec<u64> = fields
                .split(' ')
                .map(|field| field.parse().unwrap_or(0))
                .collect();
            // utime and stime, in hundredths of a second.
            Some(fields[11] + fields[12])
        });
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Entries of a fortnight: most from a large tenant, a few from many small ones.
struct Load {
    rows: u64,
    start: Timestamp,
    backends: Arc<[BackendName]>,
    tenants: Vec<TenantName>,
    listener: ListenerName,
    trace: Trace,
}

impl Load {
    fn new(rows: u64) -> Self {
        Self {
            rows,
            start: Timestamp::from_second(1_790_000_000).expect("a time"),
            backends: Arc::from([BackendName::new("legacy")]),
            tenants: (0..200)
                .map(|n| TenantName::new(&format!("tenant-{n}")))
                .collect(),
            listener: ListenerName::new("pop3"),
            trace: Trace::from_text("CAPA, STLS, CAPA, AUTH PLAIN, STAT, LIST, UIDL, RETR, QUIT"),
        }
    }

    fn time(&self, id: u64) -> Timestamp {
        let seconds = 14 * DAY * id / self.rows;
        self.start + Duration::from_secs(seconds)
    }

    fn entry(&self, id: u64) -> StoredEntry {
        let person = scattered(id) % (self.rows / 100).max(1);
        let ended = self.time(id);
        let cause = self.cause(id);
        let end = match cause {
            CauseName::WrongPassword => End::LoginRefused,
            CauseName::Kicked => End::Kicked,
            CauseName::Left => End::Left,
            _ => End::Quit,
        };
        let entry = HistoryEntry {
            session: SessionId(id),
            opened: ended - Duration::from_millis(500 + id % 60_000),
            ended,
            listener: self.listener.clone(),
            port: 110,
            client: (address(person), 50_000).into(),
            encryption: Encryption::Stls(TlsParameters {
                version: "TLSv1.3".into(),
                cipher: "TLS13_AES_256_GCM_SHA384".into(),
            }),
            server_name: Some("pop.example.com".into()),
            login: Some(Box::new(self.login(id, person, ended, end))),
            end,
            cause,
            sentence: "the client quit, and the backend confirmed it".into(),
            answer: None,
            idle: Duration::from_millis(3),
            commands: 12,
            program: ProgramGuess {
                family: Family::Thunderbird,
                confidence: Confidence::High,
            },
            is_twin: false,
            trace: self.trace,
        };
        StoredEntry {
            id: EntryId(id),
            gate_started: self.start,
            entry: Arc::new(entry),
        }
    }

    fn login(&self, id: u64, person: u64, ended: Timestamp, end: End) -> HistoryLogin {
        let name = UserName::new(format!("person.{person}@example.com").as_bytes());
        let tenant = if person % 10 < 8 { 0 } else { person % 200 };
        HistoryLogin {
            asked: ended - Duration::from_millis(400),
            key: MaildropKey::new(&self.backends, &name),
            name,
            tenant: self.tenants[usize::try_from(tenant).expect("small")].clone(),
            proven: end != End::LoginRefused,
            backend: self.backends.first().cloned(),
            entered: end != End::LoginRefused,
            listing: ListingUse::default(),
            ahead: None,
            delayed: Duration::ZERO,
            waited: Duration::from_millis(id % 700),
            granted: Some(ended - Duration::from_millis(300)),
            held: Duration::from_millis(300),
            locked_replies: 0,
            backend_answer: None,
            rule: None,
            early: None,
            listed: Some(id % 50),
            retrieved: id % 3,
            deleted: id % 3,
            marked: 0,
            bytes_to_client: 5_000 + id % 10_000,
            bytes_to_backend: 120,
        }
    }

    /// Of a million logins one is kicked, and one in six is refused.
    fn cause(&self, id: u64) -> CauseName {
        match scattered(id) % 1_000_000 {
            0 => CauseName::Kicked,
            1..170_000 => CauseName::WrongPassword,
            170_000..260_000 => CauseName::Left,
            _ => CauseName::Quit,
        }
    }
}

/// SplitMix64: numbers that look random and are the same in each run.
fn scattered(id: u64) -> u64 {
    let mut mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn address(person: u64) -> IpAddr {
    let low = u32::try_from(person % (1 << 24)).expect("24 bits");
    Ipv4Addr::from(0x0a00_0000 | low).into()
}

/// A page of the entries that meet the conditions which `set` sets.
fn page(set: impl FnOnce(&mut HistoryQuery)) -> HistoryQuery {
    let mut query = HistoryQuery {
        limit: 100,
        ..HistoryQuery::default()
    };
    set(&mut query);
    query
}

fn queries(load: &Load) -> Vec<(&'static str, HistoryQuery)> {
    let name = |name: &str| Some(UserName::new(name.as_bytes()));
    let user = name("person.7@example.com");
    let middle = Some(load.time(load.rows / 2));
    let minute = middle.map(|middle| middle + Duration::from_secs(60));
    let tenant = |n: usize| Some(load.tenants[n].clone());
    let small = tenant(19);
    vec![
        ("the latest", page(|_| {})),
        ("a user", page(|it| it.maildrop = user.clone())),
        (
            "a user, before the middle",
            page(|it| (it.maildrop, it.until) = (user.clone(), middle)),
        ),
        ("nobody", page(|it| it.maildrop = name("nobody"))),
        ("an address", page(|it| it.client = Some(address(7).into()))),
        (
            "no such address",
            page(|it| it.client = Some(IpAddr::from([192, 0, 2, 1]).into())),
        ),
        ("a common tenant", page(|it| it.tenant = tenant(0))),
        ("a small tenant", page(|it| it.tenant = small.clone())),
        (
            "no such tenant",
            page(|it| it.tenant = Some(TenantName::new("x"))),
        ),
        (
            "a rare end of a common tenant",
            page(|it| (it.tenant, it.ends) = (tenant(0), vec![End::Kicked])),
        ),
        ("a rare end", page(|it| it.ends = vec![End::Kicked])),
        (
            "an end that never was",
            page(|it| it.ends = vec![End::Panicked]),
        ),
        ("before the middle", page(|it| it.until = middle)),
        (
            "a small tenant, before the middle",
            page(|it| (it.tenant, it.until) = (small.clone(), middle)),
        ),
        (
            "a minute in the middle",
            page(|it| (it.since, it.until) = (middle, minute)),
        ),
        (
            "a session",
            page(|it| it.session = Some(SessionId(load.rows / 3))),
        ),
        (
            "no such session",
            page(|it| it.session = Some(SessionId(u64::MAX >> 1))),
        ),
        (
            "behind the middle",
            page(|it| it.before = Some(EntryId(load.rows / 2))),
        ),
    ]
}

/// Tells whether it is fast enough where the file has been read before.
fn measure(reader: &JournalReader, what: &str, query: &HistoryQuery) -> bool {
    let ask = || {
        let begun = Instant::now();
        let found = reader.entries(query).expect("entries").items.len();
        (begun.elapsed(), found)
    };
    let (first, found) = ask();
    let mut again: Vec<_> = (0..9).map(|_| ask().0).collect();
    again.sort_unstable();
    let median = again[again.len() / 2];
    println!("{what:<36} {found:>4} found, first {first:>9.1?}, again {median:>9.1?}");
    median <= QUERY_MAX
}
