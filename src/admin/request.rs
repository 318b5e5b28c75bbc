//! What handlers take out of a request: its query, its body, a name in its path. Each refuses what
//! it cannot read as the API does, with a sentence in JSON.

use super::query;
use super::reply::HttpRefusal;
use crate::limits::ADMIN_BODY_MAX;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::http::request::Parts;
use serde::de::DeserializeOwned;

/// The query, as a struct whose fields are its keys.
pub(super) struct ApiQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpRefusal> {
        query::parse(parts.uri.query().unwrap_or_default())
            .map(Self)
            .map_err(HttpRefusal::bad_request)
    }
}

/// The part of the path that the route leaves open. What cannot be one names nothing there is.
pub(super) struct ApiPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpRefusal> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(part)| Self(part)).map_err(|_| {
            let why = format!("there is nothing at {}", parts.uri.path());
            HttpRefusal::not_found(why)
        })
    }
}

/// The body, which has to be JSON of this form.
pub(super) struct ApiBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for ApiBody<T> {
    type Rejection = HttpRefusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpRefusal> {
        if !is_json(request.headers()) {
            let why = "the body must be JSON: `Content-Type: application/json`";
            return Err(HttpRefusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let octets = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| unreadable(&rejection))?;
        serde_json::from_slice(&octets).map(Self).map_err(|error| {
            HttpRefusal::bad_request(format!("the body is not what is asked for here: {error}"))
        })
    }
}

/// A form of a web page can send other types without asking, and not this one.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unreadable(rejection: &BytesRejection) -> HttpRefusal {
    match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let why = format!("the body is longer than {ADMIN_BODY_MAX} octets");
            HttpRefusal::new(StatusCode::PAYLOAD_TOO_LARGE, why)
        }
        other => HttpRefusal::bad_request(format!("the body cannot be read: {other}")),
    }
}
