//! The AUTHORIZATION state (RFC 1939 section 4, RFC 2449, 2595, 5034): until somebody says who
//! it is and with which password.
//!
//! Everything said here popgate says itself; nothing reaches a backend.

use super::client::{Client, NoLine};
use super::record::Record;
use super::{Greeted, Identified, greet};
use crate::gate::{Context, Phase};
use crate::ids::UserName;
use crate::limits;
use crate::net::TlsMode;
use crate::observe::event::EndCause;
use crate::policy::attempt::{LoginAttempt, Proof};
use crate::policy::tenant::{Cleartext, LoginPolicy};
use crate::pop3::capability::{self, LoginDelay, Offer};
use crate::pop3::command::AuthorizationCommand;
use crate::pop3::line::Line;
use crate::pop3::sasl::{Credentials, Mechanism, SaslServer, SaslStep};
use crate::secret::Secret;
use crate::time::Instant;
use std::sync::Arc;

const GOODBYE: &[u8] = b"+OK Goodbye\r\n";
/// The last words to a client that is closed: each of its commands has its answer, and another line
/// would be taken for the answer to the next one (RFC 1939 section 3 says so of time-outs).
const NO_WORDS: &[u8] = b"";
const NEEDS_TLS: &str = "-ERR Encryption is required here, use STLS or the POP3S port";

/// Answers commands until the client has said name and password, quits, leaves, or has used up its
/// [`LoginBudget`](super::client::LoginBudget).
pub(super) async fn authorize(
    cx: &Context,
    record: &mut Record,
    greeted: Greeted,
) -> Result<Box<Identified>, EndCause> {
    let mut dialogue = Dialogue {
        cx,
        record,
        client: greeted.client,
        user: None,
    };
    // On the way in: each refused login comes back here, and has its answer.
    if dialogue.client.login_budget.attempts >= limits::LOGIN_ATTEMPTS_MAX {
        dialogue.farewell(NO_WORDS).await;
        return Err(EndCause::TooManyLogins);
    }
    loop {
        let sent_ahead = dialogue.client.has_whole_line();
        let line = match dialogue.client.line().await {
            Ok(line) => line,
            Err(NoLine::Eof) => return Err(EndCause::LeftBeforeLogin),
            Err(NoLine::TooLate) => {
                dialogue.farewell(NO_WORDS).await;
                return Err(EndCause::LoginTimeout);
            }
        };
        dialogue.record.summary.commands += 1;
        match dialogue.line(line, sent_ahead).await? {
            Said::More(next) => dialogue = next,
            Said::Login(dialogue, credentials) => return dialogue.identified(credentials),
        }
        if dialogue.client.login_budget.bad_commands >= limits::BAD_COMMANDS_MAX {
            dialogue.farewell(NO_WORDS).await;
            return Err(EndCause::TooManyBadCommands);
        }
    }
}

/// The state between two commands: the name that USER gave.
struct Dialogue<'a> {
    cx: &'a Context,
    record: &'a mut Record,
    client: Client,
    user: Option<UserName>,
}

/// What a command leads to. The dialogue goes through it by value, since STLS consumes the
/// connection and QUIT ends it.
enum Said<'a> {
    /// The command is answered, and the next one may come.
    More(Dialogue<'a>),
    /// Name and password are complete; the answer depends on rules, lock and backend.
    Login(Dialogue<'a>, Credentials),
}

impl<'a> Dialogue<'a> {
    async fn line(self, line: Line, sent_ahead: bool) -> Result<Said<'a>, EndCause> {
        let text = match line {
            Line::Text(text) => text,
            Line::TooLong => return self.bad("-ERR Line too long").await,
            Line::Malformed => return self.binary().await,
        };
        self.record.commanded(&text, sent_ahead);
        let command = match AuthorizationCommand::parse(&text) {
            Ok(command) => command,
            Err(error) => return self.bad(&format!("-ERR {error}")).await,
        };
        match command {
            AuthorizationCommand::User(user) => self.user(user).await,
            AuthorizationCommand::Pass(password) => self.pass(password).await,
            AuthorizationCommand::Auth { mechanism, initial } => {
                self.auth(&mechanism, initial).await
            }
            AuthorizationCommand::AuthList => self.auth_list().await,
            AuthorizationCommand::Capa => self.capa().await,
            AuthorizationCommand::Stls => self.stls().await,
            AuthorizationCommand::Quit => {
                self.farewell(GOODBYE).await;
                Err(EndCause::QuitBeforeLogin)
            }
            AuthorizationCommand::Apop => self.no_login("-ERR APOP is not offered here").await,
            AuthorizationCommand::Noop | AuthorizationCommand::TransactionOnly(_) => {
                self.bad("-ERR Log in first").await
            }
            AuthorizationCommand::Unknown => self.unknown(&text).await,
        }
    }

    /// The end is decided, and no kick changes it any more.
    async fn farewell(self, last_words: &[u8]) {
        self.record.enter(Phase::Closing);
        self.client.farewell(last_words).await;
    }

    async fn user(mut self, user: UserName) -> Result<Said<'a>, EndCause> {
        // At USER already: a refusal of PASS would come when the password went in clear.
        if !self.may_log_in_as(&user) {
            return self.no_login(NEEDS_TLS).await;
        }
        self.user = Some(user);
        self.say("+OK Send PASS").await
    }

    async fn pass(mut self, password: Secret) -> Result<Said<'a>, EndCause> {
        // Used up by one PASS: a new try begins with USER (RFC 1939 section 7).
        match self.user.take() {
            Some(user) => Ok(Said::Login(self, Credentials::of_user(user, password))),
            None => self.no_login("-ERR Send USER first").await,
        }
    }

    /// RFC 5034. The mechanism's exchange ends in a login, or in a refusal of popgate's own.
    async fn auth(
        mut self,
        mechanism: &str,
        initial: Option<Secret>,
    ) -> Result<Said<'a>, EndCause> {
        // The name comes later: until then the listener's policy decides.
        if !self.may_log_in(&self.listener_policy()) {
            return self.no_login(NEEDS_TLS).await;
        }
        let Some(mechanism) = Mechanism::parse(mechanism) else {
            return self.no_login("-ERR Mechanism not offered, use PLAIN").await;
        };
        let (mut server, mut step) = SaslServer::start(mechanism, initial.as_ref());
        loop {
            match step {
                SaslStep::Challenge(challenge) => {
                    let line = self.challenge(challenge).await?;
                    let Line::Text(text) = line else {
                        return self.no_login("-ERR Malformed response").await;
                    };
                    step = server.respond(&text);
                }
                SaslStep::Done(credentials) => return self.sasl_done(credentials).await,
                SaslStep::Cancelled => return self.say("-ERR Cancelled").await,
                SaslStep::Malformed => return self.no_login("-ERR Malformed response").await,
            }
        }
    }

    async fn sasl_done(self, credentials: Credentials) -> Result<Said<'a>, EndCause> {
        if self.may_log_in_as(credentials.maildrop()) {
            Ok(Said::Login(self, credentials))
        } else {
            self.no_login(NEEDS_TLS).await
        }
    }

    async fn challenge(&mut self, challenge: &str) -> Result<Line, EndCause> {
        if self
            .client
            .reply(format!("+ {challenge}\r\n").as_bytes())
            .await
            .is_err()
        {
            return Err(EndCause::LeftBeforeLogin);
        }
        match self.client.sasl_line().await {
            Ok(line) => Ok(line),
            Err(NoLine::Eof) => Err(EndCause::LeftBeforeLogin),
            Err(NoLine::TooLate) => Err(EndCause::LoginTimeout),
        }
    }

    /// Bare AUTH: the mechanisms, as old Outlook and mutt ask for them.
    async fn auth_list(self) -> Result<Said<'a>, EndCause> {
        let may = self.may_log_in(&self.listener_policy());
        self.say(if may { "+OK\r\nPLAIN\r\n." } else { "+OK\r\n." })
            .await
    }

    async fn capa(self) -> Result<Said<'a>, EndCause> {
        let reply =
            capability::client_reply(&self.cx.offered(), offer(self.cx, &self.client, None));
        self.send(&reply).await
    }

    /// RFC 2595 section 4. Everything said before the handshake is forgotten, and a byte that came
    /// early ends the session: it was sent in clear, perhaps by another.
    async fn stls(mut self) -> Result<Said<'a>, EndCause> {
        if self.client.peer.tls != TlsMode::Stls || self.client.conn.is_tls() {
            return self.bad("-ERR STLS is not available").await;
        }
        if !self.client.conn.input.is_empty() {
            return Err(EndCause::BytesBehindStls);
        }
        if self.client.reply(b"+OK Begin TLS\r\n").await.is_err() {
            return Err(EndCause::LeftBeforeLogin);
        }
        let Client {
            conn,
            peer,
            login_budget,
            ..
        } = self.client;
        let conn = greet::accept_tls(self.cx, self.record, conn).await?;
        self.client = Client::new(self.record.handle(), conn, peer, login_budget);
        // A name that came in plaintext may be another's (RFC 2595 section 4).
        self.user = None;
        Ok(Said::More(self))
    }

    /// The one place where a login is made.
    fn identified(self, credentials: Credentials) -> Result<Box<Identified>, EndCause> {
        let asked = Instant::now();
        let settings = self.cx.settings();
        let login = credentials.maildrop().clone();
        let identity = self.client.identify(&login, &settings);
        let tag = self
            .cx
            .tag_key
            .tag(&identity.key, &credentials.user, &credentials.password);
        let policy = Arc::clone(identity.policy);
        // RFC 5034's exchanges that answer a challenge of the backend's are not offered.
        let mut proof = Proof::Replayable(credentials);
        proof.read_by(&policy);
        let attempt = Arc::new(LoginAttempt {
            session: self.record.session(),
            client: self.client.peer.client,
            trusted: self.client.peer.trusted,
            login,
            key: identity.key,
            policy,
            tag,
            standing: self.cx.admission.standing(tag, asked),
            asked,
        });
        self.record.login_began(&attempt);
        Ok(Box::new(Identified {
            client: self.client,
            attempt,
            proof,
            settings,
        }))
    }

    /// Whether a login of this name may send its password here.
    fn may_log_in_as(&self, login: &UserName) -> bool {
        let settings = self.cx.settings();
        let server_name = self.client.conn.server_name();
        // Not `identify`: a stranger who repeats USER must not have all alias rules run each time.
        let policy = settings
            .tenants
            .resolve(login, server_name, &self.client.peer.listener);
        self.may_log_in(policy)
    }

    fn listener_policy(&self) -> Arc<LoginPolicy> {
        listener_policy(self.cx, &self.client)
    }

    fn may_log_in(&self, policy: &LoginPolicy) -> bool {
        may_log_in(&self.client, policy)
    }

    /// Answers a bad command and counts it; not behind a login that did not succeed, where it was
    /// sent ahead in the belief that it would: time alone bounds those ([`limits::BEFORE_LOGIN`]).
    async fn bad(mut self, reply: &str) -> Result<Said<'a>, EndCause> {
        if !self.record.is_excused() {
            self.client.login_budget.bad_commands += 1;
        }
        self.say(reply).await
    }

    /// Refuses a login before it is complete, or says that there can be none this way.
    async fn no_login(self, reply: &str) -> Result<Said<'a>, EndCause> {
        let next = self.bad(reply).await?;
        Ok(next.excused())
    }

    /// An HTTP request, as a health check or a browser sends it, has a line for each of its header
    /// fields: it is closed, but it is no abuse that would block the address.
    async fn unknown(self, line: &[u8]) -> Result<Said<'a>, EndCause> {
        let next = self.bad("-ERR Unknown command").await?;
        Ok(if is_http(line) { next.excused() } else { next })
    }

    /// A line with octets that no POP3 command has. Where nothing of POP3 came before, it is
    /// another protocol: mostly TLS on a plaintext port, whose first message has any number of line
    /// ends.
    async fn binary(self) -> Result<Said<'a>, EndCause> {
        let all_bad = u64::from(self.client.login_budget.bad_commands) + 1;
        let is_foreign = self.record.summary.commands == all_bad;
        let next = self.bad("-ERR Line holds a NUL or a stray CR").await?;
        Ok(if is_foreign { next.excused() } else { next })
    }

    async fn say(self, reply: &str) -> Result<Said<'a>, EndCause> {
        let line = format!("{reply}\r\n");
        self.send(line.as_bytes()).await
    }

    async fn send(mut self, reply: &[u8]) -> Result<Said<'a>, EndCause> {
        match self.client.reply(reply).await {
            Ok(()) => Ok(Said::More(self)),
            Err(_) => Err(EndCause::LeftBeforeLogin),
        }
    }
}

impl Said<'_> {
    /// What follows does not count against the client's address.
    fn excused(mut self) -> Self {
        let (Self::More(dialogue) | Self::Login(dialogue, _)) = &mut self;
        dialogue.record.excuse();
        self
    }
}

/// Whether `line` is the first one of an HTTP request (RFC 9112 section 3).
fn is_http(line: &[u8]) -> bool {
    let last = line.rsplit(|&octet| octet == b' ').next();
    last.is_some_and(|version| version.starts_with(b"HTTP/"))
}

/// What CAPA offers to this client beside the backend's own: the same before and after login, but
/// for the time between two logins, which is `policy`'s once a login is known.
pub(super) fn offer(cx: &Context, client: &Client, policy: Option<&LoginPolicy>) -> Offer {
    let longest = cx.settings().tenants.login_delay();
    let login_delay = longest.map(|longest| match policy {
        None => LoginDelay::Longest {
            seconds: longest.as_secs(),
        },
        Some(policy) => LoginDelay::Exact {
            seconds: policy.login_delay().unwrap_or_default().as_secs(),
        },
    });
    Offer {
        login_delay,
        stls: client.peer.tls == TlsMode::Stls && !client.conn.is_tls(),
        password: may_log_in(client, &listener_policy(cx, client)),
    }
}

/// The limits of a client that has said no name yet.
fn listener_policy(cx: &Context, client: &Client) -> Arc<LoginPolicy> {
    let server_name = client.conn.server_name();
    let settings = cx.settings();
    Arc::clone(
        settings
            .tenants
            .of_listener(server_name, &client.peer.listener),
    )
}

/// No password goes over plaintext, unless the policy or a trusted network allows it.
fn may_log_in(client: &Client, policy: &LoginPolicy) -> bool {
    client.conn.is_tls()
        || match policy.cleartext {
            Cleartext::Never => false,
            Cleartext::Trusted => client.peer.trusted,
            Cleartext::Always => true,
        }
}
