//! One connection: greeting, AUTHORIZATION, TRANSACTION, UPDATE (RFC 1939 section 3).

use super::server::DemoServer;
use super::store::{EntryRefused, OpenMaildrop, Store};
use super::transaction::{Command, Transaction, line};
use crate::limits::SASL_LINE_MAX;
use crate::time::{Duration, Instant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// What one connection has become; dropping it leaves the maildrop, without UPDATE.
pub(super) struct DemoSession {
    server: Arc<DemoServer>,
    user: Option<String>,
    inside: Option<(OpenMaildrop, Transaction)>,
}

/// A reply, and whether the server closes after it.
struct Reply {
    octets: Vec<u8>,
    closes: bool,
}

/// Talks until either side ends it; an error is a client that is gone.
pub(super) async fn converse<S>(visit: &mut DemoSession, stream: &mut Lines<S>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write(b"+OK popgate demo POP3 server ready\r\n")
        .await?;
    while let Some(text) = stream.read().await? {
        let command = Command::parse(&text);
        let reply = visit.answer(&command, stream).await?;
        stream.write(&reply.octets).await?;
        if reply.closes {
            break;
        }
    }
    Ok(())
}

impl DemoSession {
    pub(super) fn new(server: Arc<DemoServer>) -> Self {
        Self {
            server,
            user: None,
            inside: None,
        }
    }

    /// `io` with this server's bounds on lines and idleness.
    pub(super) fn stream<S: AsyncRead>(&self, io: S) -> Lines<S> {
        Lines {
            io: BufReader::new(io),
            idle_timeout: self.server.options().idle_timeout,
        }
    }

    /// Closes the stream and lets the lock go as one act: a client that sees the end of its
    /// connection finds the maildrop free, unless the lock lingers.
    pub(super) fn end_with<S>(mut self, stream: Lines<S>) {
        let server = Arc::clone(&self.server);
        let mut store = server.store();
        drop(stream);
        self.leave(&mut store);
    }

    fn leave(&mut self, store: &mut Store) {
        if let Some((login, _)) = self.inside.take() {
            store.leave(&login, self.server.options().linger, Instant::now());
        }
    }

    async fn answer<S>(&mut self, command: &Command<'_>, stream: &mut Lines<S>) -> io::Result<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.is_withheld(&command.verb) {
            return Ok(Reply::line("-ERR Unknown command"));
        }
        Ok(match (command.verb.as_str(), &mut self.inside) {
            ("CAPA", _) => self.capabilities(),
            ("QUIT", _) => self.quit(),
            (_, Some((_, transaction))) => Reply::go_on(transaction.answer(command)),
            ("USER", None) => self.user(command.argument),
            ("PASS", None) => self.pass(command.argument).await,
            ("AUTH", None) => self.auth(command.argument, stream).await?,
            (_, None) => Reply::line("-ERR Log in first"),
        })
    }

    /// Left out of CAPA by the options, and so not done.
    fn is_withheld(&self, verb: &str) -> bool {
        let capability = match verb {
            "TOP" | "UIDL" => verb,
            "USER" | "PASS" => "USER",
            "AUTH" => "SASL PLAIN",
            _ => return false,
        };
        !self.server.offers(capability)
    }

    fn capabilities(&self) -> Reply {
        let listed = &self.server.options().capabilities;
        if listed.is_empty() {
            return Reply::line("-ERR Unknown command");
        }
        Reply::line(format!("+OK\r\n{}\r\n.", listed.join("\r\n")))
    }

    fn user(&mut self, name: &[u8]) -> Reply {
        self.user = Some(String::from_utf8_lossy(name).into_owned());
        Reply::line("+OK")
    }

    async fn pass(&mut self, password: &[u8]) -> Reply {
        match self.user.take() {
            Some(user) => self.log_in(&user, password).await,
            None => Reply::line("-ERR USER first"),
        }
    }

    /// AUTH PLAIN, with an initial response or without (RFC 5034 section 4).
    async fn auth<S>(&mut self, argument: &[u8], stream: &mut Lines<S>) -> io::Result<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let command = Command::parse(argument);
        if command.verb != "PLAIN" {
            return Ok(Reply::line("-ERR Unknown mechanism"));
        }
        let mut response = Zeroizing::new(command.argument.to_vec());
        if response.is_empty() {
            stream.write(b"+ \r\n").await?;
            match stream.read().await? {
                Some(text) => response = text,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        if response.as_slice() == b"*" {
            return Ok(Reply::line("-ERR Cancelled"));
        }
        Ok(self.auth_plain(&response).await)
    }

    async fn auth_plain(&mut self, response: &[u8]) -> Reply {
        let Ok(decoded) = STANDARD.decode(response).map(Zeroizing::new) else {
            return Reply::line("-ERR Not base64");
        };
        let mut parts = decoded.splitn(3, |&b| b == 0);
        let (Some(authorize), Some(name), Some(password)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Reply::line("-ERR Not a PLAIN response");
        };
        if !authorize.is_empty() && authorize != name {
            return self.wrong_password();
        }
        let user = String::from_utf8_lossy(name).into_owned();
        self.log_in(&user, password).await
    }

    async fn log_in(&mut self, user: &str, password: &[u8]) -> Reply {
        let server = Arc::clone(&self.server);
        let options = server.options();
        if !options.login_delay.is_zero() {
            tokio::time::sleep(options.login_delay).await;
        }
        if !server.password_is_right(user, password) {
            return self.wrong_password();
        }
        let mut store = server.store();
        // Not before the store is ours: who leaves it at that moment must have left before.
        let now = Instant::now();
        let entered = store.enter(user, server.initial(), options.locking, now);
        drop(store);
        match entered {
            Ok((login, messages)) => {
                let count = messages.len();
                self.inside = Some((login, Transaction::new(messages)));
                Reply::line(format!("+OK Maildrop has {count} messages"))
            }
            Err(EntryRefused::Locked) => Reply {
                octets: line(&options.refusal),
                closes: options.close_after_refusal,
            },
            Err(EntryRefused::TooManyMaildrops) => {
                Reply::line("-ERR [SYS/TEMP] Too many maildrops")
            }
        }
    }

    fn wrong_password(&self) -> Reply {
        self.server.store().log.counts.auth_failures += 1;
        Reply::line("-ERR [AUTH] Authentication failed")
    }

    fn quit(&mut self) -> Reply {
        let mut said = "+OK Bye".to_owned();
        if let Some((login, transaction)) = &mut self.inside {
            let deleted = transaction.deleted();
            self.server.store().update(login, &deleted);
            said = format!("+OK Bye, {} messages deleted", deleted.len());
        }
        Reply {
            octets: line(said),
            closes: true,
        }
    }
}

impl Drop for DemoSession {
    fn drop(&mut self) {
        if self.inside.is_some() {
            let server = Arc::clone(&self.server);
            self.leave(&mut server.store());
        }
    }
}

impl Reply {
    fn line(text: impl std::fmt::Display) -> Self {
        Self::go_on(line(text))
    }

    fn go_on(octets: Vec<u8>) -> Self {
        Self {
            octets,
            closes: false,
        }
    }
}

/// A stream of bounded lines. Lines may hold passwords, so each is wiped after use.
pub(super) struct Lines<S> {
    io: BufReader<S>,
    idle_timeout: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    /// The next line without its end; none at EOF, where an unfinished line is dropped.
    async fn read(&mut self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(64));
        let mut bounded = (&mut self.io).take(SASL_LINE_MAX as u64);
        timeout(self.idle_timeout, bounded.read_until(b'\n', &mut text)).await??;
        if text.pop_if(|b| *b == b'\n').is_some() {
            text.pop_if(|b| *b == b'\r');
            return Ok(Some(text));
        }
        if text.len() == SASL_LINE_MAX {
            self.write(b"-ERR Line too long\r\n").await?;
        }
        Ok(None)
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        timeout(self.idle_timeout, async {
            self.io.write_all(octets).await?;
            self.io.flush().await
        })
        .await?
    }
}
