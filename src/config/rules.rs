//! `polls`, `connections`, `failures` and `blocks`: their ranges, their defaults, and whether
//! they fit together.

use super::checks::{or, within};
use super::error::Fault;
use super::keys::{Blocks, Connections, Failures, Limits, Polls};
use super::mistakes::Faults;
use super::value::{At, is_refused};
use crate::limits::{
    BLOCK_DURATION, BLOCK_FAULTS, BLOCK_WINDOW, CONNECTIONS, FAILURE_DELAY, FAILURE_RETRY,
    POLL_BURST, POLL_EVERY, SAME_PASSWORD, WAIT_MAX,
};
use crate::policy::rules::{
    BlockRules, ConnectionLimits, FailureRules, PollMode, PollRules, Quota, Rules,
};
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;
use std::num::NonZeroU32;

/// Checks each value by itself, and refuses it where it is out of range.
pub(super) fn check(limits: &mut Limits, faults: &mut Faults) {
    check_polls(&mut limits.polls.0, faults);
    check_connections(&mut limits.connections.0, faults);
    check_failures(&mut limits.failures.0, faults);
    check_blocks(&mut limits.blocks.0, faults);
}

fn check_polls(polls: &mut Polls, faults: &mut Faults) {
    let delays = Duration::ZERO..=WAIT_MAX;
    within("max_delay", &mut polls.max_delay, &delays, faults);
    within("every", &mut polls.every, &POLL_EVERY, faults);
    within("burst", &mut polls.burst, &POLL_BURST, faults);
    let client = &mut polls.per_client.0;
    within("every", &mut client.every, &POLL_EVERY, faults);
    within("burst", &mut client.burst, &POLL_BURST, faults);
}

fn check_connections(table: &mut Connections, faults: &mut Faults) {
    let each = [
        ("per_address", &mut table.per_address),
        ("per_maildrop", &mut table.per_maildrop),
        ("per_tenant", &mut table.per_tenant),
    ];
    for (key, at) in each {
        within(key, at, &CONNECTIONS, faults);
    }
}

fn check_failures(table: &mut Failures, faults: &mut Faults) {
    within("delay", &mut table.delay, &FAILURE_DELAY, faults);
    within("max_delay", &mut table.max_delay, &FAILURE_DELAY, faults);
    let same_password = &mut table.same_password;
    within("same_password", same_password, &SAME_PASSWORD, faults);
    within("retry", &mut table.retry, &FAILURE_RETRY, faults);
}

fn check_blocks(table: &mut Blocks, faults: &mut Faults) {
    let each = [
        ("passwords_per_maildrop", &mut table.passwords_per_maildrop),
        ("passwords_per_address", &mut table.passwords_per_address),
        ("abuses", &mut table.abuses),
        ("passing_per_day", &mut table.passing_per_day),
    ];
    for (key, at) in each {
        within(key, at, &BLOCK_FAULTS, faults);
    }
    within("window", &mut table.window, &BLOCK_WINDOW, faults);
    within("duration", &mut table.duration, &BLOCK_DURATION, faults);
    let max_duration = &mut table.max_duration;
    within("max_duration", max_duration, &BLOCK_DURATION, faults);
}

/// What `limits` say, and `builtin` where they say nothing.
pub(super) fn resolve(limits: &Limits, builtin: &Rules) -> Rules {
    Rules {
        polls: polls(&limits.polls, &builtin.polls),
        connections: connections(&limits.connections, &builtin.connections),
        failures: failures(&limits.failures, &builtin.failures),
        blocks: blocks(&limits.blocks, &builtin.blocks),
    }
}

fn polls(table: &Polls, builtin: &PollRules) -> PollRules {
    let client = &table.per_client;
    PollRules {
        mode: or(table.enforce.as_ref(), builtin.mode),
        max_delay: or(table.max_delay.as_ref(), builtin.max_delay),
        maildrop: quota(&table.every, &table.burst, builtin.maildrop),
        client: quota(&client.every, &client.burst, builtin.client),
        unlimited: builtin.unlimited.clone(),
    }
}

fn quota(every: &Option<At<Duration>>, burst: &Option<At<u32>>, builtin: Quota) -> Quota {
    let burst = burst.as_ref().and_then(|at| NonZeroU32::new(at.value));
    Quota {
        every: or(every.as_ref(), builtin.every),
        burst: burst.unwrap_or(builtin.burst),
    }
}

fn connections(table: &Connections, builtin: &ConnectionLimits) -> ConnectionLimits {
    ConnectionLimits {
        per_address: or(table.per_address.as_ref(), builtin.per_address),
        per_maildrop: or(table.per_maildrop.as_ref(), builtin.per_maildrop),
        per_tenant: or(table.per_tenant.as_ref(), builtin.per_tenant),
    }
}

fn failures(table: &Failures, builtin: &FailureRules) -> FailureRules {
    FailureRules {
        delay: or(table.delay.as_ref(), builtin.delay),
        max_delay: or(table.max_delay.as_ref(), builtin.max_delay),
        same_password: or(table.same_password.as_ref(), builtin.same_password),
        retry: or(table.retry.as_ref(), builtin.retry),
    }
}

fn blocks(table: &Blocks, builtin: &BlockRules) -> BlockRules {
    BlockRules {
        mode: or(table.enforce.as_ref(), builtin.mode),
        passwords_per_maildrop: or(
            table.passwords_per_maildrop.as_ref(),
            builtin.passwords_per_maildrop,
        ),
        passwords_per_address: or(
            table.passwords_per_address.as_ref(),
            builtin.passwords_per_address,
        ),
        abuses: or(table.abuses.as_ref(), builtin.abuses),
        passing_per_day: or(table.passing_per_day.as_ref(), builtin.passing_per_day),
        window: or(table.window.as_ref(), builtin.window),
        duration: or(table.duration.as_ref(), builtin.duration),
        max_duration: or(table.max_duration.as_ref(), builtin.max_duration),
    }
}

/// Refuses what contradicts itself in the `resolved` limits. What many tables inherit is told once.
pub(super) fn check_together(limits: &Limits, resolved: &LoginPolicy, faults: &mut Faults) {
    check_poll_delay(limits, resolved, faults);
    let (failures, blocks) = (&resolved.rules.failures, &resolved.rules.blocks);
    in_order(
        ("failures.delay", &limits.failures.delay, failures.delay),
        (
            "failures.max_delay",
            &limits.failures.max_delay,
            failures.max_delay,
        ),
        faults,
    );
    in_order(
        ("blocks.duration", &limits.blocks.duration, blocks.duration),
        (
            "blocks.max_duration",
            &limits.blocks.max_duration,
            blocks.max_duration,
        ),
        faults,
    );
}

/// A login that is held for all of its wait would be refused for it. The default gives way: it is
/// only warned of.
fn check_poll_delay(limits: &Limits, resolved: &LoginPolicy, faults: &mut Faults) {
    let (wait, polls) = (resolved.wait, &limits.polls);
    if is_refused(&limits.wait) || is_refused(&polls.enforce) || !holds(resolved) {
        return;
    }
    if let Some(at) = polls.max_delay.as_ref().filter(|at| at.value >= wait) {
        let message = format!(
            "`max_delay` ({:?}) is not below `wait` ({wait:?}) of tenant `{}`",
            at.value, resolved.name
        );
        let hint = "who is held for so long has no time left to wait for the maildrop";
        faults.note_first(Fault::new(at.span.clone(), message).hint(hint));
    }
}

fn holds(resolved: &LoginPolicy) -> bool {
    matches!(
        resolved.rules.polls.mode,
        PollMode::Delay | PollMode::Refuse
    )
}

type Named<'a> = (&'a str, &'a Option<At<Duration>>, Duration);

/// Refuses a first time that is longer than the longest.
fn in_order(first: Named<'_>, longest: Named<'_>, faults: &mut Faults) {
    let (key, written, value) = first;
    let (longest_key, longest_written, longest_value) = longest;
    if value <= longest_value || is_refused(written) || is_refused(longest_written) {
        return;
    }
    let Some(at) = written.as_ref().or(longest_written.as_ref()) else {
        return;
    };
    let message = format!("`{key}` ({value:?}) is above `{longest_key}` ({longest_value:?})");
    let hint = "where only one of them is written, the other has its default: write both";
    faults.note_first(Fault::new(at.span.clone(), message).hint(hint));
}

/// What is allowed and yet unwise, a sentence each; `reserve` is the longest `login_reserve`.
pub(super) fn unwise(resolved: &LoginPolicy, reserve: Duration) -> Vec<String> {
    let mut sentences = Vec::new();
    let (wait, queue) = (resolved.wait, resolved.queue);
    let delay = resolved.rules.polls.max_delay;
    if holds(resolved) && delay + reserve >= wait {
        sentences.push(format!(
            "polls.max_delay ({delay:?}) + login_reserve ({reserve:?}) is not below wait \
             ({wait:?}), so who is held for polling has no time left to wait for the maildrop"
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
