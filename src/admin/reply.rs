//! Answers: text for the open pages, JSON for the API.

use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
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

/// JSON that stands already: a long one is written where it was looked up, on no thread that has
/// sessions.
pub(super) struct WrittenJson(Bytes);

impl WrittenJson {
    pub(super) fn of(value: &impl Serialize) -> Result<Self, HttpRefusal> {
        let written = serde_json::to_vec(value);
        written.map(|json| Self(json.into())).map_err(|error| {
            let why = format!("a fault of popgate: the answer is no JSON: {error}");
            HttpRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, why)
        })
    }

    pub(super) fn into_octets(self) -> Bytes {
        self.0
    }
}

impl IntoResponse for WrittenJson {
    fn into_response(self) -> Response {
        let head = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (head, self.0).into_response()
    }
}

/// JSON of this moment, which no cache may keep.
pub(super) struct ApiJson<T>(pub(super) T);

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        let no_store = HeaderValue::from_static("no-store");
        ([(CACHE_CONTROL, no_store)], Json(self.0)).into_response()
    }
}
