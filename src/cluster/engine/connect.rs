//! A connection to one server of the engine.

use crate::cluster::protocol::{EngineReply, GateId, Push};
use crate::limits::{CLUSTER_CALL, CLUSTER_CONNECT};
use crate::net::tls::{Connector, TlsError};
use crate::net::{Dial, Io};
use crate::secret::Secret;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisError, RedisResult, Value,
};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How the engine is reached.
#[derive(Clone)]
pub struct EngineOptions {
    /// The engine's address, or the Sentinels' where there is a `master`.
    pub nodes: Vec<String>,
    /// What the Sentinels call the primary.
    pub master: Option<String>,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Who may have signed the certificates; `None`: whom the system trusts.
    pub ca: Option<PathBuf>,
    /// The user of the access control list.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<Secret>,
    /// What all names begin with.
    pub prefix: String,
    /// This start of this gate.
    pub gate: GateId,
}

/// Why there is no connection. All are the engine's fault, or the network's, or the operator's.
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
}

/// A connection, which ends when it is dropped.
pub(super) struct Connection {
    pub(super) calls: MultiplexedConnection,
    /// Cancelled when the server has ended it.
    pub(super) ended: CancellationToken,
    _driver: DropGuard,
}

impl Connection {
    /// `driver` runs until the server ends the connection, or this is dropped.
    fn driven(
        calls: MultiplexedConnection,
        driver: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let ended = CancellationToken::new();
        let stop = CancellationToken::new();
        let has_ended = ended.clone();
        let is_dropped = stop.clone();
        tokio::spawn(async move {
            is_dropped.run_until_cancelled(driver).await;
            has_ended.cancel();
        });
        Self {
            calls,
            ended,
            _driver: stop.drop_guard(),
        }
    }
}

/// Whom pushes of a connection are for.
type PushSink = Arc<dyn Fn(Push) + Send + Sync>;

/// Connects to `address` and logs in. `pushes`: who hears what comes unasked.
pub(super) async fn connect(
    dial: &dyn Dial,
    options: &EngineOptions,
    address: &str,
    has_user: bool,
    pushes: Option<PushSink>,
) -> Result<Connection, EngineError> {
    let connecting = async {
        let stream = stream(dial, options, address)
            .await
            .map_err(|error| EngineError::unreachable(address, error))?;
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(sink) = pushes {
            config = config.set_push_sender(move |info: PushInfo| {
                if let Some(push) = read_push(info) {
                    sink(push);
                }
                Ok::<(), redis::aio::SendError>(())
            });
        }
        let login = login(has_user.then_some(options));
        let made = MultiplexedConnection::new_with_config(&login, stream, config).await;
        let (calls, driver) =
            made.map_err(|error| EngineError::unusable(address, words(&error)))?;
        Ok(Connection::driven(calls, driver))
    };
    timeout(CLUSTER_CONNECT, connecting)
        .await
        .map_err(|_| EngineError::unreachable(address, "it did not answer in time"))?
}

async fn stream(
    dial: &dyn Dial,
    options: &EngineOptions,
    address: &str,
) -> io::Result<Box<dyn Io>> {
    let io = dial.dial(address).await?;
    if !options.tls {
        return Ok(io);
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let refused = |error: TlsError| io::Error::other(error.to_string());
    let connector = Connector::new(options.ca.as_deref(), host, true).map_err(refused)?;
    let stream = connector.connect(io).await.map_err(refused)?;
    Ok(Box::new(TlsIo(stream)))
}

/// A TLS connection to the engine, of which nobody asks for the socket.
struct TlsIo(tokio_rustls::client::TlsStream<Box<dyn Io>>);

impl Io for TlsIo {}

impl tokio::io::AsyncRead for TlsIo {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl tokio::io::AsyncWrite for TlsIo {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        octets: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
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

/// A message on the gate's channel; anything else is none of popgate's.
fn read_push(info: PushInfo) -> Option<Push> {
    if info.kind != PushKind::Message {
        return None;
    }
    match info.data.into_iter().nth(1)? {
        Value::BulkString(message) => Push::read(&message),
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
        Ok(Err(error)) => Err(EngineError::unusable(address, words(&error))),
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

/// As the scripts' answers are read.
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

/// What `INFO` says under this name.
pub(super) fn info<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .map(str::trim)
}
