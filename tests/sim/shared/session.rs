//! One connection of a mail program: it looks at each reply, and holds them against each other.

use super::plan::{Ending, Ids, Kind, ProgramPlan};
use super::program::World;
use super::store::id_in;
use super::witness::Record;
use crate::lock;
use crate::net::End;
use popgate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// As most mail programs, longer than any wait here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a session ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The other side ended the connection.
    Cut,
    /// QUIT was not answered.
    QuitLost,
    /// No reply came.
    GaveUp,
    /// An `-ERR` after login.
    Alert,
    /// The login was refused.
    NotIn,
}

impl Stop {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::QuitLost => "quit_lost",
            Self::GaveUp => "gave_up",
            Self::Alert => "alert",
            Self::NotIn => "not_in",
        }
    }
}

/// A message as it is listed.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) number: usize,
    pub(crate) name: String,
    id: Option<usize>,
}

struct Reply {
    is_ok: bool,
    line: String,
    body: Vec<String>,
}

pub(crate) struct Session {
    end: End,
    heard: Vec<u8>,
    plan: ProgramPlan,
    world: World,
    record: Arc<Mutex<Record>>,
    login: (usize, usize),
    asked: Instant,
    before: BTreeSet<usize>,
    /// How many messages there are, marked or not.
    count: Option<usize>,
    names: Option<Vec<String>>,
    sizes: Option<Vec<usize>>,
    /// What was shown has been told to the witness.
    is_told: bool,
    fetched: BTreeMap<usize, usize>,
    marked: BTreeSet<usize>,
}

impl Session {
    pub(crate) fn new(end: End, plan: ProgramPlan, world: World) -> Self {
        let maildrop = world.server.maildrop(plan.account);
        Self {
            end,
            heard: Vec::new(),
            record: world.witness.open(maildrop),
            login: (plan.account, 0),
            plan,
            world,
            asked: Instant::now(),
            before: BTreeSet::new(),
            count: None,
            names: None,
            sizes: None,
            is_told: false,
            fetched: BTreeMap::new(),
            marked: BTreeSet::new(),
        }
    }

    pub(crate) async fn log_in(&mut self, which: usize, password: &str) -> Result<bool, Stop> {
        if !self.reply(false).await?.is_ok {
            return Err(Stop::NotIn);
        }
        let name = self.world.server.accounts[self.plan.account].login;
        self.login = (self.plan.account, which);
        self.before = self.world.witness.shown_before(self.login);
        self.asked = Instant::now();
        self.send(&[&format!("USER {name}")]).await?;
        self.reply(false).await?;
        self.asked = Instant::now();
        let is_over = self.is_over(which);
        self.send(&[&format!("PASS {password}")]).await?;
        let reply = self.reply(false).await?;
        self.say(&format!("hears {:?}", reply.line));
        self.check(!is_over || !reply.is_ok, || {
            "is let in with an old password, and the new one is known".to_owned()
        });
        Ok(reply.is_ok)
    }

    /// Whether the account has another password, and the server has accepted that.
    fn is_over(&self, which: usize) -> bool {
        let store = self.world.server.store();
        let account = self.plan.account;
        store.password_changes(account) > which && store.newest_accepted(account).is_some()
    }

    /// How many messages it sees.
    pub(crate) fn messages(&self) -> usize {
        self.count.unwrap_or(0).saturating_sub(self.marked.len())
    }

    /// Whether names alone do not say which message it is.
    pub(crate) fn needs_sizes(&self) -> bool {
        let ids = self.world.server.plan.ids;
        matches!(ids, Ids::Numbers | Ids::Recycled)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        let store = self.world.server.store();
        let maildrop = self.world.server.maildrop(self.plan.account);
        let names = self.names.iter().flatten().enumerate();
        let rows = names.map(|(place, name)| {
            let size = self.sizes.as_ref().and_then(|it| it.get(place).copied());
            let id = store.identify(maildrop, name, size);
            let (number, name) = (place + 1, name.clone());
            Row { number, name, id }
        });
        rows.collect::<Vec<_>>().into_iter()
    }

    /// One after the other, or all in one write.
    pub(crate) async fn ask(&mut self, commands: &[&str]) -> Result<(), Stop> {
        let mut is_refused = false;
        let at_once = if self.plan.pipelines {
            commands.len()
        } else {
            1
        };
        for commands in commands.chunks(at_once) {
            self.send(commands).await?;
            for command in commands {
                let reply = self.answer(command).await?;
                is_refused |= !reply.is_ok;
            }
        }
        // Before it acts on that.
        if is_refused {
            return Err(Stop::Alert);
        }
        self.tell();
        Ok(())
    }

    /// Which message it is.
    pub(crate) async fn fetch(&mut self, number: usize) -> Result<usize, Stop> {
        self.ask(&[&format!("RETR {number}")]).await?;
        self.fetched.get(&number).copied().ok_or(Stop::Alert)
    }

    /// Deletes a message that it has fetched.
    pub(crate) async fn delete(&mut self, number: usize, id: usize) -> Result<(), Stop> {
        lock(&self.record).intends.insert(id);
        self.ask(&[&format!("DELE {number}")]).await
    }

    /// It deletes what it knows by its number alone: all that it can have seen.
    pub(crate) fn intends_all_until(&self, seen: Instant) {
        let store = self.world.server.store();
        let came = store.came_until(lock(&self.record).maildrop, seen);
        drop(store);
        let rows = self.rows().map(|row| row.id).collect::<Option<Vec<_>>>();
        let known = rows.filter(|_| self.names.is_some());
        lock(&self.record)
            .intends
            .extend(known.unwrap_or_else(|| came.into_iter().collect()));
    }

    pub(crate) async fn leave(&mut self, ending: Ending) -> Result<(), Stop> {
        if ending == Ending::Close {
            return Ok(());
        }
        if self.plan.kind == Kind::Phone && ending != Ending::Quit {
            // It stays for as long as it is let.
            sleep(Duration::from_secs(20)).await;
            return Ok(());
        }
        lock(&self.record).quit_sent = true;
        self.send(&["QUIT"]).await?;
        if ending == Ending::QuitAndClose {
            return Ok(());
        }
        match self.reply(false).await {
            Ok(reply) => {
                lock(&self.record).quit_answered = reply.is_ok;
                match reply.is_ok {
                    true => Ok(()),
                    false => Err(Stop::Alert),
                }
            }
            Err(Stop::Cut) => Err(Stop::QuitLost),
            Err(stop) => Err(stop),
        }
    }

    async fn answer(&mut self, command: &str) -> Result<Reply, Stop> {
        let (verb, number) = command.split_once(' ').unwrap_or((command, ""));
        let has_body = matches!(verb, "RETR" | "TOP") || matches!(command, "LIST" | "UIDL");
        let reply = self.reply(has_body).await?;
        let number = number
            .split(' ')
            .next()
            .and_then(|it| it.parse().ok())
            .unwrap_or(0);
        if reply.is_ok {
            self.learn(verb, number, &reply);
        } else {
            self.say(&format!("{command}: {}", reply.line));
            let may = self.world.server.plan.faulty > 0 || self.may_be_none(verb);
            self.check(may, || format!("{command} is refused: {}", reply.line));
        }
        Ok(reply)
    }

    /// A script that knows but numbers may name what is not there.
    fn may_be_none(&self, verb: &str) -> bool {
        verb == "DELE" && self.plan.kind == Kind::Script
    }

    fn learn(&mut self, verb: &str, number: usize, reply: &Reply) {
        match verb {
            "STAT" => {
                let count = reply.line.split(' ').nth(1).and_then(|it| it.parse().ok());
                self.learn_count(count.unwrap_or(usize::MAX));
            }
            "UIDL" => {
                let names: Vec<_> = column(&reply.body).map(str::to_owned).collect();
                let known = known(self.names.as_ref(), &self.marked);
                let is_same = known.is_none_or(|known| known == names);
                self.check(is_same, || format!("another UIDL than before: {names:?}"));
                self.learn_count(names.len());
                self.names.get_or_insert(names);
            }
            "LIST" => {
                let sizes: Vec<usize> = column(&reply.body)
                    .filter_map(|it| it.parse().ok())
                    .collect();
                let known = known(self.sizes.as_ref(), &self.marked);
                let is_same = known.is_none_or(|known| known == sizes);
                self.check(is_same, || format!("another LIST than before: {sizes:?}"));
                self.learn_count(sizes.len());
                self.sizes.get_or_insert(sizes);
            }
            "RETR" | "TOP" => self.learn_text(number, &reply.body.join("\n")),
            "DELE" => {
                self.marked.insert(number);
                let id = self.rows().nth(number - 1).and_then(|row| row.id);
                let id = id.or_else(|| self.fetched.get(&number).copied());
                lock(&self.record).marked.extend(id);
            }
            "RSET" => {
                self.marked.clear();
                lock(&self.record).marked.clear();
            }
            _ => {}
        }
    }

    /// A session sees one and the same maildrop.
    fn learn_count(&mut self, unmarked: usize) {
        let count = unmarked.saturating_add(self.marked.len());
        let known = *self.count.get_or_insert(count);
        self.check(known == count, || {
            format!("{count} messages, and {known} before")
        });
    }

    fn learn_text(&mut self, number: usize, text: &str) {
        let Some(id) = id_in(text) else {
            return self.check(false, || format!("message {number} is {text:?}"));
        };
        let listed = self.rows().nth(number - 1).and_then(|row| row.id);
        self.check(listed.is_none_or(|it| it == id), || {
            format!("message {number} is {id}, and {listed:?} was listed")
        });
        let before = *self.fetched.entry(number).or_insert(id);
        self.check(before == id, || {
            format!("message {number} is {id}, and was {before}")
        });
    }

    /// Its listing is whole.
    fn tell(&mut self) {
        if self.is_told || self.names.is_none() {
            return;
        }
        self.is_told = true;
        let ids: Option<BTreeSet<_>> = self.rows().map(|row| row.id).collect();
        if let Some(ids) = ids {
            self.world
                .witness
                .shows(self.login, self.asked, &self.before, &ids);
        }
    }

    async fn reply(&mut self, has_body: bool) -> Result<Reply, Stop> {
        let line = self.line().await?;
        let is_ok = line.starts_with("+OK");
        self.check(is_ok || line.starts_with("-ERR"), || {
            format!("a reply: {line:?}")
        });
        let mut body = Vec::new();
        if has_body && is_ok {
            loop {
                match self.line().await? {
                    line if line == "." => break,
                    line => body.push(line),
                }
            }
        }
        Ok(Reply { is_ok, line, body })
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<String, Stop> {
        let mut buffer = [0; 2048];
        loop {
            if let Some(at) = self.heard.iter().position(|&octet| octet == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=at).collect();
                return Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
            }
            match timeout(PATIENCE, self.end.read(&mut buffer)).await {
                Err(_) => return Err(Stop::GaveUp),
                Ok(Ok(0) | Err(_)) => return Err(Stop::Cut),
                Ok(Ok(octets)) => self.heard.extend_from_slice(&buffer[..octets]),
            }
        }
    }

    async fn send(&mut self, commands: &[&str]) -> Result<(), Stop> {
        self.say(&format!("says {}", commands.join(", ")));
        let text = commands.join("\r\n") + "\r\n";
        match timeout(PATIENCE, self.end.write_all(text.as_bytes())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Stop::Cut),
            Err(_) => Err(Stop::GaveUp),
        }
    }

    fn say(&self, what: &str) {
        self.world.trace.say(&format!("{} {what}", self.plan.host));
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        let host = self.plan.host;
        self.world
            .trace
            .check(holds, || format!("{host}: {}", what()));
    }
}

/// What stands behind the numbers.
fn column(body: &[String]) -> impl Iterator<Item = &str> {
    body.iter().filter_map(|line| Some(line.split_once(' ')?.1))
}

/// Less what is marked.
fn known<T: Clone>(all: Option<&Vec<T>>, marked: &BTreeSet<usize>) -> Option<Vec<T>> {
    let rows = all?.iter().zip(1..);
    let left = rows.filter(|(_, number)| !marked.contains(number));
    Some(left.map(|(it, _)| it.clone()).collect())
}
