//! `popgate demo --household`: a day of one mailbox, without sharing and with it. Time is moved:
//! each day has a runtime of its own, whose clock goes on when nobody has anything to do.

use super::{DemoError, password};
use crate::app::{BoundPort, Gate, Outside};
use crate::config::Config;
use crate::demo::household::{
    BackDoor, DAY_RULES, DayOptions, Home, HouseholdDay, Watched, day_server, street,
};
use crate::time::Duration;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Builder;

/// How long popgate may take to end: nobody is left then.
const GRACE: Duration = Duration::from_secs(1);

/// The same day twice, at the same time.
pub(super) fn both_days(options: DayOptions) -> Result<[HouseholdDay; 2], DemoError> {
    std::thread::scope(|threads| {
        let on = threads.spawn(|| day(options, "on"));
        let off = day(options, "off")?;
        match on.join() {
            Ok(on) => Ok([off, on?]),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn day(options: DayOptions, sharing: &str) -> Result<HouseholdDay, DemoError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(lived(options, sharing))
}

async fn lived(options: DayOptions, sharing: &str) -> Result<HouseholdDay, DemoError> {
    let text = format!("{DAY_RULES}sharing = \"{sharing}\"\n");
    let config = Config::parse(&text, Path::new("household.toml"))?;
    let server = day_server(&password());
    let watched = Arc::new(Watched::default());
    let (street, door) = street();
    let outside = Outside {
        sinks: vec![watched.clone()],
        seed: Some(options.seed),
        ..Outside::dialing(Arc::new(BackDoor::new(Arc::clone(&server))))
    };
    let address = config.listeners[0].address;
    let ports = vec![BoundPort::new(address, Box::new(door))];
    let gate = Gate::start_on(ports, &config, outside)
        .await
        .map_err(DemoError::Start)?;
    gate.looked_around().await;
    let home = Home {
        street,
        server,
        watched,
        password: password(),
    };
    let day = home.live(options).await;
    gate.stop(GRACE, pending()).await;
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::household::compared;

    fn days(seed: u64, hours: u64) -> [HouseholdDay; 2] {
        let length = Duration::from_secs(3600 * hours);
        let [off, on] = both_days(DayOptions { seed, length }).unwrap();
        println!("seed {seed}\n{}", compared(&off, &on));
        [off, on]
    }

    /// Another seed may have errors: what somebody else has just deleted, or has come right before
    /// the download, ends in a closed connection.
    #[test]
    fn with_sharing_no_program_shows_an_error_and_the_server_has_half_the_logins() {
        let [off, on] = days(2, 4);
        assert!(off.prompts > 10, "{}", off.prompts);
        assert_eq!((on.all_errors(), on.prompts), (0, 0), "{:?}", on.errors);
        assert!(2 * on.backend_logins <= off.backend_logins);
        let median = |day: &HouseholdDay| day.wait.unwrap().median;
        assert!(10 * median(&on) < median(&off));
        for day in [off, on] {
            assert_eq!((day.missed, day.lost, day.fetched_twice), (0, 0, 0));
            assert_eq!((day.overlaps, day.backend_lock_errors), (0, 0));
        }
    }

    #[test]
    fn a_seed_gives_the_same_day_each_time() {
        let played = || serde_json::to_string(&days(7, 1)).unwrap();
        assert_eq!(played(), played());
    }
}
