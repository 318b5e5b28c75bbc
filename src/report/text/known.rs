//! What else is known: who was in the maildrop, the queue, limits, blocks, the backend, the day.

use super::ReportText;
use crate::escape::escaped;
use crate::history::{CauseName, GateNotice, ListingUse, NoticeKind};
use crate::limits::{NOTICED_WAIT, REPORT_NOTICES_LISTED, REPORT_OCCUPANTS_LISTED};
use crate::policy::block::{BlockEntry, BlockState};
use crate::policy::poll::PollDecision;
use crate::policy::refusal::LoginRule;
use crate::report::facts::{Occupant, PastLogin, count_programs};
use crate::report::layout::ReportRow;
use crate::report::signs::is_password_refused;
use crate::report::wording::has_words_of_others;
use crate::report::words::{Facts, Words, length, verbatim};
use crate::time::Duration;

/// What is shorter is told as no time at all.
pub(super) const NOTICED_DELAY: Duration = Duration::from_millis(100);

impl ReportText<'_> {
    pub(super) fn known(&self, incident: PastLogin<'_>, words: &Words) -> Vec<ReportRow> {
        let ending = words.entry_ending(incident.entry);
        let mut rows = vec![ReportRow::new(words.say("label-happened"), ending)];
        if has_words_of_others(incident.entry.cause) {
            let sentence = escaped(&incident.entry.sentence);
            rows.push(ReportRow::new(words.say("label-recorded"), sentence));
        }
        rows.extend([
            self.occupants(words),
            ReportRow::list(words.say("label-queue"), queue(incident, words), || {
                words.say("queue-none")
            }),
            ReportRow::list(words.say("label-limits"), limits(incident, words), || {
                words.say("limits-none")
            }),
            self.blocks(words),
            ReportRow::new(words.say("label-backend"), backend(incident, words)),
            ReportRow::new(
                words.say("label-backend-words"),
                self.backend_words(incident, words),
            ),
            self.backend_state(incident, words),
            ReportRow::new(words.say("label-day"), self.day(words)),
            self.history(words),
        ]);
        rows
    }

    fn occupants(&self, words: &Words) -> ReportRow {
        let occupants = &self.facts.occupants;
        // Those most in the way, in the order in which they came.
        let mut listed: Vec<_> = occupants.iter().take(REPORT_OCCUPANTS_LISTED).collect();
        listed.sort_by_key(|it| it.from);
        let mut values: Vec<_> = listed.into_iter().map(|it| occupant(it, words)).collect();
        let more = occupants.len().saturating_sub(REPORT_OCCUPANTS_LISTED);
        if more > 0 {
            values.push(words.tell("occupants-more", &[("count", more.to_string().into())]));
        }
        let none = || words.say("occupant-none");
        ReportRow::list(words.say("label-occupants"), values, none)
    }

    fn blocks(&self, words: &Words) -> ReportRow {
        let told = |entry| block(entry, words);
        let values = self.facts.blocks.iter().map(told).collect();
        ReportRow::list(words.say("label-blocks"), values, || {
            words.say("blocks-none")
        })
    }

    fn backend_state(&self, incident: PastLogin<'_>, words: &Words) -> ReportRow {
        let neighbours = self.facts.neighbours;
        let names = incident.login.key.backends().iter();
        let names: Vec<_> = names.map(ToString::to_string).collect();
        let state = match self.facts.down_since(incident) {
            Some(notice) => words.tell(
                "state-down",
                &[
                    ("backend", verbatim(&notice.subject)),
                    ("since", words.time(notice.at).into()),
                ],
            ),
            None => words.tell("state-up", &[("backend", verbatim(&names.join(", ")))]),
        };
        let others = [
            ("let_in", neighbours.let_in.to_string().into()),
            ("refused", neighbours.refused.to_string().into()),
        ];
        let mut values = vec![state, words.tell("state-neighbours", &others)];
        let newest = self.facts.notices.iter().rev().take(REPORT_NOTICES_LISTED);
        values.extend(newest.map(|it| notice(it, words)));
        ReportRow::list(words.say("label-backend-state"), values, String::new)
    }

    /// Those to the login; where it was not asked because it had refused the password before, those
    /// of then.
    fn backend_words(&self, incident: PastLogin<'_>, words: &Words) -> String {
        let login = incident.login;
        if let Some(answer) = &login.backend_answer {
            return escaped(&answer.line);
        }
        if login.rule.is_none() {
            return words.say("backend-words-none");
        }
        let before = (self.facts.day.iter()).rfind(|it| {
            let is_before = it.login.asked < login.asked && it.client().may_be(incident.client());
            is_before && is_password_refused(**it) && it.login.backend_answer.is_some()
        });
        let answer = before
            .filter(|_| login.rule == Some(LoginRule::FromMemory))
            .and_then(|it| Some((it.entry.ended, it.login.backend_answer.as_ref()?)));
        match answer {
            Some((at, answer)) => words.tell(
                "backend-words-before",
                &[
                    ("at", words.time(at).into()),
                    ("line", verbatim(&answer.line)),
                ],
            ),
            None => words.say("backend-words-not-asked"),
        }
    }

    fn day(&self, words: &Words) -> String {
        let day = &self.facts.day;
        let count = |is_so: &dyn Fn(&PastLogin<'_>) -> bool| {
            let count = day.iter().filter(|it| is_so(it)).count();
            count.to_string().into()
        };
        let programs = count_programs(day.iter().map(|it| it.client()));
        words.tell(
            "day-counts",
            &[
                ("logins", count(&|_| true)),
                ("bad", count(&|it| !it.ended_well())),
                ("waited", count(&|it| it.login.waited >= NOTICED_WAIT)),
                ("wrong", count(&|it| is_password_refused(*it))),
                ("without_quit", count(&|it| it.left_without_quit())),
                ("programs", programs.to_string().into()),
            ],
        )
    }

    /// How far back the history goes, and what is missing.
    pub(super) fn history(&self, words: &Words) -> ReportRow {
        let coverage = &self.coverage;
        let since = |at| [("since", words.time(at).into())];
        let whole = coverage
            .kept_since
            .map(|at| words.tell("history-whole", &since(at)));
        let cut = coverage
            .read_since
            .map(|at| words.tell("history-cut", &since(at)));
        let lost = (coverage.lost > 0).then(|| {
            words.tell(
                "history-lost",
                &[("count", coverage.lost.to_string().into())],
            )
        });
        let trouble = (coverage.trouble.as_deref())
            .map(|why| words.tell("history-unread", &[("why", verbatim(why))]));
        let values = [whole, cut, lost, trouble].into_iter().flatten().collect();
        ReportRow::list(words.say("label-history"), values, || words.say("unknown"))
    }
}

fn occupant(occupant: &Occupant, words: &Words) -> String {
    let ending = match occupant.cause {
        Some(cause) => words.ending(cause),
        None => words.tell("occupant-open", &[("idle", length(occupant.idle).into())]),
    };
    words.tell(
        "occupant",
        &[
            (
                "who",
                words.client(occupant.client.ip(), occupant.program).into(),
            ),
            ("from", words.time(occupant.from).into()),
            ("held", length(occupant.held).into()),
            ("ending", ending.into()),
        ],
    )
}

fn queue(incident: PastLogin<'_>, words: &Words) -> Vec<String> {
    let login = incident.login;
    let queued = match login.ahead {
        _ if incident.entry.cause == CauseName::QueueFull => Some(words.say("queue-refused")),
        None if login.waited.is_zero() => None,
        ahead => Some(words.tell(
            "queue-waited",
            &[
                ("waited", length(login.waited).into()),
                ("ahead", ahead.unwrap_or(0).to_string().into()),
            ],
        )),
    };
    let elsewhere = login.waited_elsewhere();
    let elsewhere = (!elsewhere.is_zero())
        .then(|| words.tell("queue-elsewhere", &[("waited", length(elsewhere).into())]));
    let listing = on_listing(login.listing, words);
    queued.into_iter().chain(elsewhere).chain(listing).collect()
}

/// What it was without the maildrop.
fn on_listing(listing: ListingUse, words: &Words) -> impl Iterator<Item = String> {
    let let_in = listing
        .let_in
        .map(|reason| words.say(&format!("listing-{}", reason.as_str())));
    let count = listing.demotions;
    let sent_back = (count > 0)
        .then(|| words.tell("listing-sent-back", &[("count", count.to_string().into())]));
    let_in.into_iter().chain(sent_back)
}

/// The limits that had an effect on the login.
fn limits(incident: PastLogin<'_>, words: &Words) -> Vec<String> {
    let login = incident.login;
    let rule = login
        .rule
        .map(|rule| words.say(&format!("rule-{}", rule.as_str())));
    let early = login.early.and_then(|early| {
        let id = match early.decision {
            PollDecision::Admitted => return None,
            PollDecision::Absorbed => "limit-early-absorbed",
            PollDecision::Delayed => "limit-early-delayed",
            PollDecision::Refused => "limit-early-refused",
            PollDecision::Shadow => "limit-early-shadow",
        };
        Some(words.tell(id, &[("early", length(early.early).into())]))
    });
    let delay = (login.delayed >= NOTICED_DELAY)
        .then(|| words.tell("limit-delayed", &[("delay", length(login.delayed).into())]));
    [rule, early, delay].into_iter().flatten().collect()
}

fn block(entry: &BlockEntry, words: &Words) -> String {
    let target = match &entry.target.key {
        Some(key) => format!("{key}, {}", entry.target.prefix),
        None => format!(
            "{}, {}",
            words.say("block-all-mailboxes"),
            entry.target.prefix
        ),
    };
    let reason = words.say(&format!("block-reason-{}", entry.reason.as_str()));
    let facts: &Facts<'_> = &[
        ("id", entry.id.to_string().into()),
        ("target", verbatim(&target)),
        ("until", words.time(entry.expires).into()),
        ("reason", reason.into()),
        ("last", words.time(entry.last).into()),
    ];
    match (entry.state, entry.pinned) {
        (BlockState::Blocked, false) => words.tell("block-blocked", facts),
        (BlockState::Blocked, true) => words.tell("block-pinned", facts),
        (BlockState::Released, _) => words.tell("block-released", facts),
    }
}

fn backend(incident: PastLogin<'_>, words: &Words) -> String {
    let backend = incident.login.backend.as_ref();
    backend.map_or_else(|| words.say("backend-none"), |it| escaped(it.as_str()))
}

fn notice(notice: &GateNotice, words: &Words) -> String {
    let id = format!("notice-{}", notice.kind.as_str());
    let what = words.tell(&id, &[("subject", verbatim(&notice.subject))]);
    // What a reload changed may name other users.
    let text = match notice.kind {
        NoticeKind::Reloaded => String::new(),
        _ => escaped(&notice.text),
    };
    match text.is_empty() {
        true => format!("{}: {what}", words.time(notice.at)),
        false => format!("{}: {what} ({text})", words.time(notice.at)),
    }
}
