//! Answers: text for the open pages, JSON for the API.

use axum::Json;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::json;

/// A request that is not done, and why, in a sentence for whoever sent it.
#[derive(Debug)]
pub(super) struct HttpRefusal {
    status: StatusCode,
    why: String,
}

impl HttpRefusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }

    pub(super) fn bad_request(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    pub(super) fn not_found(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }

    /// As the open pages say it.
    pub(super) fn into_text(self) -> Response {
        let answer = (self.status, format!("{}\n", self.why)).into_response();
        how_to_do_better(answer)
    }
}

impl IntoResponse for HttpRefusal {
    /// As the API says it.
    fn into_response(self) -> Response {
        let answer = (self.status, ApiJson(json!({ "error": self.why }))).into_response();
        how_to_do_better(answer)
    }
}

/// RFC 9110 section 11.6.1: a 401 says which proof is wanted.
fn how_to_do_better(mut answer: Response) -> Response {
    if answer.status() == StatusCode::UNAUTHORIZED {
        let how = HeaderValue::from_static("Bearer realm=\"popgate\"");
        answer.headers_mut().insert(WWW_AUTHENTICATE, how);
    }
    answer
}

/// JSON of this moment, which no cache may keep.
pub(super) struct ApiJson<T>(pub(super) T);

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        let no_store = HeaderValue::from_static("no-store");
        ([(CACHE_CONTROL, no_store)], Json(self.0)).into_response()
    }
}
