//! The delay of an answer to a wrong password, which grows with each other one of the address.

use super::rules::FailureRules;
use crate::limits::PENALTY_LOGINS_MAX;
use crate::time::Duration;

/// How long the answer to a wrong password is held, where its address has had `different` ones
/// lately, this one included: `delay` for the first, doubled with each other one.
///
/// A guesser tries ever new passwords, and each answer comes later than the one before it. A mail
/// program with a stale password says the same one for ever: that counts once, so that the others
/// behind its address are not slowed down for it. Dovecot does likewise: its penalty of an address
/// goes from 2 s by 4 and 8 to 15 s, and passwords among the last ten do not raise it.
#[must_use]
pub fn answer_delay(different: usize, rules: &FailureRules) -> Duration {
    let others = different.clamp(1, PENALTY_LOGINS_MAX) - 1;
    rules.delay.saturating_mul(1 << others).min(rules.max_delay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::rules::Rules;

    #[test]
    fn the_delay_doubles_and_ends_at_the_longest() {
        let rules = Rules::standard().failures;
        let delays = [0, 1, 2, 3, 4, 5, usize::MAX].map(|different| {
            let delay = answer_delay(different, &rules);
            delay.as_secs()
        });
        assert_eq!(delays, [1, 1, 2, 4, 8, 15, 15]);
    }
}
