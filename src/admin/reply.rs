//! Answers: text for the three open pages, JSON for the API.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// A whole answer.
pub(super) type HttpAnswer = Response<Full<Bytes>>;

/// A request that is not done, and why, in a sentence for whoever sent it.
#[derive(Debug)]
pub(super) struct HttpRefusal {
    pub(super) status: StatusCode,
    pub(super) why: String,
}

impl HttpRefusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }

    /// As the API says it.
    pub(super) fn to_json(&self) -> HttpAnswer {
        self.marked(json(self.status, &json!({ "error": self.why })))
    }

    /// As the open pages say it.
    pub(super) fn to_text(&self) -> HttpAnswer {
        self.marked(text(self.status, format!("{}\n", self.why)))
    }

    /// RFC 9110 section 11.6.1: a 401 says how to do better.
    fn marked(&self, mut answer: HttpAnswer) -> HttpAnswer {
        if self.status == StatusCode::UNAUTHORIZED {
            let how = HeaderValue::from_static("Bearer realm=\"popgate\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, how);
        }
        answer
    }
}

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> HttpAnswer {
    let Ok(body) = serde_json::to_string(body) else {
        let why = "the answer is no JSON: a fault of popgate\n";
        return text(StatusCode::INTERNAL_SERVER_ERROR, why.to_owned());
    };
    let mut answer = with_type(status, JSON, body);
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

pub(super) fn text(status: StatusCode, body: String) -> HttpAnswer {
    with_type(status, TEXT, body)
}

pub(super) fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: String,
) -> HttpAnswer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// RFC 9110 section 15.5.6: a 405 says which methods there are.
pub(super) fn allowing(mut answer: HttpAnswer, methods: &'static str) -> HttpAnswer {
    let methods = HeaderValue::from_static(methods);
    answer.headers_mut().insert(ALLOW, methods);
    answer
}
