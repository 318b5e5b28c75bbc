//! Whether limits fit together: what contradicts itself is refused, what is unwise is told.

use super::error::Diagnostic;
use super::mistakes::Diagnostics;
use super::schema::limits::Limits;
use super::value::{At, duration_text, is_refused};
use crate::policy::rules::PollMode;
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;

/// Refuses what contradicts itself in the `resolved` limits. What many tables inherit is told once.
pub(super) fn check_together(
    limits: &Limits,
    resolved: &LoginPolicy,
    diagnostics: &mut Diagnostics,
) {
    check_poll_delay(limits, resolved, diagnostics);
    let failures = &resolved.rules.failures;
    let blocks = &resolved.rules.blocks;
    in_order(
        ("failures.delay", &limits.failures.delay, failures.delay),
        (
            "failures.max_delay",
            &limits.failures.max_delay,
            failures.max_delay,
        ),
        diagnostics,
    );
    in_order(
        ("blocks.duration", &limits.blocks.duration, blocks.duration),
        (
            "blocks.max_duration",
            &limits.blocks.max_duration,
            blocks.max_duration,
        ),
        diagnostics,
    );
}

/// A login that is held for all of its wait would be refused for it. The default gives way: it is
/// only warned of.
fn check_poll_delay(limits: &Limits, resolved: &LoginPolicy, diagnostics: &mut Diagnostics) {
    let wait = resolved.wait;
    let polls = &limits.polls;
    if is_refused(&limits.wait) || is_refused(&polls.enforce) || !holds(resolved) {
        return;
    }
    if let Some(at) = polls.max_delay.as_ref().filter(|at| at.value >= wait) {
        let message = format!(
            "`max_delay` ({}) is not below `wait` ({}) of tenant `{}`",
            duration_text(at.value),
            duration_text(wait),
            resolved.name
        );
        let hint = "who is held for so long has no time left to wait for the maildrop";
        diagnostics.note_first(Diagnostic::new(at.span.clone(), message).hint(hint));
    }
}

fn holds(resolved: &LoginPolicy) -> bool {
    matches!(
        resolved.rules.polls.mode,
        PollMode::Delay | PollMode::Absorb | PollMode::Refuse
    )
}

/// A key, where it is written, and the value that holds.
type HeldTime<'a> = (&'a str, &'a Option<At<Duration>>, Duration);

/// Refuses a first time that is longer than the longest.
fn in_order(first: HeldTime<'_>, longest: HeldTime<'_>, diagnostics: &mut Diagnostics) {
    let (key, written, value) = first;
    let (longest_key, longest_written, longest_value) = longest;
    if value <= longest_value || is_refused(written) || is_refused(longest_written) {
        return;
    }
    let Some(at) = written.as_ref().or(longest_written.as_ref()) else {
        return;
    };
    let message = format!(
        "`{key}` ({}) is above `{longest_key}` ({})",
        duration_text(value),
        duration_text(longest_value)
    );
    let hint = "where only one of them is written, the other has its default: write both";
    diagnostics.note_first(Diagnostic::new(at.span.clone(), message).hint(hint));
}

/// What is allowed and yet unwise, a sentence each; `reserve` is the longest `login_reserve`.
pub(super) fn unwise(resolved: &LoginPolicy, reserve: Duration) -> Vec<String> {
    let mut sentences = Vec::new();
    let wait = resolved.wait;
    let queue = resolved.queue;
    let delay = resolved.rules.polls.max_delay;
    if holds(resolved) && delay + reserve >= wait {
        sentences.push(format!(
            "polls.max_delay ({}) + login_reserve ({}) is not below wait ({}), so who is held for \
             polling has no time left to wait for the maildrop",
            duration_text(delay),
            duration_text(reserve),
            duration_text(wait)
        ));
    }
    let places = resolved.rules.connections.per_maildrop;
    if (1..=queue).contains(&places) {
        sentences.push(format!(
            "connections.per_maildrop ({places}) is not above queue ({queue}), so the queue is \
             never full"
        ));
    }
    sentences
}
