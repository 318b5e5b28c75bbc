//! The API, below `/api/`: JSON in, JSON out, for those who have the token.
//!
//! | route | body | answer |
//! |---|---|---|
//! | `GET /api/blocks?…` | | entries of the block list: [`super::blocks::Listing`] |
//! | `POST /api/blocks/release` | a selection | the entries that changed, in the same form |
//! | `POST /api/blocks/pin`, `…/unpin` | a selection | the same |
//! | `POST /api/reload` | `{}` | 200 `{"changes": [sentences]}`, 422 `{"error": …}` |
//!
//! A selection is one of `{"ids": [1, 2]}`, `{"filter": {"maildrop": …}}` and `{"all": true}`; a
//! query has the same words. A refusal is `{"error": sentence}`.

use super::blocks::{self, Asked, Blocks};
use super::guard;
use super::reply::{Answer, Refusal, allowing, json};
use super::token::Token;
use crate::limits::ADMIN_BODY_MAX;
use crate::net::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Takes the configuration anew: what has changed, a sentence each, or why all stays as it was.
pub type Reload =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Vec<String>, String>> + Send + Sync + 'static>;

/// What the API works on, and who may use it.
pub struct Api {
    /// What each request has to show.
    pub token: Token,
    /// The block list, with the journal and the events that hear of a change.
    pub blocks: Arc<dyn Blocks>,
    /// Called by `POST /api/reload`.
    pub reload: Reload,
}

#[derive(Clone, Copy)]
enum Route {
    Blocks,
    Change(Asked),
    Reload,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/api/blocks" => Self::Blocks,
            "/api/blocks/release" => Self::Change(Asked::Release),
            "/api/blocks/pin" => Self::Change(Asked::Pin),
            "/api/blocks/unpin" => Self::Change(Asked::Unpin),
            "/api/reload" => Self::Reload,
            _ => return None,
        })
    }

    /// What only reads is GET, what changes something POST.
    fn allows(self, method: &Method) -> bool {
        match self {
            Self::Blocks => [Method::GET, Method::HEAD].contains(method),
            Self::Change(_) | Self::Reload => *method == Method::POST,
        }
    }

    fn not_allowed(self) -> Answer {
        let (methods, why) = match self {
            Self::Blocks => ("GET, HEAD", "this can only be read: use GET"),
            Self::Change(_) | Self::Reload => ("POST", "this changes something: use POST"),
        };
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, why);
        allowing(refusal.to_json(), methods)
    }
}

/// Whether `path` is the API's.
pub(super) fn owns(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Answers a request to the API; without one, `api` is none.
pub(super) async fn answer(api: Option<&Api>, request: Request<Incoming>) -> Answer {
    let answered = match admitted(api, &request) {
        Ok((api, route)) if route.allows(request.method()) => done(api, route, request).await,
        Ok((_, route)) => Ok(route.not_allowed()),
        Err(refusal) => Err(refusal),
    };
    answered.unwrap_or_else(|refusal| refusal.to_json())
}

fn admitted<'a>(
    api: Option<&'a Api>,
    request: &Request<Incoming>,
) -> Result<(&'a Api, Route), Refusal> {
    guard::no_browser(request.uri(), request.headers())?;
    let api = api.ok_or_else(|| {
        let why = "this gate has no API: [admin] of its configuration names no token_file";
        Refusal::new(StatusCode::NOT_FOUND, why)
    })?;
    guard::authorized(&api.token, request.headers())?;
    let route = Route::of(request.uri().path()).ok_or_else(|| {
        let why = "the API has no such path; there are /api/blocks and /api/reload";
        Refusal::new(StatusCode::NOT_FOUND, why)
    })?;
    Ok((api, route))
}

async fn done(api: &Api, route: Route, request: Request<Incoming>) -> Result<Answer, Refusal> {
    match route {
        Route::Blocks => {
            let query = request.uri().query().unwrap_or_default();
            let listing = blocks::list(&*api.blocks, query).map_err(bad_request)?;
            Ok(json(StatusCode::OK, &listing))
        }
        Route::Change(asked) => {
            let selection = body(request).await?;
            let changed = blocks::change(&*api.blocks, asked, &selection).map_err(bad_request)?;
            Ok(json(StatusCode::OK, &changed))
        }
        Route::Reload => {
            let Nothing {} = body(request).await?;
            reload(&api.reload).await
        }
    }
}

/// The body of a request that asks for nothing in particular.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// In a task of its own: a caller that goes away, or is cut, does not break off what has begun.
async fn reload(reload: &Reload) -> Result<Answer, Refusal> {
    let reloaded = tokio::spawn(reload()).await;
    let reloaded = reloaded.map_err(|_| {
        let why = "the reload failed by a fault of popgate: see its log";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    })?;
    match reloaded {
        Ok(changes) => {
            let changes = serde_json::json!({ "changes": changes });
            Ok(json(StatusCode::OK, &changes))
        }
        Err(why) => Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, why)),
    }
}

async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    if !is_json(request.headers()) {
        let why = "the body must be JSON: `Content-Type: application/json`";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let octets = read(request.into_body()).await?;
    serde_json::from_slice(&octets).map_err(|error| {
        let why = format!("the body is not what is asked for here: {error}");
        bad_request(why)
    })
}

/// A form of a web page can send other types without asking, and not this one.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|it| it.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let read = Limited::new(body, ADMIN_BODY_MAX).collect().await;
    read.map(http_body_util::Collected::to_bytes)
        .map_err(|error| {
            if error.is::<LengthLimitError>() {
                let why = format!("the body is longer than {ADMIN_BODY_MAX} octets");
                return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why);
            }
            bad_request(format!("the body cannot be read: {error}"))
        })
}

fn bad_request(why: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, why)
}

#[cfg(test)]
mod tests;
