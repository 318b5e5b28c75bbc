//! `popgate locks --all`: at all gates of the cluster.

use super::{COLUMNS, LocksArgs, holder_row, waiter_row};
use crate::admin::model::{ClusterLocks, GateLock};
use crate::cli::ExitStatus;
use crate::cli::client::Failure;
use crate::cli::cluster::ALONE;
use crate::cli::listing::conditions;
use crate::cli::screen::{Screen, Tone};
use crate::cli::table::{Cell, Column, TextTable, or_dash};
use crate::cli::text::escaped;
use crate::limits::PAGE_MAX;

pub(super) fn run(args: &LocksArgs) -> ExitStatus {
    args.output.print(fetch(args), shown)
}

/// One page: each would ask all gates anew.
fn fetch(args: &LocksArgs) -> Result<ClusterLocks, Failure> {
    let gate = args.target.client()?;
    let contended = args.contended.then(|| true.to_string());
    let limit = args.page.limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let limit = limit.to_string();
    let place = [("limit", Some(&limit)), ("sort", args.page.sort.as_ref())];
    let given = [&args.conditions(contended.as_ref())[..], &place].concat();
    gate.get("/cluster/locks", &conditions(&given))
}

fn shown(locks: &ClusterLocks, screen: Screen) -> String {
    let mut said = Vec::new();
    if locks.items.is_empty() {
        said.push(match locks.unanswered.is_empty() {
            true => "No such maildrop is locked.".to_owned(),
            false => "No such maildrop is locked at the gates that answered.".to_owned(),
        });
    } else {
        said.push(table(&locks.items, screen));
    }
    let more = locks.total.saturating_sub(locks.items.len()) + locks.left_out;
    if more > 0 {
        said.push(screen.paint(&format!("… and {more} more"), Tone::Faint));
    }
    if !locks.unanswered.is_empty() {
        let names: Vec<_> = locks.unanswered.iter().map(|it| escaped(it)).collect();
        let silent = format!("no answer from: {}", names.join(", "));
        said.push(screen.paint(&silent, Tone::Bad));
    }
    if !locks.has_cluster {
        said.push(screen.paint(ALONE, Tone::Faint));
    }
    said.join("\n")
}

const WITH_GATE: &[Column] = &[
    COLUMNS[0],
    Column::new("GATE", 0).cut_to(8),
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    COLUMNS[5],
    COLUMNS[6],
    COLUMNS[7],
    COLUMNS[8],
    COLUMNS[9],
    COLUMNS[10],
    COLUMNS[11],
    COLUMNS[12],
];

/// All lines of a maildrop stand together: its holder, and the queue of each gate.
fn table(locks: &[GateLock], screen: Screen) -> String {
    let mut maildrops: Vec<(&str, Vec<&GateLock>)> = Vec::new();
    for lock in locks {
        let of = maildrops.iter_mut().find(|(id, _)| *id == lock.lock.id);
        match of {
            Some((_, gates)) => gates.push(lock),
            None => maildrops.push((&lock.lock.id, vec![lock])),
        }
    }
    let rows = maildrops.iter().flat_map(|(_, gates)| rows(gates));
    TextTable::new(WITH_GATE, rows.collect()).render(screen)
}

fn rows(gates: &[&GateLock]) -> Vec<Vec<Cell>> {
    let holders = gates.iter().flat_map(|it| {
        let holder = it.lock.holder.iter();
        holder.map(|holder| at(it, holder_row(&it.lock, holder)))
    });
    let waiters = gates.iter().flat_map(|it| {
        let waiters = it.lock.waiters.iter().zip(1..);
        waiters.map(|(waiter, place)| at(it, waiter_row(&it.lock, waiter, place)))
    });
    holders.chain(waiters).collect()
}

fn at(lock: &GateLock, mut row: Vec<Cell>) -> Vec<Cell> {
    row.insert(1, or_dash(lock.gate.as_deref()).into());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const PLAIN: Screen = Screen {
        width: None,
        height: None,
        is_coloured: false,
    };

    fn waiter(session: u64) -> Value {
        json!({
            "session": session, "client": "192.0.2.7:4", "tenant": "default", "program": null,
            "lane": "main", "since": "2026-01-02T03:04:05Z", "waited_seconds": 3.0,
            "until": "2026-01-02T03:04:30Z",
        })
    }

    fn holder() -> Value {
        json!({
            "session": 4, "client": "192.0.2.7:4", "tenant": "default", "program": null,
            "lane": "main", "since": "2026-01-02T03:04:05Z", "held_seconds": 3.0,
            "phase": "relaying", "last_command": "RETR", "idle_seconds": 0.5, "retrieved": 1,
            "bytes_to_client": 10, "bytes_to_backend": 10,
        })
    }

    fn lock(gate: &str, id: &str, holder: &Value, waiters: &[u64]) -> Value {
        let waiters = waiters.iter().map(|it| waiter(*it));
        json!({ "gate": gate, "lock": {
            "id": id, "maildrop": id, "backends": ["legacy"], "backend": "legacy",
            "tenant": "default", "holder": holder, "waiters": waiters.collect::<Vec<_>>(),
            "longest_wait_seconds": 3.0,
        }})
    }

    fn told(items: &[Value], total: usize, left_out: usize, unanswered: &[&str]) -> String {
        let locks = json!({
            "items": items, "total": total, "offset": 0, "left_out": left_out,
            "unanswered": unanswered, "has_cluster": true,
        });
        shown(&serde_json::from_value(locks).unwrap(), PLAIN)
    }

    #[test]
    fn the_lines_of_a_maildrop_stand_together_its_holder_first() {
        let none = Value::Null;
        let items = [
            lock("pop1", "ann", &none, &[7, 8]),
            lock("pop2", "bob", &holder(), &[]),
            lock("pop3", "ann", &holder(), &[9]),
        ];
        let text = told(&items, 3, 0, &[]);
        let rows = text.lines().skip(1).map(|line| {
            let words: Vec<_> = line.split_whitespace().take(3).collect();
            words.join(" ")
        });
        let expected = [
            "ann pop3 holds",
            "ann pop1 waits,",
            "ann pop1 waits,",
            "ann pop3 waits,",
            "bob pop2 holds",
        ];
        assert_eq!(rows.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn what_is_missing_is_said() {
        let item = lock("pop1", "ann", &holder(), &[]);
        let text = told(&[item], 3, 40, &["pop2", "pop\u{1b}3"]);
        assert!(text.contains("\n… and 42 more\n"), "{text}");
        assert!(
            text.ends_with("\nno answer from: pop2, pop\\u{1b}3"),
            "{text}"
        );
        let silent = told(&[], 0, 0, &["pop2"]);
        let none = "No such maildrop is locked at the gates that answered.";
        assert_eq!(silent, format!("{none}\nno answer from: pop2"));
    }
}
