//! `popgate explain`: one user, for whoever has the person on the phone.

use super::ExitStatus;
use super::blocks;
use super::client::percent_encoded;
use super::listing::{OutputArgs, conditions};
use super::locks::parties;
use super::screen::{Screen, Tone};
use super::sessions;
use super::table::{Cell, Column, TextTable, fields, or_dash};
use super::target::GateArgs;
use super::text::escaped;
use super::units::{between, count, duration, time};
use crate::admin::model::{
    LimitInfo, LockInfo, LoginInfo, PollInfo, SessionInfo, SharingInfo, UserInfo,
};
use clap::Args;
use jiff::Timestamp;

/// Show one user: who is in the mailbox, who waits, how the last logins ended and why, which limits
/// hold, and whether the mailbox is shared
#[derive(Args, Debug)]
#[command(after_help = "\
It asks the running popgate. `popgate check --explain USER` reads the configuration file alone, and
says which line sets what; it needs no running popgate.

Example, \"which of my programs is it?\":
  popgate explain ann@example.com")]
pub(super) struct ExplainArgs {
    /// The login, as the mail program sends it
    #[arg(value_name = "USER")]
    user: String,
    /// The listener that the client connects to; matters for a login without a domain
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The server name that the client sends in TLS; matters for a login without a domain
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ExplainArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let path = format!("/users/{}", percent_encoded(&self.user));
        let query = conditions(&[
            ("listener", self.listener.as_ref()),
            ("server_name", self.server_name.as_ref()),
        ]);
        let user = self
            .target
            .client()
            .and_then(|gate| gate.get(&path, &query));
        self.output
            .print(user, |user, screen| shown(user, Timestamp::now(), screen))
    }
}

/// What is asked first comes first: who is in there.
fn shown(user: &UserInfo, now: Timestamp, screen: Screen) -> String {
    let mut parts = vec![summary(user, screen)];
    if let Some(lock) = &user.lock {
        parts.push(parties(std::slice::from_ref(lock), screen));
    }
    let elsewhere = sessions_beside(user);
    let mut section = |title: &str, is_there: bool, table: &dyn Fn() -> String| {
        if is_there {
            parts.push(format!("{}\n{}", screen.paint(title, Tone::Head), table()));
        }
    };
    section("Other open sessions", !elsewhere.is_empty(), &|| {
        sessions::table(&elsewhere, screen)
    });
    section("Last logins", !user.last_logins.is_empty(), &|| {
        last_logins(&user.last_logins, now, screen)
    });
    section("Why", !user.causes.is_empty(), &|| why(user, now, screen));
    section("Blocks", !user.blocks.is_empty(), &|| {
        blocks::table(&user.blocks, now, screen)
    });
    section("Held back", has_held_back(user), &|| {
        held_back(user, now, screen)
    });
    section("Limits", !user.limits.is_empty(), &|| {
        limits(&user.limits, screen)
    });
    parts.join("\n\n")
}

fn summary(user: &UserInfo, screen: Screen) -> String {
    let mut rows = vec![
        ("user", Cell::from(&user.login)),
        ("maildrop", Cell::from(&user.maildrop)),
        ("tenant", tenant(user)),
        ("backends", Cell::from(user.backends.join(", "))),
        ("now", situation(user.lock.as_ref())),
        ("sharing", sharing(&user.sharing)),
    ];
    if user.login == user.maildrop {
        rows.remove(1);
    }
    fields(&rows, screen)
}

/// Whether sessions may stand on a listing, and why not.
fn sharing(sharing: &SharingInfo) -> Cell {
    let why_not = sharing.why_not.join("; ");
    Cell::from(match &*sharing.mode {
        // That it is off is all there is to say.
        "off" => "off".to_owned(),
        mode if sharing.shareable => format!("{mode}: {}", sharing.steps.join(", ")),
        mode => format!("{mode}, and not shared: {why_not}"),
    })
}

fn tenant(user: &UserInfo) -> Cell {
    match user.depends_on_connection {
        false => Cell::from(&user.tenant),
        true => Cell::from(format!(
            "{}; another one with another --listener or --server-name",
            user.tenant
        )),
    }
}

/// What somebody who holds the lock does there.
fn doing(phase: &str) -> &str {
    match phase {
        "waiting" => "is next, and held back by a pause,",
        "logging_in" => "is logging in, and not in it yet,",
        _ => "has been in it",
    }
}

/// Who is in there and who waits, in a sentence.
fn situation(lock: Option<&LockInfo>) -> Cell {
    let Some(lock) = lock else {
        return Cell::from("nobody is in the maildrop, and nobody waits for it");
    };
    let holder = lock.holder.as_ref().map_or_else(
        || "the maildrop goes from one session to the next".to_owned(),
        |holder| {
            let program = holder.program.as_ref();
            format!(
                "{}{} {} for {}",
                holder.client,
                program.map_or_else(String::new, |program| format!(", {program},")),
                doing(&holder.phase),
                duration(holder.held_seconds)
            )
        },
    );
    match lock.waiters.len() {
        0 => Cell::from(format!("{holder}; nobody waits")),
        waiters => Cell::toned(
            &format!(
                "{holder}; {}, the longest for {}",
                count(waiters as u64, "other waits", "others wait"),
                duration(lock.longest_wait_seconds)
            ),
            Tone::Warning,
        ),
    }
}

/// Those that neither hold the lock nor wait for it.
fn sessions_beside(user: &UserInfo) -> Vec<SessionInfo> {
    let parties: Vec<u64> = user
        .lock
        .iter()
        .flat_map(|lock| {
            let holder = lock.holder.iter().map(|holder| holder.session);
            holder.chain(lock.waiters.iter().map(|waiter| waiter.session))
        })
        .collect();
    user.sessions
        .iter()
        .filter(|session| !parties.contains(&session.id))
        .cloned()
        .collect()
}

const LOGINS: &[Column] = &[
    Column::new("WHEN", 0),
    Column::new("CLIENT", 0).cut_to(15),
    Column::new("HOW IT ENDED", 0).cut_to(24),
    Column::new("WAITED", 1).right(),
    Column::new("HELD", 2).right(),
    Column::new("MESSAGES", 3).right(),
    Column::new("PROGRAM", 4).cut_to(8),
    Column::new("END", 5),
    Column::new("SESSION", 6).right(),
];

fn last_logins(logins: &[LoginInfo], now: Timestamp, screen: Screen) -> String {
    let row = |login: &LoginInfo| {
        vec![
            when(login.at, now, screen).into(),
            Cell::from(&login.client),
            Cell::from(&login.sentence),
            duration(login.waited_seconds).into(),
            duration(login.held_seconds).into(),
            login.retrieved.to_string().into(),
            or_dash(login.program.as_deref()).into(),
            Cell::from(&login.end),
            login.session.to_string().into(),
        ]
    };
    TextTable::new(LOGINS, logins.iter().map(row).collect()).render(screen)
}

/// Causes with what speaks for them, the most likely first.
fn why(user: &UserInfo, now: Timestamp, screen: Screen) -> String {
    let about = user
        .causes_of
        .map(|at| format!("about the login of {}", when(at, now, screen)));
    let told = user.causes.iter().map(|cause| {
        format!(
            "{} ({})\n  {}\n  What to do: {}",
            escaped(&cause.title),
            escaped(&cause.likelihood),
            escaped(&cause.evidence),
            escaped(&cause.advice)
        )
    });
    about.into_iter().chain(told).collect::<Vec<_>>().join("\n")
}

/// A person wants to know how long ago; what is kept in a file needs the time itself.
fn when(at: Timestamp, now: Timestamp, screen: Screen) -> String {
    match screen.is_terminal() {
        true => format!("{} ago", between(at, now)),
        false => time(at),
    }
}

const HELD_BACK: &[Column] = &[
    Column::new("CLIENT", 0).cut_to(15),
    Column::new("WHAT", 0).cut_to(20),
    Column::new("FOR", 0).right(),
];

fn has_held_back(user: &UserInfo) -> bool {
    !user.polls.is_empty() || !user.penalties.is_empty()
}

/// Logins that come too early, and answers that come late.
fn held_back(user: &UserInfo, now: Timestamp, screen: Screen) -> String {
    let poll = |poll: &PollInfo| {
        vec![
            Cell::from(poll.address.as_deref().unwrap_or("all")),
            "the next login is too early for".into(),
            between(now, poll.next).into(),
        ]
    };
    let penalties = user.penalties.iter().map(|penalty| {
        let what = count(penalty.wrong_logins as u64, "wrong login", "wrong logins");
        vec![
            Cell::from(&penalty.address),
            format!("{what}: the answer to the next one is held").into(),
            duration(penalty.next_delay_seconds).into(),
        ]
    });
    let rows = user.polls.iter().map(poll).chain(penalties);
    TextTable::new(HELD_BACK, rows.collect()).render(screen)
}

const LIMITS: &[Column] = &[
    Column::new("SETTING", 0),
    Column::new("VALUE", 0).cut_to(12),
    Column::new("SET BY", 1),
];

fn limits(limits: &[LimitInfo], screen: Screen) -> String {
    let row = |limit: &LimitInfo| {
        vec![
            Cell::from(&limit.name),
            Cell::from(&limit.value),
            Cell::from(&limit.set_by),
        ]
    };
    TextTable::new(LIMITS, limits.iter().map(row).collect()).render(screen)
}
