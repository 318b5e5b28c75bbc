//! The API, below `/api/`: JSON in, JSON out, for those who have the token.
//!
//! | route | body | answer |
//! |---|---|---|
//! | `GET /api/blocks?…` | | entries of the block list: [`super::blocks::BlockListing`] |
//! | `POST /api/blocks/release` | a selection | the entries that changed, in the same form |
//! | `POST /api/blocks/pin`, `…/unpin` | a selection | the same |
//! | `POST /api/reload` | `{}` | 200 `{"changes": [sentences]}`, 422 `{"error": …}` |
//!
//! A selection is one of `{"ids": [1, 2]}`, `{"filter": {"maildrop": …}}` and `{"all": true}`; a
//! query has the same words. A refusal is `{"error": sentence}`.

use super::blocks::{self, BlockAction};
use super::gate::GateAdmin;
use super::guard;
use super::reply::{HttpAnswer, HttpRefusal, allowing, json};
use super::server::AdminState;
use crate::limits::ADMIN_BODY_MAX;
use crate::net::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What is asked for at a path.
struct ApiRoute {
    path: &'static str,
    /// Whether it changes something: then it is POST, else GET.
    changes: bool,
    handle: Handle,
}

type Handle = for<'a> fn(
    &'a dyn GateAdmin,
    Request<Incoming>,
) -> BoxFuture<'a, Result<HttpAnswer, HttpRefusal>>;

/// All of them: a new one is a line here, and where it works on something new a method of
/// [`GateAdmin`].
const ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/api/blocks",
        changes: false,
        handle: |gate, request| Box::pin(list_blocks(gate, request)),
    },
    ApiRoute {
        path: "/api/blocks/release",
        changes: true,
        handle: |gate, request| Box::pin(change_blocks(gate, BlockAction::Release, request)),
    },
    ApiRoute {
        path: "/api/blocks/pin",
        changes: true,
        handle: |gate, request| Box::pin(change_blocks(gate, BlockAction::Pin, request)),
    },
    ApiRoute {
        path: "/api/blocks/unpin",
        changes: true,
        handle: |gate, request| Box::pin(change_blocks(gate, BlockAction::Unpin, request)),
    },
    ApiRoute {
        path: "/api/reload",
        changes: true,
        handle: |gate, request| Box::pin(reload(gate, request)),
    },
];

impl ApiRoute {
    fn at(path: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.path == path)
    }

    fn allows(&self, method: &Method) -> bool {
        if self.changes {
            method == Method::POST
        } else {
            method == Method::GET || method == Method::HEAD
        }
    }

    fn not_allowed(&self) -> HttpAnswer {
        let (methods, why) = if self.changes {
            ("POST", "this changes something: use POST")
        } else {
            ("GET, HEAD", "this can only be read: use GET")
        };
        let refusal = HttpRefusal::new(StatusCode::METHOD_NOT_ALLOWED, why);
        allowing(refusal.to_json(), methods)
    }
}

/// Whether `path` is the API's.
pub(super) fn owns(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Answers a request to the API.
pub(super) async fn answer(state: &AdminState, request: Request<Incoming>) -> HttpAnswer {
    let answered = match admitted(state, &request) {
        Ok(route) if route.allows(request.method()) => (route.handle)(&*state.gate, request).await,
        Ok(route) => Ok(route.not_allowed()),
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| refusal.to_json())
}

fn admitted(
    state: &AdminState,
    request: &Request<Incoming>,
) -> Result<&'static ApiRoute, HttpRefusal> {
    guard::no_browser(request.uri(), request.headers())?;
    let token = state.token.as_ref().ok_or_else(|| {
        let why = "popgate has no API: [admin] of its configuration names no token_file";
        HttpRefusal::new(StatusCode::NOT_FOUND, why)
    })?;
    guard::authorized(token, request.headers())?;
    // Only who has the token learns which paths there are.
    ApiRoute::at(request.uri().path()).ok_or_else(|| {
        let why = "the API has no such path; there are /api/blocks and /api/reload";
        HttpRefusal::new(StatusCode::NOT_FOUND, why)
    })
}

async fn list_blocks(
    gate: &dyn GateAdmin,
    request: Request<Incoming>,
) -> Result<HttpAnswer, HttpRefusal> {
    let query = request.uri().query().unwrap_or_default();
    let listing = blocks::list(gate.blocks(), query).map_err(bad_request)?;
    Ok(json(StatusCode::OK, &listing))
}

async fn change_blocks(
    gate: &dyn GateAdmin,
    action: BlockAction,
    request: Request<Incoming>,
) -> Result<HttpAnswer, HttpRefusal> {
    let selection = body(request).await?;
    let changed = blocks::change(gate.blocks(), action, &selection).map_err(bad_request)?;
    Ok(json(StatusCode::OK, &changed))
}

/// The body of a request that asks for nothing in particular.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn reload(
    gate: &dyn GateAdmin,
    request: Request<Incoming>,
) -> Result<HttpAnswer, HttpRefusal> {
    let Nothing {} = body(request).await?;
    // In a task of its own: a caller that goes away, or is cut off, does not end what has begun.
    let reloaded = tokio::spawn(gate.reload()).await.map_err(|_| {
        let why = "the reload failed by a fault of popgate: see its log";
        HttpRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })?;
    match reloaded {
        Ok(changes) => {
            let changes = serde_json::json!({ "changes": changes });
            Ok(json(StatusCode::OK, &changes))
        }
        Err(why) => Err(HttpRefusal::new(StatusCode::UNPROCESSABLE_ENTITY, why)),
    }
}

async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, HttpRefusal> {
    if !is_json(request.headers()) {
        let why = "the body must be JSON: `Content-Type: application/json`";
        return Err(HttpRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let octets = read(request.into_body()).await?;
    serde_json::from_slice(&octets)
        .map_err(|error| bad_request(format!("the body is not what is asked for here: {error}")))
}

/// A form of a web page can send other types without asking, and not this one.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Incoming) -> Result<Bytes, HttpRefusal> {
    match Limited::new(body, ADMIN_BODY_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let why = format!("the body is longer than {ADMIN_BODY_MAX} octets");
            Err(HttpRefusal::new(StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Err(error) => Err(bad_request(format!("the body cannot be read: {error}"))),
    }
}

fn bad_request(why: String) -> HttpRefusal {
    HttpRefusal::new(StatusCode::BAD_REQUEST, why)
}

#[cfg(test)]
mod tests;
