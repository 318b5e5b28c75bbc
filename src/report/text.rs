//! The report as plain text, in the order in which a POP3 support form asks. Facts are exact and
//! stay as they are; what is not known is said to be so.

mod known;

use super::causes::FoundCause;
use super::facts::{Occupant, PastLogin, ReportFacts};
use super::layout::{Layout, ReportRow};
use super::words::{Words, length, verbatim};
use crate::escape::escaped;
use crate::history::{Encryption, TlsParameters};
use crate::ids::UserName;
use crate::journal::{NAME_STAND_IN, is_name_hash};
use crate::limits::REPORT_SESSIONS_LISTED;
use crate::program::Family;
use crate::time::Duration;
use jiff::Timestamp;

/// All that the text of a report is made of.
#[derive(Clone, Debug)]
pub struct ReportText<'a> {
    /// The login that was asked about.
    pub login: &'a UserName,
    /// The canonical name of its maildrop.
    pub maildrop: &'a UserName,
    /// The time that was asked about.
    pub at: Option<Timestamp>,
    /// From when on logins were looked at.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// When it is made.
    pub now: Timestamp,
    /// What is known of the domain of the login, in a sentence.
    pub domain: String,
    /// What happened.
    pub facts: &'a ReportFacts<'a>,
    /// Why.
    pub causes: &'a [FoundCause],
    /// Who is in the maildrop now.
    pub open: &'a [Occupant],
    /// How complete that is.
    pub coverage: Coverage,
}

/// How far back the history goes, and what is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The end of the oldest entry that is kept.
    pub kept_since: Option<Timestamp>,
    /// Where there were more entries than are read: the oldest that was.
    pub read_since: Option<Timestamp>,
    /// Entries that were lost since the start.
    pub lost: u64,
    /// Why the file did not answer, so that there may be more than what memory has.
    pub trouble: Option<String>,
}

impl ReportText<'_> {
    /// The text, in the language of `words`.
    #[must_use]
    pub fn text(&self, words: &Words) -> String {
        let mut layout = Layout::default();
        self.head(words, &mut layout);
        if let Some(incident) = self.facts.incident {
            layout.heading(&words.say("section-ticket"), "-");
            layout.rows(&self.ticket(incident, words));
            layout.heading(&words.say("section-known"), "-");
            layout.rows(&self.known(incident, words));
            layout.heading(&words.say("section-causes"), "-");
            self.told_causes(incident, words, &mut layout);
            layout.heading(&words.say("section-sessions"), "-");
            layout.rows(&self.sessions(incident, words));
        }
        layout.into_text()
    }

    fn head(&self, words: &Words, layout: &mut Layout) {
        let maildrop = verbatim(&self.maildrop.to_string());
        layout.heading(&words.tell("title", &[("maildrop", maildrop)]), "=");
        let made = [
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("time", words.time_in_words(self.now).into()),
        ];
        layout.paragraph(&words.tell("made", &made));
        layout.paragraph(&self.choice(words));
        if self.facts.incident.is_none() {
            layout.paragraph("");
            layout.rows(&[
                ReportRow::new(words.say("label-user"), escaped(&self.login.to_string())),
                self.history(words),
            ]);
        }
    }

    /// Which login it is about.
    fn choice(&self, words: &Words) -> String {
        let since = ("since", words.time(self.since).into());
        let until = ("until", words.time(self.until).into());
        let time = |at| ("time", words.time(at).into());
        let is_named = |it: &PastLogin<'_>| {
            let asked = it.login.asked.as_second();
            self.facts.is_named || self.at.is_some_and(|at| at.as_second() == asked)
        };
        if let Some(it) = self.facts.incident.filter(is_named) {
            return words.tell("chosen-entry", &[time(it.login.asked)]);
        }
        match (self.facts.incident, self.at) {
            (None, _) if self.coverage.trouble.is_some() => {
                words.tell("nothing-read", &[since, until])
            }
            (None, _) => words.tell("nothing-kept", &[since, until]),
            (Some(it), Some(at)) if it.ended_well() => {
                words.tell("chosen-nearest", &[since, until, time(at)])
            }
            (Some(it), None) if it.ended_well() => words.tell("chosen-last", &[since]),
            (Some(_), Some(at)) => words.tell("chosen-near", &[time(at)]),
            (Some(_), None) => words.say("chosen-last-bad"),
        }
    }

    /// What a support form asks, in its order.
    fn ticket(&self, incident: PastLogin<'_>, words: &Words) -> Vec<ReportRow> {
        let entry = incident.entry;
        let row = |label: &str, value: String| ReportRow::new(words.say(label), value);
        let mut rows = vec![
            row("label-domain", self.domain.clone()),
            row("label-time", words.time_in_words(incident.login.asked)),
            row(
                "label-address",
                entry.client.ip().to_canonical().to_string(),
            ),
            row("label-program", program(incident, words)),
            row("label-server", server(incident, words)),
            row("label-user", self.user(incident, words)),
            row("label-port", entry.port.to_string()),
            row("label-encryption", encryption(&entry.encryption, words)),
            ReportRow::exact(words.say("label-error"), error_line(incident, words)),
        ];
        if has_hidden_name(incident) {
            rows.push(ReportRow::new(String::new(), words.say("name-hidden")));
        }
        rows.extend([
            row("label-system", words.say("fill-in")),
            row("label-antivirus", self.antivirus(incident, words)),
            row("label-firewall", words.say("fill-in")),
        ]);
        rows
    }

    /// The login as it was typed.
    fn user(&self, incident: PastLogin<'_>, words: &Words) -> String {
        let name = &incident.login.name;
        match is_name_hash(name) {
            true => {
                let maildrop = verbatim(&self.maildrop.to_string());
                words.tell("user-hashed", &[("maildrop", maildrop)])
            }
            false => escaped(&name.to_string()),
        }
    }

    fn antivirus(&self, incident: PastLogin<'_>, words: &Words) -> String {
        let prefix = incident.client().prefix;
        let twins = self
            .facts
            .day
            .iter()
            .filter(|it| it.entry.is_twin && it.client().prefix == prefix)
            .count();
        match twins {
            0 => words.say("fill-in"),
            _ => words.tell(
                "antivirus-suspected",
                &[("count", twins.to_string().into())],
            ),
        }
    }

    fn told_causes(&self, incident: PastLogin<'_>, words: &Words, layout: &mut Layout) {
        if self.causes.is_empty() {
            let id = match incident.ended_well() {
                true if incident.left_without_quit() => "causes-without-quit",
                true => "causes-well",
                false => "causes-none",
            };
            layout.paragraph(&words.say(id));
        }
        for (number, found) in (1..).zip(self.causes) {
            if number > 1 {
                layout.paragraph("");
            }
            let cause = words.cause(found);
            layout.paragraph(&format!("{number}. {} ({})", cause.title, cause.likelihood));
            layout.indented(3, &cause.evidence);
            let advice = [("advice", cause.advice.into())];
            layout.indented(3, &words.tell("advice", &advice));
        }
    }

    /// Those nearest to the incident and those of now, the oldest first; it is marked.
    fn sessions(&self, incident: PastLogin<'_>, words: &Words) -> Vec<ReportRow> {
        let day = &self.facts.day;
        let place = day.iter().position(|it| *it == incident).unwrap_or(0);
        let last = (place + REPORT_SESSIONS_LISTED / 2).clamp(1, day.len());
        let first = last.saturating_sub(REPORT_SESSIONS_LISTED);
        let past = day[first..last].iter().map(|it| {
            let mark = if *it == incident { "> " } else { "  " };
            let label = format!("{mark}{}", words.time(it.login.asked));
            (it.login.asked, ReportRow::new(label, session(*it, words)))
        });
        let open = self.open.iter().map(|it| {
            let facts = [
                ("who", words.client(it.client.ip(), it.program).into()),
                ("held", length(it.held).into()),
            ];
            let label = format!("  {}", words.time(it.from));
            (
                it.from,
                ReportRow::new(label, words.tell("session-open", &facts)),
            )
        });
        let mut rows: Vec<_> = past.chain(open).collect();
        rows.sort_by_key(|(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// Whether a line of somebody else's has lost the user's name, as `hash_users` wants it.
fn has_hidden_name(incident: PastLogin<'_>) -> bool {
    let backends = incident.login.backend_answer.as_ref();
    (incident.entry.answer.iter())
        .chain(backends.map(|it| &it.line))
        .any(|line| line.contains(NAME_STAND_IN))
}

/// The one that the client got at last, as it was.
fn error_line(incident: PastLogin<'_>, words: &Words) -> String {
    match &incident.entry.answer {
        None => words.say("error-none"),
        Some(line) if incident.answer_tells_end() => escaped(line),
        Some(line) => words.tell("error-earlier", &[("line", verbatim(line))]),
    }
}

fn program(incident: PastLogin<'_>, words: &Words) -> String {
    let guess = incident.entry.program;
    let confidence = words.say(&format!("confidence-{}", guess.confidence.as_str()));
    let facts = [
        ("program", words.family(guess.family).into()),
        ("confidence", confidence.into()),
    ];
    match guess.family {
        Family::Unknown => format!("{}; {}", words.family(guess.family), words.say("fill-in")),
        _ => words.tell("program-guess", &facts),
    }
}

fn server(incident: PastLogin<'_>, words: &Words) -> String {
    let listener = ("listener", verbatim(incident.entry.listener.as_str()));
    match &incident.entry.server_name {
        Some(name) => words.tell("server-by-name", &[("name", verbatim(name)), listener]),
        None => words.tell("server-not-said", &[listener]),
    }
}

fn encryption(encryption: &Encryption, words: &Words) -> String {
    let told = |how: &str, tls: &TlsParameters| format!("{how}, {}, {}", tls.version, tls.cipher);
    match encryption {
        Encryption::None => words.say("encryption-none"),
        Encryption::Stls(tls) => told("STLS", tls),
        Encryption::Implicit(tls) => told("TLS", tls),
    }
}

/// What took its time, in this order, and how it ended.
fn session(past: PastLogin<'_>, words: &Words) -> String {
    let login = past.login;
    let part = |id: &str, time: Duration| words.tell(id, &[("time", length(time).into())]);
    let delayed =
        (login.delayed >= known::NOTICED_DELAY).then(|| part("session-delayed", login.delayed));
    let waited = part("session-waited", past.waited_in_all());
    let inside = match login.listing.let_in {
        _ if login.entered => part("session-inside", login.held),
        Some(_) => words.say("session-listing"),
        None => words.say("session-outside"),
    };
    let parts: Vec<_> = delayed.into_iter().chain([waited, inside]).collect();
    let who = words.client(past.entry.client.ip(), past.entry.program);
    let ending = words.entry_ending(past.entry);
    format!("{who}; {}: {ending}", parts.join(", "))
}
