//! One connection: greeting, AUTHORIZATION, TRANSACTION, UPDATE (RFC 1939 section 3). What commands
//! mean and what is answered to them after login is [`crate::pop3`]'s; here are the stream, the
//! logins and the moods of [`DemoOptions`](super::server::DemoOptions).

use super::server::DemoServer;
use super::store::{EntryRefused, MaildropSnapshot, OpenMaildrop, Store};
use crate::limits::SASL_LINE_MAX;
use crate::pop3::command::AuthorizationCommand;
use crate::pop3::keyword::Keyword;
use crate::pop3::line::{Line, LineReader};
use crate::pop3::listing::MessageNumber;
use crate::pop3::reply::reply_line;
use crate::pop3::sasl::{Credentials, Mechanism, SaslServer, SaslStep};
use crate::pop3::transaction::{Maildrop, Transaction, TransactionCommand, TransactionStep};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What one connection has become; dropping it leaves the maildrop, without UPDATE.
pub(super) struct DemoSession {
    server: Arc<DemoServer>,
    user: Option<String>,
    inside: Option<(OpenMaildrop, Transaction<MaildropSnapshot>)>,
}

/// A reply, and whether the server closes after it.
struct Reply {
    octets: Vec<u8>,
    closes: bool,
}

/// Talks until either side ends it; an error is a client that is gone.
pub(super) async fn converse<S>(
    session: &mut DemoSession,
    stream: &mut LineStream<S>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream
        .write(b"+OK popgate demo POP3 server ready\r\n")
        .await?;
    while let Some(line) = stream.read().await? {
        let reply = match line {
            Line::Text(text) => session.answer(&text, stream).await?,
            Line::Malformed => Reply::line("-ERR Malformed line"),
            // Who has sent so much without an end does not speak POP3.
            Line::TooLong => Reply::line("-ERR Line too long").and_close(),
        };
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
    pub(super) fn stream<S: AsyncRead>(&self, io: S) -> LineStream<S> {
        LineStream {
            io,
            input: BytesMut::new(),
            lines: LineReader::new(),
            idle_timeout: self.server.options().idle_timeout,
        }
    }

    /// Closes the stream and lets the lock go as one act: a client that sees the end of its
    /// connection finds the maildrop free, unless the lock lingers.
    pub(super) fn end_with<S>(mut self, stream: LineStream<S>) {
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

    async fn answer<S>(&mut self, line: &[u8], stream: &mut LineStream<S>) -> io::Result<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let keyword = Keyword::of_line(line);
        if self.is_withheld(keyword) {
            return Ok(Reply::line("-ERR Unknown command"));
        }
        if keyword == Keyword::Capa {
            return Ok(self.capabilities());
        }
        if let Some((login, transaction)) = &mut self.inside {
            if let Ok(TransactionCommand::Retr(number)) = TransactionCommand::parse(line)
                && number.index() < transaction.maildrop().messages()
            {
                login
                    .fetched
                    .extend(transaction.maildrop().unique_ids(&[number]));
            }
            return Ok(match transaction.answer(line) {
                TransactionStep::Reply(octets) => Reply::go_on(octets),
                TransactionStep::Update(marked) => self.update(&marked),
            });
        }
        let command = match AuthorizationCommand::parse(line) {
            Ok(command) => command,
            Err(error) => return Ok(Reply::line(format!("-ERR {error}"))),
        };
        Ok(match command {
            AuthorizationCommand::User(name) => self.user(name.as_bytes()),
            AuthorizationCommand::Pass(password) => self.pass(&password).await,
            AuthorizationCommand::Auth { mechanism, initial } => {
                self.auth(&mechanism, initial.as_ref(), stream).await?
            }
            AuthorizationCommand::AuthList => Reply::line("-ERR Unknown mechanism"),
            AuthorizationCommand::Quit => Reply::line("+OK Bye").and_close(),
            _ => Reply::line("-ERR Log in first"),
        })
    }

    /// Left out of CAPA by the options, and so not done.
    fn is_withheld(&self, keyword: Keyword) -> bool {
        let capability = match keyword {
            Keyword::Top => "TOP",
            Keyword::Uidl => "UIDL",
            Keyword::User | Keyword::Pass => "USER",
            Keyword::Auth => "SASL PLAIN",
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

    async fn pass(&mut self, password: &Secret) -> Reply {
        // A refused PASS needs a new USER (RFC 1939 section 7).
        match self.user.take() {
            Some(user) => self.log_in(&user, password).await,
            None => Reply::line("-ERR USER first"),
        }
    }

    /// AUTH PLAIN, with an initial response or without (RFC 5034 section 4).
    async fn auth<S>(
        &mut self,
        mechanism: &str,
        initial: Option<&Secret>,
        stream: &mut LineStream<S>,
    ) -> io::Result<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(mechanism @ Mechanism::Plain) = Mechanism::parse(mechanism) else {
            return Ok(Reply::line("-ERR Unknown mechanism"));
        };
        let (mut exchange, mut step) = SaslServer::start(mechanism, initial);
        loop {
            match step {
                SaslStep::Challenge(challenge) => {
                    stream.write(&reply_line(format!("+ {challenge}"))).await?;
                    step = match stream.read().await? {
                        Some(Line::Text(response)) => exchange.respond(&response),
                        Some(Line::TooLong | Line::Malformed) => SaslStep::Malformed,
                        None => return Err(io::ErrorKind::UnexpectedEof.into()),
                    };
                }
                SaslStep::Done(credentials) => return Ok(self.auth_plain(&credentials).await),
                SaslStep::Cancelled => return Ok(Reply::line("-ERR Cancelled")),
                SaslStep::Malformed => return Ok(Reply::line("-ERR Not a PLAIN response")),
            }
        }
    }

    async fn auth_plain(&mut self, credentials: &Credentials) -> Reply {
        // Nobody here may open another's maildrop.
        if credentials.is_anothers {
            return self.wrong_password();
        }
        let user = String::from_utf8_lossy(credentials.user.as_bytes());
        self.log_in(&user, &credentials.password).await
    }

    async fn log_in(&mut self, user: &str, password: &Secret) -> Reply {
        let server = Arc::clone(&self.server);
        let options = server.options();
        // Before the password is looked at, as on servers that ask a slow directory.
        if !options.login_delay.is_zero() {
            tokio::time::sleep(options.login_delay).await;
        }
        if !server.password_is_right(user, password.expose()) {
            return self.wrong_password();
        }
        let mut store = server.store();
        // Not before the store is ours: who leaves it at that moment must have left before.
        let now = Instant::now();
        let entered = store.enter(user, server.initial(), options.locking, now);
        drop(store);
        match entered {
            Ok((login, messages)) => {
                let count = messages.messages();
                self.inside = Some((login, Transaction::new(messages)));
                Reply::line(format!("+OK Maildrop has {count} messages"))
            }
            Err(EntryRefused::Locked) => Reply {
                octets: reply_line(&options.refusal),
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

    /// The UPDATE state: what is marked is removed.
    fn update(&mut self, marked: &[MessageNumber]) -> Reply {
        if let Some((login, transaction)) = &mut self.inside {
            let deleted = transaction.maildrop().unique_ids(marked);
            self.server.store().update(login, &deleted);
        }
        Reply::line(format!("+OK Bye, {} messages deleted", marked.len())).and_close()
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
        Self::go_on(reply_line(text))
    }

    fn go_on(octets: Vec<u8>) -> Self {
        Self {
            octets,
            closes: false,
        }
    }

    fn and_close(self) -> Self {
        Self {
            closes: true,
            ..self
        }
    }
}

/// A stream of bounded lines.
pub(super) struct LineStream<S> {
    io: S,
    input: BytesMut,
    lines: LineReader,
    idle_timeout: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LineStream<S> {
    /// The next line; none at EOF, where an unfinished line is dropped.
    async fn read(&mut self) -> io::Result<Option<Line>> {
        timeout(self.idle_timeout, async {
            loop {
                if let Some(line) = self.lines.next(&mut self.input, SASL_LINE_MAX) {
                    return Ok(Some(line));
                }
                if self.lines.in_overlong_line() {
                    return Ok(Some(Line::TooLong));
                }
                if self.io.read_buf(&mut self.input).await? == 0 {
                    return Ok(None);
                }
            }
        })
        .await?
    }

    async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        timeout(self.idle_timeout, async {
            self.io.write_all(octets).await?;
            self.io.flush().await
        })
        .await?
    }
}
