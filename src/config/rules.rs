//! `polls`, `connections`, `failures` and `blocks`: their ranges, their defaults, and whether
//! they fit together.

use super::checks::{bounded, or};
use super::error::Fault;
use super::keys::{Blocks, Connections, Failures, Limits, Polls};
use super::value::At;
use crate::limits::{
    BLOCK_DURATION, BLOCK_FAULTS, BLOCK_WINDOW, CONNECTIONS, FAILURE_DELAY, FAILURE_RETRY,
    POLL_BURST, POLL_EVERY, SAME_PASSWORD, WAIT_MAX,
};
use crate::policy::rules::{
    BlockRules, ConnectionLimits, FailureRules, PollMode, PollRules, Quota, Rules,
};
use crate::policy::tenant::Tenant;
use crate::time::Duration;
use std::num::NonZeroU32;

/// Checks each value by itself.
pub(super) fn check(limits: &Limits) -> Result<(), Fault> {
    check_polls(&limits.polls)?;
    check_connections(&limits.connections)?;
    check_failures(&limits.failures)?;
    check_blocks(&limits.blocks)
}

fn check_polls(polls: &Polls) -> Result<(), Fault> {
    let delays = Duration::ZERO..=WAIT_MAX;
    bounded("max_delay", polls.max_delay.as_ref(), &delays)?;
    bounded("every", polls.every.as_ref(), &POLL_EVERY)?;
    bounded("burst", polls.burst.as_ref(), &POLL_BURST)?;
    bounded("every", polls.per_client.every.as_ref(), &POLL_EVERY)?;
    bounded("burst", polls.per_client.burst.as_ref(), &POLL_BURST)?;
    Ok(())
}

fn check_connections(table: &Connections) -> Result<(), Fault> {
    bounded("per_address", table.per_address.as_ref(), &CONNECTIONS)?;
    bounded("per_maildrop", table.per_maildrop.as_ref(), &CONNECTIONS)?;
    bounded("per_tenant", table.per_tenant.as_ref(), &CONNECTIONS)?;
    Ok(())
}

fn check_failures(table: &Failures) -> Result<(), Fault> {
    bounded("delay", table.delay.as_ref(), &FAILURE_DELAY)?;
    bounded("max_delay", table.max_delay.as_ref(), &FAILURE_DELAY)?;
    bounded(
        "same_password",
        table.same_password.as_ref(),
        &SAME_PASSWORD,
    )?;
    bounded("retry", table.retry.as_ref(), &FAILURE_RETRY)?;
    Ok(())
}

fn check_blocks(table: &Blocks) -> Result<(), Fault> {
    let faults = [
        ("passwords_per_maildrop", &table.passwords_per_maildrop),
        ("passwords_per_address", &table.passwords_per_address),
        ("abuses", &table.abuses),
        ("passing_per_day", &table.passing_per_day),
    ];
    for (key, at) in faults {
        bounded(key, at.as_ref(), &BLOCK_FAULTS)?;
    }
    bounded("window", table.window.as_ref(), &BLOCK_WINDOW)?;
    bounded("duration", table.duration.as_ref(), &BLOCK_DURATION)?;
    bounded("max_duration", table.max_duration.as_ref(), &BLOCK_DURATION)?;
    Ok(())
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

/// Refuses what contradicts itself in the `resolved` limits.
pub(super) fn check_together(limits: &Limits, resolved: &Tenant) -> Result<(), Fault> {
    check_poll_delay(&limits.polls, resolved)?;
    let (failures, blocks) = (&resolved.rules.failures, &resolved.rules.blocks);
    in_order(
        ("failures.delay", &limits.failures.delay, failures.delay),
        (
            "failures.max_delay",
            &limits.failures.max_delay,
            failures.max_delay,
        ),
    )?;
    in_order(
        ("blocks.duration", &limits.blocks.duration, blocks.duration),
        (
            "blocks.max_duration",
            &limits.blocks.max_duration,
            blocks.max_duration,
        ),
    )
}

/// A login that is held for all of its wait would be refused for it. The default gives way: it is
/// only warned of.
fn check_poll_delay(polls: &Polls, resolved: &Tenant) -> Result<(), Fault> {
    let wait = resolved.wait;
    match &polls.max_delay {
        Some(at) if holds(resolved) && at.value >= wait => {
            let message = format!(
                "`max_delay` ({:?}) is not below `wait` ({wait:?}) of tenant `{}`",
                at.value, resolved.name
            );
            let hint = "who is held for so long has no time left to wait for the maildrop";
            Err(Fault::new(at.span.clone(), message).hint(hint))
        }
        _ => Ok(()),
    }
}

fn holds(resolved: &Tenant) -> bool {
    matches!(
        resolved.rules.polls.mode,
        PollMode::Delay | PollMode::Refuse
    )
}

type Named<'a> = (&'a str, &'a Option<At<Duration>>, Duration);

/// Refuses a first time that is longer than the longest.
fn in_order(first: Named<'_>, longest: Named<'_>) -> Result<(), Fault> {
    let (key, written, value) = first;
    let (longest_key, longest_written, longest_value) = longest;
    let Some(at) = written.as_ref().or(longest_written.as_ref()) else {
        return Ok(());
    };
    if value <= longest_value {
        return Ok(());
    }
    let message = format!("`{key}` ({value:?}) is above `{longest_key}` ({longest_value:?})");
    let hint = "where only one of them is written, the other has its default: write both";
    Err(Fault::new(at.span.clone(), message).hint(hint))
}

/// What is allowed and yet unwise, a sentence each; `reserve` is the longest `login_reserve`.
pub(super) fn unwise(resolved: &Tenant, reserve: Duration) -> Vec<String> {
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
