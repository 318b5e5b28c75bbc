//! A connection to one server of the engine.

use super::findings::access_remedy;
use super::stream::stream;
use crate::cluster::protocol::{EngineReply, ExcessiveReply, GateId};
use crate::limits::{CLUSTER_CALL, CLUSTER_CONNECT};
use crate::net::Dial;
use crate::net::tls::Authorities;
use crate::secret::Secret;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisError, RedisResult, Value, cmd,
};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Errors of a server that knows the gate, or does not, and denies it something.
const DENIALS: [&str; 3] = ["NOPERM", "NOAUTH", "WRONGPASS"];

/// It reads what it kept over its restart.
const LOADING: &str = "LOADING";
/// It runs a script that takes long.
const BUSY: &str = "BUSY";

/// How the engine is reached.
#[derive(Clone)]
pub struct EngineOptions {
    /// The engine's address, or the Sentinels' where there is a `master`.
    pub nodes: Vec<String>,
    /// What the Sentinels call the primary.
    pub master: Option<String>,
    /// Who may have signed the certificates, as of now; `None`: no TLS is spoken.
    pub tls: Option<watch::Receiver<Authorities>>,
    /// The user of the access control list.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
    /// What all names begin with.
    pub prefix: String,
    /// This start of this gate.
    pub gate: GateId,
}

/// Why there is no connection, or no answer. All are the engine's fault, or the network's, or the
/// operator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It cannot be reached.
    #[error("{address}: {why}")]
    Unreachable {
        /// Which server.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// It ends the connection instead of an answer.
    #[error("{address}: it ended the connection before it answered")]
    Closed {
        /// Which server.
        address: String,
    },
    /// It answers nobody now, and will soon.
    #[error("{address}: {why}")]
    Busy {
        /// Which server.
        address: String,
        /// In its words, the code in front.
        why: String,
    },
    /// It answers, and not as a primary does that popgate may use.
    #[error("{address}: {why}")]
    Unusable {
        /// Which server.
        address: String,
        /// What is wrong.
        why: String,
    },
    /// Not enough Sentinels agree who is the primary.
    #[error(
        "of {asked} Sentinels {agree} name the same primary for `{master}`; {needed} are needed"
    )]
    NoMajority {
        /// What it is called.
        master: String,
        /// How many are configured.
        asked: usize,
        /// How many of them agree at most.
        agree: usize,
        /// How many must.
        needed: usize,
    },
}

impl EngineError {
    pub(super) fn unreachable(address: &str, why: impl fmt::Display) -> Self {
        Self::Unreachable {
            address: address.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn unusable(address: &str, why: impl fmt::Display) -> Self {
        Self::Unusable {
            address: address.to_owned(),
            why: why.to_string(),
        }
    }

    /// From what the client says, and the words for it.
    fn of_client(address: &str, error: &RedisError, why: String) -> Self {
        if error.is_connection_dropped() {
            let address = address.to_owned();
            return Self::Closed { address };
        }
        if error.is_io_error() {
            return Self::unreachable(address, why);
        }
        match error.code() {
            Some(LOADING | BUSY) => Self::Busy {
                address: address.to_owned(),
                why,
            },
            _ => Self::unusable(address, why),
        }
    }

    /// Whether the server answers and does not let the gate in, or not do what it must.
    pub(super) fn is_denial(&self) -> bool {
        matches!(self, Self::Unusable { why, .. } if is_denial(why))
    }

    /// What the operator may do about it.
    pub(super) fn remedy(&self, options: &EngineOptions) -> String {
        let told = match self {
            Self::Unreachable { .. } if options.tls.is_some() => {
                "start it, or correct nodes, tls and ca of [cluster]"
            }
            Self::Unreachable { .. } => "start it, or correct nodes of [cluster]",
            Self::Closed { .. } if options.tls.is_none() => {
                "if it speaks TLS alone, try tls = true in [cluster]; else its log says why"
            }
            Self::Closed { .. } => "its log says why; clients need no certificate of their own",
            Self::Busy { why, .. } if why.starts_with(LOADING) => {
                "wait until it has loaded what it keeps"
            }
            Self::Busy { .. } => "wait until that script has ended, or end it with SCRIPT KILL",
            Self::NoMajority { .. } => {
                "start the Sentinels, or correct nodes and master of [cluster]"
            }
            Self::Unusable { why, .. } if why.contains("NOPERM") => {
                return access_remedy(options.username.as_deref(), &options.prefix);
            }
            Self::Unusable { why, .. }
                if ["WRONGPASS", "NOAUTH"].iter().any(|it| why.contains(it)) =>
            {
                "correct username and password_file of [cluster]"
            }
            Self::Unusable { .. } => {
                "name in nodes of [cluster] the primary of a Redis 6.2 or later, or of a Valkey"
            }
        };
        told.to_owned()
    }
}

/// A connection, which ends when it is dropped.
pub(super) struct Connection {
    pub(super) calls: MultiplexedConnection,
    /// Cancelled when it has ended.
    pub(super) ended: CancellationToken,
    excess: Arc<OnceLock<ExcessiveReply>>,
    _driver: DropGuard,
}

impl Connection {
    /// `driver` runs until the server ends the connection, or this is dropped.
    fn driven(
        calls: MultiplexedConnection,
        excess: Arc<OnceLock<ExcessiveReply>>,
        driver: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let ended = CancellationToken::new();
        let stop = CancellationToken::new();
        let has_ended = ended.clone().drop_guard();
        let is_dropped = stop.clone();
        tokio::spawn(async move {
            let _has_ended = has_ended;
            is_dropped.run_until_cancelled(driver).await;
        });
        Self {
            calls,
            ended,
            excess,
            _driver: stop.drop_guard(),
        }
    }

    /// Why it has ended.
    pub(super) fn why_ended(&self, address: &str) -> String {
        match self.excess.get() {
            Some(excess) => format!("{address}: {excess}"),
            None => format!("{address} ended the connection"),
        }
    }
}

/// Whom messages of channels are for that a connection is subscribed to.
pub(super) type MessageSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Connects to `address` and logs in. `messages`: who hears what comes unasked.
pub(super) async fn connect(
    dial: &dyn Dial,
    options: &EngineOptions,
    address: &str,
    has_user: bool,
    messages: Option<MessageSink>,
) -> Result<Connection, EngineError> {
    let connecting = async {
        let excess = Arc::default();
        let stream = stream(dial, options, address, Arc::clone(&excess))
            .await
            .map_err(|error| EngineError::unreachable(address, error))?;
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(sink) = messages {
            config = config.set_push_sender(move |info: PushInfo| {
                if let Some(message) = message(&info) {
                    sink(message);
                }
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let login = login(has_user.then_some(options));
        let made = MultiplexedConnection::new_with_config(&login, stream, config).await;
        let (calls, driver) = made.map_err(|error| match excess.get() {
            Some(excess) => EngineError::unusable(address, excess),
            None => EngineError::of_client(address, &error, login_words(&error)),
        })?;
        Ok(Connection::driven(calls, excess, driver))
    };
    timeout(CLUSTER_CONNECT, connecting)
        .await
        .map_err(|_| EngineError::unreachable(address, "it did not answer in time"))?
}

/// Version 3 of the protocol: pushes come between answers.
fn login(user: Option<&EngineOptions>) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_skip_set_lib_name();
    let Some(options) = user else {
        return login;
    };
    if let Some(username) = &options.username {
        login = login.set_username(username);
    }
    if let Some(password) = &options.password {
        login = login.set_password(String::from_utf8_lossy(password.expose()));
    }
    login
}

/// A message on a channel; confirmations are the client's own.
fn message(info: &PushInfo) -> Option<&[u8]> {
    match info.data.get(1)? {
        Value::BulkString(message) if info.kind == PushKind::Message => Some(message),
        _ => None,
    }
}

/// Sends a command: an error of the server is an answer as well, and is told from one here.
pub(super) async fn send(calls: &mut MultiplexedConnection, command: &Cmd) -> RedisResult<Value> {
    calls.send_packed_command(command).await?.extract_error()
}

/// Asks, with the deadline of every call.
pub(super) async fn ask(
    calls: &mut MultiplexedConnection,
    address: &str,
    command: &Cmd,
) -> Result<EngineReply, EngineError> {
    let answer = timeout(CLUSTER_CALL, send(calls, command));
    match answer.await {
        Ok(Ok(value)) => Ok(reply(value)),
        Ok(Err(error)) => Err(EngineError::of_client(address, &error, words(&error))),
        Err(_) => Err(EngineError::unreachable(
            address,
            "it did not answer in time",
        )),
    }
}

/// An error in the server's words, its code in front.
pub(super) fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        _ => error.to_string(),
    }
}

/// The same of an error to a login. Some servers repeat a command that they do not know, with its
/// arguments, and so with the password.
fn login_words(error: &RedisError) -> String {
    let words = words(error);
    let end = words.find(", with args").unwrap_or(words.len());
    words[..end].to_owned()
}

/// Whether an error says that somebody may not do what he asked for.
pub(super) fn is_denial(why: &str) -> bool {
    DENIALS.iter().any(|code| why.contains(code))
}

/// As the scripts' answers are read: a map is a list of names and values, as in version 2 of the
/// protocol.
pub(super) fn reply(value: Value) -> EngineReply {
    match value {
        Value::Int(value) => EngineReply::Int(value),
        Value::BulkString(octets) => EngineReply::Bytes(octets),
        Value::SimpleString(text) => EngineReply::Bytes(text.into_bytes()),
        Value::VerbatimString { text, .. } => EngineReply::Bytes(text.into_bytes()),
        Value::Okay => EngineReply::Bytes(b"OK".to_vec()),
        Value::Array(list) | Value::Set(list) => {
            EngineReply::List(list.into_iter().map(reply).collect())
        }
        Value::Map(pairs) => {
            let flat = pairs.into_iter().flat_map(|(name, value)| [name, value]);
            EngineReply::List(flat.map(reply).collect())
        }
        _ => EngineReply::Nil,
    }
}

/// The texts of a list.
pub(super) fn texts(reply: EngineReply) -> Vec<String> {
    let EngineReply::List(list) = reply else {
        return Vec::new();
    };
    list.into_iter()
        .filter_map(|it| match it {
            EngineReply::Bytes(octets) => Some(String::from_utf8_lossy(&octets).into_owned()),
            _ => None,
        })
        .collect()
}

/// All that `INFO` says.
pub(super) async fn read_info(
    connection: &mut Connection,
    address: &str,
) -> Result<String, EngineError> {
    match ask(&mut connection.calls, address, &cmd("INFO")).await? {
        EngineReply::Bytes(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        _ => Err(EngineError::unusable(address, "INFO says nothing")),
    }
}

/// What `INFO` says under this name.
pub(super) fn info<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}
