//! How a command talks to a running gate: HTTP/1.1 to its admin port.

use super::serve::runtime;
use super::text::escaped;
use super::{ExitStatus, refuse};
use crate::admin::token::Token;
use crate::config::{AdminOptions, Config};
use crate::limits::{COMMAND_ANSWER_MAX, COMMAND_PATIENCE};
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Which gate, and by whose leave
#[derive(Args, Debug)]
pub(super) struct GateArgs {
    /// URL of the admin port, such as http://127.0.0.1:9110
    #[arg(long, value_name = "URL", value_parser = parse_url, requires = "token_file")]
    admin: Option<String>,
    /// The token file of the admin port
    #[arg(long, value_name = "FILE", requires = "admin")]
    token_file: Option<PathBuf>,
    /// Read URL and token file from popgate's configuration file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["admin", "token_file"])]
    config: Option<PathBuf>,
}

/// To a command that does not say which gate it means. clap would name one of the ways alone.
const NO_TARGET: &str = "\
which popgate? Name its configuration file, or its admin port and token file:
  --config FILE
  --admin http://HOST:PORT --token-file FILE";

/// Why a command came to nothing: words for standard error, and how it ends.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) exit: ExitStatus,
}

impl Failure {
    pub(super) fn new(exit: ExitStatus, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { why, exit }
    }

    fn usage(why: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, why)
    }

    pub(super) fn tell(&self) -> ExitStatus {
        refuse(&self.why, self.exit)
    }
}

/// Why there was no whole answer.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A gate that can be asked.
pub(super) struct AdminClient {
    /// Host and port.
    address: String,
    token: Token,
    /// For advice.
    token_file: PathBuf,
}

impl GateArgs {
    /// That the arguments name a gate: before what else they lack.
    pub(super) fn is_named(&self) -> Result<(), Failure> {
        let is_named = self.config.is_some() || self.admin.is_some();
        is_named
            .then_some(())
            .ok_or_else(|| Failure::usage(NO_TARGET))
    }

    /// The gate that is meant, with the token that it wants.
    pub(super) fn client(&self) -> Result<AdminClient, Failure> {
        let (address, token_file) = match (&self.config, &self.admin, &self.token_file) {
            (Some(config), ..) => from_config(config)?,
            (None, Some(address), Some(file)) => (address.clone(), file.clone()),
            _ => return Err(Failure::usage(NO_TARGET)),
        };
        let found = Token::read(&token_file);
        let token = found
            .map_err(|error| Failure::usage(error.to_string()))?
            .token;
        Ok(AdminClient {
            address,
            token,
            token_file,
        })
    }
}

/// The file's certificates need not be readable: they are not used.
fn from_config(path: &Path) -> Result<(String, PathBuf), Failure> {
    let config = Config::read(path).map_err(|error| Failure::usage(error.to_string()))?;
    let lacks = |what: &str| Failure::usage(format!("{}: there is no {what}", path.display()));
    let AdminOptions {
        address,
        token_file,
        ..
    } = config
        .admin
        .ok_or_else(|| lacks("[admin]: popgate has no admin port"))?;
    let file = token_file.ok_or_else(|| lacks("`token_file` in [admin]: popgate has no API"))?;
    Ok((reachable(address).to_string(), file))
}

/// Where one is reached that listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Host and port of `http://HOST:PORT`.
fn parse_url(text: &str) -> Result<String, String> {
    const FORM: &str = "write http://HOST:PORT, as in http://127.0.0.1:9110";
    let url: Uri = text.parse().map_err(|_| FORM)?;
    let is_bare = ["", "/"].contains(&url.path()) && url.query().is_none();
    match (url.scheme_str(), url.authority()) {
        (Some("https"), _) => Err(format!("the admin port speaks no TLS; {FORM}")),
        (Some("http"), Some(at)) if is_bare && !at.as_str().contains('@') => {
            Ok(format!("{}:{}", at.host(), at.port_u16().unwrap_or(80)))
        }
        _ => Err(FORM.to_owned()),
    }
}

impl AdminClient {
    /// Asks for what stands at `path` under the conditions of `query`.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let query = query
            .iter()
            .map(|(key, value)| format!("{key}={}", percent_encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        self.ask(&Method::GET, &format!("{path}?{query}"), Bytes::new())
    }

    /// Asks for the change that `path` names and `body` describes.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body);
        let body = body.map_err(|error| Failure::new(ExitStatus::Fault, error.to_string()))?;
        self.ask(&Method::POST, path, body.into())
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let no_runtime = |error| Failure::new(ExitStatus::Fault, format!("no runtime: {error}"));
        let runtime = runtime().map_err(no_runtime)?;
        let answered = runtime.block_on(async {
            let exchange = self.exchange(method, target, body);
            timeout(COMMAND_PATIENCE, exchange).await
        });
        let (status, body) = answered
            .unwrap_or_else(|_| Err(format!("no answer in {COMMAND_PATIENCE:?}").into()))
            .map_err(|error| self.unavailable(&error.to_string()))?;
        self.understand(status, &body)
    }

    /// A gate takes IP addresses for its name, and nothing that a page of a browser could give
    /// it: hence the Host of the connection, and not of the URL.
    async fn exchange(
        &self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), BoxError> {
        let stream = TcpStream::connect(&self.address).await?;
        let peer = stream.peer_addr()?;
        let host = SocketAddr::new(peer.ip(), peer.port()).to_string();
        let mut token = HeaderValue::from_bytes(&self.token.bearer())?;
        token.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host)
            .header(AUTHORIZATION, token)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::pin!(connection);
        let asking = async { whole(sender.send_request(request).await?).await };
        tokio::pin!(asking);
        tokio::select! {
            answer = &mut asking => answer,
            // A connection that has ended may have left its answer behind.
            _ = &mut connection => asking.await,
        }
    }

    fn unavailable(&self, why: &str) -> Failure {
        let why = format!(
            "http://{}: no popgate answers: {}\nhint: is it running, and is this the `address` of \
             its [admin]?",
            self.address,
            escaped(why),
        );
        Failure::new(ExitStatus::Unavailable, why)
    }

    fn understand<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        body: &[u8],
    ) -> Result<T, Failure> {
        let at = &self.address;
        if status == StatusCode::OK {
            return serde_json::from_slice(body).map_err(|_| {
                Failure::usage(format!("http://{at}: the answer is not that of popgate"))
            });
        }
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        let error = answer.as_ref().and_then(|it| it.get("error")?.as_str());
        let Some(error) = error else {
            return Err(Failure::usage(format!(
                "http://{at}: HTTP status {}: no popgate that this command knows",
                status.as_u16()
            )));
        };
        Err(self.refused(status, error))
    }

    /// What the gate says, line by line as it says it, and what to do.
    fn refused(&self, status: StatusCode, error: &str) -> Failure {
        let lines: Vec<_> = error.lines().map(escaped).collect();
        let mut why = lines.join("\n");
        if status == StatusCode::UNAUTHORIZED {
            let file = self.token_file.display();
            let hint = format!(
                "\nhint: popgate read its token when it started; is {file} its token file?"
            );
            why.push_str(&hint);
        }
        let exit = if status.is_server_error() {
            ExitStatus::Fault
        } else {
            ExitStatus::Usage
        };
        Failure::new(exit, why)
    }
}

async fn whole(answer: Response<Incoming>) -> Result<(StatusCode, Bytes), BoxError> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), COMMAND_ANSWER_MAX);
    let body = body.collect().await?;
    Ok((status, body.to_bytes()))
}

/// Everything but the unreserved characters of RFC 3986 section 2.3.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port_and_nothing_else() {
        for (url, address) in [
            ("http://127.0.0.1:9110", "127.0.0.1:9110"),
            ("http://gate.internal:9110/", "gate.internal:9110"),
            ("http://[::1]:9110", "[::1]:9110"),
            ("HTTP://localhost", "localhost:80"),
        ] {
            assert_eq!(parse_url(url).as_deref(), Ok(address));
        }
        for wrong in [
            "",
            "127.0.0.1:9110",
            "https://127.0.0.1:9110",
            "http://127.0.0.1:9110/api",
            "http://127.0.0.1:9110/?x",
            "http://ann@127.0.0.1:9110",
            "http://",
        ] {
            assert!(parse_url(wrong).is_err(), "{wrong}");
        }
        assert!(parse_url("https://a:1").unwrap_err().contains("no TLS"));
    }

    #[test]
    fn a_gate_on_every_address_is_reached_on_loopback() {
        let reach = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reach("0.0.0.0:9110"), "127.0.0.1:9110");
        assert_eq!(reach("[::]:9110"), "[::1]:9110");
        assert_eq!(reach("10.0.0.5:9110"), "10.0.0.5:9110");
    }

    #[test]
    fn what_means_something_in_a_query_is_encoded() {
        assert_eq!(percent_encoded("a-b+c&d=é"), "a-b%2Bc%26d%3D%C3%A9");
    }
}
