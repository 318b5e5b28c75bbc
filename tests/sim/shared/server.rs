//! A mail server that knows the truth, and is as bad as its plan says.

use super::plan::{Account, Ids, ServerPlan};
use super::store::{Snapshot, Store};
use crate::lock;
use crate::net::{End, Listener, Net};
use crate::plan::backend_address;
use crate::trace::Trace;
use popgate::pop3::transaction::{Maildrop, Transaction, TransactionStep};
use popgate::time::Instant;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The server and what is in its maildrops.
pub(crate) struct MailServer {
    pub(crate) plan: ServerPlan,
    pub(crate) accounts: Vec<Account>,
    store: Mutex<Store>,
    trace: Arc<Trace>,
}

/// How a command is not answered.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The connection ends.
    Close,
    /// It is done, and the connection ends in the middle of the answer.
    CloseInReply,
    /// An error, and nothing is done.
    Error,
    /// Nothing more is said.
    Silence,
}

impl MailServer {
    pub(crate) fn start(
        plan: ServerPlan,
        accounts: Vec<Account>,
        net: &Arc<Net>,
        random: fastrand::Rng,
        trace: Arc<Trace>,
    ) -> Arc<Self> {
        let maildrops = accounts.iter().map(|it| it.maildrop).max().unwrap_or(0) + 1;
        let server = Arc::new(Self {
            store: Mutex::new(Store::new(&plan, maildrops, accounts.len(), random)),
            plan,
            accounts,
            trace,
        });
        let listener = net.listen(backend_address());
        tokio::spawn(Arc::clone(&server).serve(listener));
        server
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    /// The maildrop of an account.
    pub(crate) fn maildrop(&self, account: usize) -> usize {
        self.accounts[account].maildrop
    }

    async fn serve(self: Arc<Self>, mut listener: Listener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                (end, _) = listener.next() => {
                    let random = self.store().fork();
                    let visit = Visit { server: Arc::clone(&self), random, user: None, inside: None };
                    connections.spawn(visit.run(end));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// One connection.
struct Visit {
    server: Arc<MailServer>,
    random: fastrand::Rng,
    user: Option<String>,
    inside: Option<Inside>,
}

struct Inside {
    session: usize,
    maildrop: usize,
    transaction: Transaction<Snapshot>,
}

/// What follows a command.
enum Answer {
    Reply(Vec<u8>),
    Last(Vec<u8>),
    Silence,
    Close,
}

impl Visit {
    async fn run(mut self, mut end: End) {
        // A broken stream is an end like any other.
        let _ = self.converse(&mut end).await;
    }

    async fn converse(&mut self, end: &mut End) -> io::Result<()> {
        end.write_all(b"+OK ready\r\n").await?;
        let mut input = Vec::new();
        while let Some(line) = read_line(end, &mut input).await? {
            let answer = match (&self.inside, line.split_once(' ')) {
                (Some(_), _) => self.command(&line),
                (None, Some(("USER", name))) => {
                    self.user = Some(name.to_owned());
                    Answer::Reply(b"+OK\r\n".to_vec())
                }
                (None, Some(("PASS", password))) => self.pass(password).await,
                _ => Answer::Last(b"+OK\r\n".to_vec()),
            };
            match answer {
                Answer::Reply(reply) => end.write_all(&reply).await?,
                Answer::Last(reply) => return end.write_all(&reply).await,
                Answer::Silence => while end.read(&mut [0; 512]).await? > 0 {},
                Answer::Close => break,
            }
        }
        Ok(())
    }

    fn fault(&mut self) -> Option<Fault> {
        let faulty = self.server.plan.faulty;
        let is_faulty = !self.server.store().is_calm && self.random.u16(..1000) < faulty;
        let faults = [
            Fault::Close,
            Fault::CloseInReply,
            Fault::Error,
            Fault::Silence,
        ];
        is_faulty.then(|| faults[self.random.usize(..faults.len())])
    }

    async fn pass(&mut self, password: &str) -> Answer {
        sleep(self.server.plan.login_delay).await;
        match self.fault() {
            Some(Fault::Close | Fault::CloseInReply) => return Answer::Close,
            Some(Fault::Silence) => return Answer::Silence,
            Some(Fault::Error) => {
                return Answer::Reply(b"-ERR [SYS/TEMP] The disk is slow\r\n".to_vec());
            }
            None => {}
        }
        let name = self.user.take().unwrap_or_default();
        let server = Arc::clone(&self.server);
        let account = server.accounts.iter().position(|it| it.login == name);
        let mut store = server.store();
        let Some(account) = account.filter(|it| store.password(*it) == password) else {
            return Answer::Reply(b"-ERR [AUTH] Wrong password\r\n".to_vec());
        };
        let maildrop = server.maildrop(account);
        if server.plan.locking && store.is_locked(maildrop, Instant::now()) {
            return Answer::Reply(b"-ERR [IN-USE] Maildrop is locked\r\n".to_vec());
        }
        let (session, snapshot) = store.enter(account, maildrop, &mut self.random);
        let inside = store.inside(maildrop);
        let said = snapshot.describe();
        server
            .trace
            .say(&format!("server: session {session} of {name} in, {said}"));
        server.trace.check(inside == 1, || {
            format!("{inside} sessions at once in maildrop {maildrop}")
        });
        self.inside = Some(Inside {
            session,
            maildrop,
            transaction: Transaction::new(snapshot),
        });
        Answer::Reply(b"+OK Logged in\r\n".to_vec())
    }

    fn command(&mut self, line: &str) -> Answer {
        let fault = self.fault();
        let trace = Arc::clone(&self.server.trace);
        trace.say(&format!("server: hears {line} {fault:?}"));
        match fault {
            Some(Fault::Close) => return Answer::Close,
            Some(Fault::Silence) => return Answer::Silence,
            Some(Fault::Error) => return Answer::Reply(b"-ERR The disk is broken\r\n".to_vec()),
            Some(Fault::CloseInReply) | None => {}
        }
        let Some(inside) = &mut self.inside else {
            return Answer::Close;
        };
        let reply = match inside.transaction.answer(line.as_bytes()) {
            TransactionStep::Reply(reply) => reply,
            TransactionStep::Update(marked) => {
                let ids = inside.transaction.maildrop().ids(&marked);
                let mut store = self.server.store();
                store.delete(inside.maildrop, &ids);
                trace.say(&format!(
                    "server: session {} deletes {ids:?}",
                    inside.session
                ));
                b"+OK Bye\r\n".to_vec()
            }
        };
        let is_last = line == "QUIT";
        match fault {
            Some(_) if is_last => Answer::Close,
            Some(_) => Answer::Last(reply[..reply.len() / 2].to_vec()),
            None if is_last => Answer::Last(reply),
            None => Answer::Reply(reply),
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(inside) = self.inside.take() {
            let linger = self.server.plan.linger;
            let trace = Arc::clone(&self.server.trace);
            trace.say(&format!("server: session {} is over", inside.session));
            self.server
                .store()
                .leave(inside.maildrop, Instant::now() + linger);
        }
    }
}

/// A line without its end; none at the end of the connection.
async fn read_line(end: &mut End, input: &mut Vec<u8>) -> io::Result<Option<String>> {
    let mut buffer = [0; 1024];
    loop {
        if let Some(at) = input.iter().position(|&octet| octet == b'\n') {
            let line: Vec<u8> = input.drain(..=at).collect();
            return Ok(Some(
                String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
            ));
        }
        match end.read(&mut buffer).await? {
            0 => return Ok(None),
            octets => input.extend_from_slice(&buffer[..octets]),
        }
    }
}

impl Maildrop for Snapshot {
    fn messages(&self) -> usize {
        self.messages.len()
    }

    fn octets(&self, number: popgate::pop3::listing::MessageNumber) -> u64 {
        self.messages[number.index()].text.len() as u64
    }

    fn unique_id(&self, number: popgate::pop3::listing::MessageNumber) -> String {
        let message = &self.messages[number.index()];
        match self.names {
            Ids::Numbers => number.to_string(),
            Ids::PerSession => format!("s{}-{}", self.session, message.id),
            Ids::Stable | Ids::Recycled => message.name.clone(),
        }
    }

    fn text(&self, number: popgate::pop3::listing::MessageNumber) -> &[u8] {
        &self.messages[number.index()].text
    }
}
