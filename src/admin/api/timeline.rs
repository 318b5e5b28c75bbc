//! One user's past on a time axis, as JSON and as a picture.

use super::openapi::Refusals;
use crate::admin::model::TimelineInfo;
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::reports::{PictureLabels, ReportRefusal, TimelineQuery};
use crate::admin::request::{ApiPath, ApiQuery};
use crate::admin::server::AdminState;
use crate::admin::users::UserQuery;
use crate::ids::{ListenerName, UserName};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which part of the past, and how the client connects, where that decides whose login it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct TimeQuery {
    /// The beginning of the axis, as in `2026-03-01T10:00:00Z`; an hour before its end where it is
    /// absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of the axis; now where it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The listener, by its name in the configuration.
    listener: Option<String>,
    /// The server name that the client asks for in TLS.
    server_name: Option<String>,
}

/// The same, and how the picture is labelled.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct PictureQuery {
    /// The beginning of the axis, as in `2026-03-01T10:00:00Z`; an hour before its end where it is
    /// absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The end of the axis; now where it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The listener, by its name in the configuration.
    listener: Option<String>,
    /// The server name that the client asks for in TLS.
    server_name: Option<String>,
    /// The language of the words: `en`, `de`, `pt` or `vi`.
    lang: Option<String>,
    /// The time zone of the axis as minutes east of UTC, as in `-300`.
    #[param(minimum = -1439, maximum = 1439)]
    utc_offset_minutes: Option<i64>,
}

/// What happened in a user's maildrop, and what goes on there: who held it, who waited, who was
/// refused
#[utoipa::path(
    get,
    path = "/api/v1/users/{login}/timeline",
    tag = "users",
    operation_id = "timeline",
    params(
        ("login" = String, Path, description = "The login, in any form that a client types"),
        TimeQuery,
    ),
    responses(
        (status = 200, description = "The latest logins of that time, and those that are not over",
         body = TimelineInfo),
        (status = 404, description = "No history is kept, as the configuration says",
         body = crate::admin::model::ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn timeline(
    State(state): State<Arc<AdminState>>,
    ApiPath(login): ApiPath<String>,
    ApiQuery(asked): ApiQuery<TimeQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let query = asked.of(&login);
    let timeline = state.look(move |gate| {
        let timeline = gate.timelines().timeline(&query)?;
        WrittenJson::of(&timeline)
    });
    timeline.await?
}

/// The same as a picture, in SVG: for a ticket, or for a page
#[utoipa::path(
    get,
    path = "/api/v1/users/{login}/timeline.svg",
    tag = "users",
    operation_id = "timeline_svg",
    params(
        ("login" = String, Path, description = "The login, in any form that a client types"),
        PictureQuery,
    ),
    responses(
        (status = 200, description = "A picture without scripts, that loads nothing from elsewhere",
         body = String, content_type = "image/svg+xml"),
        (status = 404, description = "No history is kept, as the configuration says",
         body = crate::admin::model::ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn timeline_svg(
    State(state): State<Arc<AdminState>>,
    ApiPath(login): ApiPath<String>,
    ApiQuery(asked): ApiQuery<PictureQuery>,
) -> Result<Response, HttpRefusal> {
    let labels = PictureLabels {
        language: asked.lang.clone(),
        offset: offset(asked.utc_offset_minutes.unwrap_or_default())?,
    };
    let query = asked.time().of(&login);
    let svg = state
        .look(move |gate| gate.timelines().timeline_svg(&query, &labels))
        .await??;
    let head = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // It has texts of strangers, and a browser that opens it by itself takes it for a document.
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    Ok((head, svg).into_response())
}

fn offset(minutes: i64) -> Result<Offset, HttpRefusal> {
    i32::try_from(minutes)
        .ok()
        .and_then(|minutes| Offset::from_seconds(minutes.checked_mul(60)?).ok())
        .ok_or_else(|| {
            let why = format!("`utc_offset_minutes` is {minutes}: no clock is so far from UTC");
            HttpRefusal::bad_request(why)
        })
}

impl TimeQuery {
    fn of(self, login: &str) -> TimelineQuery {
        TimelineQuery {
            user: UserQuery {
                login: UserName::new(login.as_bytes()),
                listener: self.listener.as_deref().map(ListenerName::new),
                server_name: self.server_name,
            },
            since: self.since,
            until: self.until,
        }
    }
}

impl PictureQuery {
    fn time(self) -> TimeQuery {
        TimeQuery {
            since: self.since,
            until: self.until,
            listener: self.listener,
            server_name: self.server_name,
        }
    }
}

impl From<ReportRefusal> for HttpRefusal {
    fn from(refusal: ReportRefusal) -> Self {
        let why = refusal.to_string();
        match refusal {
            ReportRefusal::Mistake(_) => Self::bad_request(why),
            ReportRefusal::NoHistory(_) => Self::new(StatusCode::NOT_FOUND, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::admin::double::{AdminPort, headers};
    use serde_json::Value;

    #[tokio::test]
    async fn a_timeline_is_of_the_time_that_is_asked_for() {
        let port = AdminPort::start().await;
        let query = "since=1970-01-01T00:10:00Z&until=1970-01-01T00:20:00Z";
        let path = format!("/api/v1/users/ann%40example.com/timeline?{query}");
        let (status, timeline) = port.get(&path).await;
        assert_eq!(status, 200);
        assert_eq!(timeline["login"], "ann@example.com");
        assert_eq!(timeline["since"], "1970-01-01T00:10:00Z");
        assert_eq!(timeline["until"], "1970-01-01T00:20:00Z");
        assert_eq!(timeline["kept_since"], Value::Null);
    }

    #[tokio::test]
    async fn a_picture_is_one_to_a_browser_and_runs_nothing() {
        let port = AdminPort::start().await;
        let line = "GET /api/v1/users/ann/timeline.svg?utc_offset_minutes=-330&lang=vi";
        let answer = port.ask(line, &headers(""), "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, "<svg>ann, -05:30</svg>");
        for header in [
            "content-type: image/svg+xml",
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.head.contains(header), "{}", answer.head);
        }
    }

    #[tokio::test]
    async fn a_question_that_makes_no_sense_is_refused_and_so_is_one_without_a_history() {
        let port = AdminPort::start().await;
        for (path, status, told) in [
            ("ann/timeline?since=yesterday", 400, "`since`"),
            ("ann/timeline?lang=de", 400, "no key `lang`"),
            ("ann/timeline.svg?lang=xx", 400, "`xx`"),
            ("ann/timeline.svg?utc_offset_minutes=99999", 400, "UTC"),
            ("ann/timeline.svg?utc_offset_minutes=x", 400, "whole number"),
            ("nobody/timeline", 404, "none is kept"),
            ("nobody/timeline.svg", 404, "none is kept"),
        ] {
            let (given, answer) = port.get(&format!("/api/v1/users/{path}")).await;
            assert_eq!(given, status, "{path}: {answer}");
            assert!(answer["error"].as_str().unwrap().contains(told), "{answer}");
        }
    }
}
