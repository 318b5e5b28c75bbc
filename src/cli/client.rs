//! How a command talks to a running gate: HTTP/1.1 to its admin port.

use super::text::escaped;
use super::{ExitStatus, refuse};
use crate::admin::model::Page;
use crate::admin::token::Token;
use crate::limits::{COMMAND_ANSWER_MAX, COMMAND_PATIENCE, PAGE_MAX};
use crate::net::Dial;
use crate::net::dial::TcpDial;
use crate::net::tls::{Connector, TlsError};
use crate::time::Duration;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Before the path of each route.
const API: &str = "/api/v1";

/// Why a command came to nothing: words for standard error, and how it ends.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) exit: ExitStatus,
    /// Nobody listens there.
    pub(super) is_refused: bool,
}

impl Failure {
    pub(super) fn new(exit: ExitStatus, why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            why,
            exit,
            is_refused: false,
        }
    }

    pub(super) fn usage(why: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, why)
    }

    pub(super) fn tell(&self) -> ExitStatus {
        refuse(&self.why, self.exit)
    }
}

/// Conditions of a query: keys and values.
pub(super) type Query = [(&'static str, String)];

/// Why there was no whole answer.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error("no answer in {COMMAND_PATIENCE:?}")]
    TimedOut,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl ExchangeError {
    fn is_refused(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused)
    }
}

/// An admin port, and how it is trusted.
pub(super) struct AdminEndpoint {
    /// Host and port.
    pub(super) address: String,
    /// None: it speaks no TLS.
    pub(super) tls: Option<Connector>,
}

impl AdminEndpoint {
    fn url(&self) -> String {
        let scheme = self.tls.as_ref().map_or("http", |_| "https");
        format!("{scheme}://{}", self.address)
    }
}

/// A gate that can be asked. Each question is a connection of its own.
pub(super) struct AdminClient {
    endpoint: AdminEndpoint,
    token: Option<Token>,
    /// For advice.
    token_file: Option<PathBuf>,
    runtime: Runtime,
}

impl AdminClient {
    pub(super) fn new(
        endpoint: AdminEndpoint,
        token: Option<Token>,
        token_file: Option<&Path>,
    ) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let no_runtime = |error| Failure::new(ExitStatus::Fault, format!("no runtime: {error}"));
        Ok(Self {
            endpoint,
            token,
            token_file: token_file.map(Path::to_owned),
            runtime: runtime.map_err(no_runtime)?,
        })
    }

    /// Asks for what stands at `path` below the API, under the conditions of `query`.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, query: &Query) -> Result<T, Failure> {
        let query = query
            .iter()
            .map(|(key, value)| format!("{key}={}", percent_encoded(value)))
            .collect::<Vec<_>>()
            .join("&");
        let target = match &*query {
            "" => format!("{API}{path}"),
            query => format!("{API}{path}?{query}"),
        };
        self.ask(&Method::GET, &target, Bytes::new())
    }

    /// The first `limit` items of a list, or all: as many pages as that takes.
    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Query,
        limit: Option<usize>,
    ) -> Result<Page<T>, Failure> {
        let limit = limit.unwrap_or(usize::MAX);
        let mut all = Page {
            items: Vec::new(),
            total: 0,
            offset: 0,
        };
        loop {
            let offset = all.items.len();
            let wanted = PAGE_MAX.min(limit - offset);
            let place = [
                ("limit", wanted.to_string()),
                ("offset", offset.to_string()),
            ];
            let mut page: Page<T> = self.get(path, &[query, &place].concat())?;
            let came = page.items.len();
            all.total = page.total;
            all.items.append(&mut page.items);
            // The list may shrink meanwhile: a page that is not full is the last one.
            if came < wanted || all.items.len() >= limit {
                return Ok(all);
            }
        }
    }

    /// Asks for the change that `path` below the API names and `body` describes.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body);
        let body = body.map_err(|error| Failure::new(ExitStatus::Fault, error.to_string()))?;
        self.ask(&Method::POST, &format!("{API}{path}"), body.into())
    }

    /// Until it is time to ask again.
    pub(super) fn sleep(&self, interval: Duration) {
        self.runtime
            .block_on(async { tokio::time::sleep(interval).await });
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<T, Failure> {
        let answered = self.runtime.block_on(async {
            let exchange = self.exchange(method, target, body);
            timeout(COMMAND_PATIENCE, exchange).await
        });
        let (status, body) = answered
            .unwrap_or(Err(ExchangeError::TimedOut))
            .map_err(|error| self.unavailable(&error))?;
        self.understand(status, &body)
    }

    async fn exchange(
        &self,
        method: &Method,
        target: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ExchangeError> {
        let stream = TcpDial.dial(&self.endpoint.address).await?;
        // A gate takes IP addresses for its name, and nothing that a page of a browser could give
        // it: hence the Host of the connection, and not of the URL.
        let host = stream
            .peer()
            .map_or_else(|| self.endpoint.address.clone(), |peer| peer.to_string());
        let request = self.request(method, target, &host, body);
        let request = request.map_err(ExchangeError::Other)?;
        match &self.endpoint.tls {
            None => over(stream, request).await,
            Some(tls) => over(tls.connect(stream).await?, request).await,
        }
    }

    fn request(
        &self,
        method: &Method,
        target: &str,
        host: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            let mut bearer = HeaderValue::from_bytes(&token.bearer())?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        Ok(request.body(Full::new(body))?)
    }

    fn unavailable(&self, error: &ExchangeError) -> Failure {
        let hint = match error {
            ExchangeError::Tls(TlsError::Certificate(_)) => {
                "the token was not sent. With --config the certificate must be that of the file: a \
                 gate that has not reloaded since it was renewed still shows the old one (send it \
                 SIGHUP). With --admin it must be for the host of the URL, and signed by whom the \
                 system or --ca trusts"
            }
            ExchangeError::Tls(_) => "does this admin port have a certificate in its [admin]?",
            ExchangeError::Http(_) if self.endpoint.tls.is_none() => {
                "is this an admin port, and does it want https?"
            }
            _ => "is it running, and is this the `address` of its [admin]?",
        };
        let why = format!(
            "{}: no popgate answers: {}\nhint: {hint}",
            self.endpoint.url(),
            escaped(&error.to_string()),
        );
        Failure {
            is_refused: error.is_refused(),
            ..Failure::new(ExitStatus::Unavailable, why)
        }
    }

    fn understand<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        body: &[u8],
    ) -> Result<T, Failure> {
        let url = self.endpoint.url();
        if status == StatusCode::OK {
            return serde_json::from_slice(body)
                .map_err(|_| Failure::usage(format!("{url}: the answer is not that of popgate")));
        }
        let answer: Option<Value> = serde_json::from_slice(body).ok();
        let error = answer.as_ref().and_then(|it| it.get("error")?.as_str());
        let Some(error) = error else {
            return Err(Failure::usage(format!(
                "{url}: HTTP status {}: no popgate that this command knows",
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
            why.push_str(&match &self.token_file {
                Some(file) => format!(
                    "\nhint: popgate read its token when it started; is {} its token file?",
                    file.display()
                ),
                None => "\nhint: name the file of its token with --token-file FILE".to_owned(),
            });
        }
        let exit = match status {
            StatusCode::SERVICE_UNAVAILABLE => ExitStatus::Unavailable,
            status if status.is_server_error() => ExitStatus::Fault,
            _ => ExitStatus::Usage,
        };
        Failure::new(exit, why)
    }
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), ExchangeError> {
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

async fn whole(answer: Response<Incoming>) -> Result<(StatusCode, Bytes), ExchangeError> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), COMMAND_ANSWER_MAX);
    let body = body.collect().await.map_err(ExchangeError::Other)?;
    Ok((status, body.to_bytes()))
}

/// Everything but the unreserved characters of RFC 3986 section 2.3.
pub(super) fn percent_encoded(text: &str) -> String {
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
    fn what_means_something_in_a_query_is_encoded() {
        assert_eq!(percent_encoded("a-b+c&d=é"), "a-b%2Bc%26d%3D%C3%A9");
    }
}
