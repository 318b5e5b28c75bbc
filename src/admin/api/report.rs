//! The report of one incident, for a ticket.

use super::openapi::Refusals;
use crate::admin::model::{ErrorInfo, ReportInfo};
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::reports::ReportQuery;
use crate::admin::request::{ApiPath, ApiQuery};
use crate::admin::server::AdminState;
use crate::admin::users::UserQuery;
use crate::history::EntryId;
use crate::ids::{ListenerName, UserName};
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which incident, in which language, and how the client connects, where that decides whose login
/// it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct IncidentQuery {
    /// When it was, as in `2026-03-01T10:00:00Z`; where it is absent, the last login that did not
    /// end well.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// The `id` of the entry of the history that it is; `at` does not count then.
    entry: Option<u64>,
    /// From when on logins are looked at; a week before where it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The language of the words: `en`, `de`, `pt` or `vi`; English where it is absent.
    lang: Option<String>,
    /// The listener, by its name in the configuration.
    listener: Option<String>,
    /// The server name that the client asks for in TLS.
    server_name: Option<String>,
}

/// Why a user's mail does not come: an incident with all that a ticket asks for, and its causes
#[utoipa::path(
    get,
    path = "/api/v1/users/{login}/report",
    tag = "users",
    operation_id = "report",
    params(
        ("login" = String, Path, description = "The login, in any form that a client types"),
        IncidentQuery,
    ),
    responses(
        (status = 200, description = "The report. Of a login that the history does not have it \
                                      says so",
         body = ReportInfo),
        (status = 404, description = "No history is kept, as the configuration says",
         body = ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn report(
    State(state): State<Arc<AdminState>>,
    ApiPath(login): ApiPath<String>,
    ApiQuery(asked): ApiQuery<IncidentQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let query = asked.of(&login);
    // Before a thread is taken for the rest: DNS and an MX may be slow.
    let domain = state.gate.reports().domain_sentence(&query).await?;
    let report = state.look(move |gate| {
        let report = gate.reports().report(&query, domain)?;
        WrittenJson::of(&report)
    });
    report.await?
}

impl IncidentQuery {
    fn of(self, login: &str) -> ReportQuery {
        ReportQuery {
            user: UserQuery {
                login: UserName::new(login.as_bytes()),
                listener: self.listener.as_deref().map(ListenerName::new),
                server_name: self.server_name,
            },
            at: self.at,
            entry: self.entry.map(EntryId),
            since: self.since,
            language: self.lang,
        }
    }
}
