//! `popgate history`: how logins and sessions went.

use super::ExitStatus;
use super::client::{AdminClient, Failure};
use super::listing::{OutputArgs, conditions};
use super::screen::{Screen, Tone};
use super::table::{Cell, Column, TextTable, or_dash};
use super::target::GateArgs;
use super::text::may_be_missing;
use super::units::{count, duration, octets, time};
use super::when;
use crate::admin::model::{HistoryEntryInfo, HistoryPage, JournalInfo};
use crate::history::End;
use crate::limits::PAGE_MAX;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::num::NonZeroUsize;

/// Show how logins and sessions went: the last ones, or those of a user and a time
#[derive(Args, Debug)]
#[command(after_help = "\
A time is `14:00` (the last one), `2h` or `3d` (ago), `2026-11-27`, `2026-11-27 14:00` (both local),
or `2026-11-27T14:00:00+01:00`. The latest entry comes last; `popgate report USER --entry ENTRY`
tells more of one.

Examples:
  popgate history ann@example.com
  popgate history ann@example.com --since 14:00 --until 15:00
  popgate history --end wait_spent --end preempted --since 2h
  popgate history --address 192.0.2.7 --limit 20")]
pub(super) struct HistoryArgs {
    /// Only logins to the mailbox of this login, as the mail program sends it
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Only what was not over yet at this time
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    since: Option<Timestamp>,
    /// Only what began before this time
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    until: Option<Timestamp>,
    /// Only what ended so: an `end` of the metric popgate_sessions_total; may be repeated
    #[arg(long, visible_alias = "outcome", value_name = "WORD")]
    end: Vec<String>,
    /// Only those from this address or IPv6 /64
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Only logins of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Show the last N of them
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl HistoryArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let page = self.target.client().and_then(|gate| self.fetch(&gate));
        self.output.print(page, |page, screen| {
            shown(page, &TimeZone::system(), screen)
        })
    }

    /// As many pages as that takes; the latest entry first, as the API has them.
    fn fetch(&self, gate: &AdminClient) -> Result<HistoryPage, Failure> {
        let limit = self.limit.get();
        let mut whole = self.page(gate, None, limit)?;
        while let Some(next) = whole.next
            && whole.items.len() < limit
        {
            let more = self.page(gate, Some(next), limit - whole.items.len())?;
            whole.items.extend(more.items);
            whole.next = more.next;
            whole.journal = more.journal;
        }
        Ok(whole)
    }

    fn page(
        &self,
        gate: &AdminClient,
        before: Option<u64>,
        limit: usize,
    ) -> Result<HistoryPage, Failure> {
        let since = self.since.map(|time| time.to_string());
        let until = self.until.map(|time| time.to_string());
        let before = before.map(|id| id.to_string());
        let mut query = conditions(&[
            ("user", self.user.as_ref()),
            ("since", since.as_ref()),
            ("until", until.as_ref()),
            ("address", self.address.as_ref()),
            ("tenant", self.tenant.as_ref()),
            ("before", before.as_ref()),
        ]);
        query.extend(self.end.iter().map(|end| ("end", end.clone())));
        query.push(("limit", limit.min(PAGE_MAX).to_string()));
        gate.get("/history", &query)
    }
}

fn shown(page: &HistoryPage, zone: &TimeZone, screen: Screen) -> String {
    let mut parts = Vec::new();
    if page.items.is_empty() {
        parts.push(nothing(&page.journal));
    } else {
        if page.next.is_some() {
            let more = "… and more before these: see --limit and --until";
            parts.push(screen.paint(more, Tone::Faint));
        }
        parts.push(table(&page.items, zone, screen));
    }
    parts.extend(gaps(&page.journal, screen));
    parts.join("\n")
}

fn nothing(journal: &JournalInfo) -> String {
    match (&*journal.kept_in, journal.since) {
        ("off", _) => "No history is kept: see `sessions` in [journal].".to_owned(),
        (_, Some(since)) => {
            let since = time(since);
            format!("Nothing of that kind has happened; the history begins at {since}.")
        }
        (_, None) => "Nothing has happened yet.".to_owned(),
    }
}

/// What may be missing.
fn gaps(journal: &JournalInfo, screen: Screen) -> Vec<String> {
    let trouble = journal.trouble.as_ref();
    let trouble = trouble.map(|why| may_be_missing("entries", why));
    let lost = (journal.lost > 0).then(|| {
        let lost = count(journal.lost, "entry was", "entries were");
        format!("{lost} lost since popgate started: see popgate_journal_lost_total.")
    });
    let warn = |sentence: String| screen.paint(&sentence, Tone::Warning);
    trouble.into_iter().chain(lost).map(warn).collect()
}

// In 80 columns there is room for how it ended in a word (END, which the manual explains), but not
// for the sentence.
const COLUMNS: &[Column] = &[
    Column::new("ENDED", 0),
    Column::new("MAILDROP", 1).cut_to(8),
    Column::new("CLIENT", 0).cut_to(15),
    Column::new("HOW IT ENDED", 3).cut_to(20),
    Column::new("WAITED", 2).right(),
    Column::new("HELD", 2).right(),
    Column::new("PROGRAM", 0).cut_to(8),
    Column::new("END", 0),
    Column::new("NOTE", 0).cut_to(7),
    Column::new("MESSAGES", 5).right(),
    Column::new("SENT", 6).right(),
    Column::new("ENTRY", 1).right(),
    Column::new("SESSION", 7).right(),
    Column::new("TENANT", 8).cut_to(8),
    Column::new("BACKEND", 9).cut_to(8),
];

/// The latest last, where a reader of a terminal looks first.
fn table(entries: &[HistoryEntryInfo], zone: &TimeZone, screen: Screen) -> String {
    let rows = entries.iter().rev().map(|it| row(it, zone, screen));
    TextTable::new(COLUMNS, rows.collect()).render(screen)
}

fn row(entry: &HistoryEntryInfo, zone: &TimeZone, screen: Screen) -> Vec<Cell> {
    let login = entry.login.as_ref();
    let seconds = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), duration);
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let sent = login.map_or_else(|| "-".to_owned(), |login| octets(login.bytes_to_client));
    vec![
        ended(entry.ended, zone, screen).into(),
        or_dash(login.map(|login| &*login.maildrop)).into(),
        Cell::from(&entry.client),
        Cell::toned(&entry.sentence, tone(entry)),
        seconds(login.map(|login| login.waited_seconds + login.delayed_seconds)).into(),
        seconds(login.map(|login| login.held_seconds)).into(),
        program(entry).into(),
        Cell::from(&entry.end),
        notes(entry).into(),
        number(login.map(|login| login.retrieved)).into(),
        sent.into(),
        entry.id.to_string().into(),
        entry.session.to_string().into(),
        or_dash(login.map(|login| &*login.tenant)).into(),
        or_dash(login.and_then(|login| login.backend.as_deref())).into(),
    ]
}

/// By the clock of whoever reads it; what is kept in a file needs a time that says its zone.
fn ended(at: Timestamp, zone: &TimeZone, screen: Screen) -> String {
    match screen.is_terminal() {
        true => at
            .to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        false => time(at),
    }
}

fn tone(entry: &HistoryEntryInfo) -> Tone {
    // A newer popgate may have an end that this one has not.
    End::named(&entry.end).map_or(Tone::Plain, tone_of)
}

/// Plain where all went well, bad where a mail program shows its user an error.
fn tone_of(end: End) -> Tone {
    match end {
        End::Quit | End::QuitBeforeLogin | End::LeftBeforeLogin => Tone::Plain,
        End::Left
        | End::LeftWaiting
        | End::TimedOut
        | End::Preempted
        | End::NotPromoted
        | End::Kicked
        | End::Shutdown => Tone::Warning,
        End::QuitFailed
        | End::QuitUnanswered
        | End::LoginRefused
        | End::WaitSpent
        | End::RefusedWhilePaused
        | End::RefusedByRule
        | End::Stalled
        | End::BackendUnreachable
        | End::ClosedAtPass
        | End::BackendGone
        | End::BodyMisread
        | End::ClientViolation
        | End::TlsFailed
        | End::Panicked => Tone::Bad,
    }
}

fn program(entry: &HistoryEntryInfo) -> String {
    match &*entry.program.name {
        "unknown" => "-".to_owned(),
        name => format!("{name} ({})", entry.program.confidence),
    }
}

fn notes(entry: &HistoryEntryInfo) -> String {
    let login = entry.login.as_ref();
    let stood_on_listing = login.is_some_and(|login| login.let_in.is_some() || login.demotions > 0);
    let marks = [
        (entry.twin, "twin"),
        (entry.without_quit, "no QUIT"),
        (stood_on_listing, "listing"),
    ];
    let set: Vec<&str> = marks
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, mark)| *mark)
        .collect();
    if set.is_empty() {
        return "-".to_owned();
    }
    set.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::{HistoryLoginInfo, ProgramInfo};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn login(maildrop: &str) -> HistoryLoginInfo {
        HistoryLoginInfo {
            asked: at(0),
            name: maildrop.to_owned(),
            maildrop: maildrop.to_owned(),
            backends: vec!["legacy".to_owned()],
            tenant: "default".to_owned(),
            proven: true,
            backend: Some("legacy".to_owned()),
            entered: true,
            let_in: None,
            demotions: 0,
            promotions: 0,
            ahead: None,
            delayed_seconds: 2.0,
            waited_seconds: 10.0,
            granted: Some(at(12)),
            held_seconds: 3.5,
            locked_replies: 0,
            backend_class: None,
            backend_line: None,
            rule: None,
            poll: None,
            early_seconds: None,
            listed: Some(4),
            retrieved: 4,
            deleted: 0,
            marked: 0,
            bytes_to_client: 1_234,
            bytes_to_backend: 56,
        }
    }

    fn entry(id: u64, login: Option<HistoryLoginInfo>) -> HistoryEntryInfo {
        let has_login = login.is_some();
        HistoryEntryInfo {
            id,
            session: id + 100,
            gate_started: at(0),
            opened: at(0),
            ended: at(3_600 + i64::try_from(id).unwrap()),
            listener: "pop3".to_owned(),
            port: 110,
            client: "192.0.2.7:1234".to_owned(),
            encryption: "none".to_owned(),
            tls_version: None,
            cipher: None,
            server_name: None,
            login,
            end: "left".to_owned(),
            cause: "left".to_owned(),
            sentence: "the client left\x1b[2J".to_owned(),
            answer: None,
            idle_seconds: 0.0,
            commands: 5,
            program: ProgramInfo {
                name: if has_login { "Thunderbird" } else { "unknown" }.to_owned(),
                confidence: "high".to_owned(),
            },
            twin: has_login,
            without_quit: has_login,
            trace: "USER, PASS".to_owned(),
        }
    }

    fn page(items: Vec<HistoryEntryInfo>) -> HistoryPage {
        let journal = JournalInfo {
            kept_in: "memory".to_owned(),
            ..JournalInfo::default()
        };
        HistoryPage {
            items,
            next: None,
            journal,
        }
    }

    fn told(page: &HistoryPage, screen: Screen) -> String {
        shown(page, &TimeZone::fixed(jiff::tz::offset(1)), screen)
    }

    #[test]
    fn the_latest_entry_comes_last_and_what_a_client_typed_is_escaped() {
        let entries = vec![entry(8, None), entry(7, Some(login("ann\u{202e}")))];
        let told = told(&page(entries), Screen::default());
        let lines: Vec<_> = told
            .lines()
            .map(|line| {
                line.split("  ")
                    .filter(|it| !it.is_empty())
                    .map(str::trim)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(
            lines[1],
            [
                "1970-01-01 01:00:07 UTC",
                "ann\\u{202e}",
                "192.0.2.7:1234",
                "the client left\\u{1b}[2J",
                "12 s",
                "3.5 s",
                "Thunderbird (high)",
                "left",
                "twin, no QUIT",
                "4",
                "1.2 kB",
                "7",
                "107",
                "default",
                "legacy",
            ]
        );
        assert_eq!(
            lines[2][..4],
            [
                "1970-01-01 01:00:08 UTC",
                "-",
                "192.0.2.7:1234",
                "the client left\\u{1b}[2J"
            ]
        );
    }

    #[test]
    fn a_terminal_has_local_times() {
        let screen = Screen {
            width: Some(200),
            ..Screen::default()
        };
        let told = told(&page(vec![entry(7, None)]), screen);
        assert!(told.contains("\n1970-01-01 02:00:07  -"), "{told}");
    }

    #[test]
    fn eighty_columns_show_who_it_was_and_how_it_ended() {
        let screen = Screen {
            width: Some(80),
            ..Screen::default()
        };
        let mut refused = entry(7, Some(login("ann@example.org")));
        refused.end = "login_refused".to_owned();
        let told = told(&page(vec![refused]), screen);
        let heads: Vec<_> = told.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(
            heads,
            ["ENDED", "MAILDROP", "CLIENT", "PROGRAM", "END", "NOTE"]
        );
        assert!(told.contains("  login_refused  "), "{told}");
    }

    #[test]
    fn an_end_may_be_called_an_outcome() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            history: HistoryArgs,
        }
        let line = ["popgate", "--outcome", "quit", "--end", "left"];
        let asked = <Line as clap::Parser>::try_parse_from(line).unwrap();
        assert_eq!(asked.history.end, ["quit", "left"]);
    }

    #[test]
    fn an_end_that_hurts_its_user_stands_out() {
        let toned = |end: &str| {
            tone(&HistoryEntryInfo {
                end: end.to_owned(),
                ..entry(1, None)
            })
        };
        assert_eq!(toned("quit"), Tone::Plain);
        assert_eq!(toned("preempted"), Tone::Warning);
        assert_eq!(toned("wait_spent"), Tone::Bad);
        assert_eq!(toned("of a newer popgate"), Tone::Plain);
    }

    #[test]
    fn what_is_not_shown_or_not_kept_is_said() {
        let mut page = page(Vec::new());
        let screen = Screen::default();
        assert_eq!(told(&page, screen), "Nothing has happened yet.");
        page.journal.since = Some(at(60));
        assert!(told(&page, screen).ends_with("the history begins at 1970-01-01 00:01:00 UTC."));
        page.journal.kept_in = "off".to_owned();
        assert!(told(&page, screen).starts_with("No history is kept"));
        page.items.push(entry(7, None));
        page.next = Some(7);
        page.journal.lost = 1;
        page.journal.trouble = Some("disk\x1b full".to_owned());
        let told = told(&page, screen);
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[0].starts_with("… and more before these"), "{told}");
        assert!(
            lines[3].ends_with("may be missing: disk\\u{1b} full"),
            "{told}"
        );
        assert!(lines[4].starts_with("1 entry was lost"), "{told}");
    }
}
