//! The past: how logins and sessions went, and what happened to the gate.

use super::openapi::Refusals;
use crate::admin::model::{ErrorInfo, HistoryPage, NoticeList};
use crate::admin::paging::PageLimit;
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::ApiQuery;
use crate::admin::server::AdminState;
use crate::history::{End, EntryId, HistoryQuery};
use crate::ids::{ClientPrefix, SessionId, TenantName, UserName};
use crate::journal::HistoryError;
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which part of the past.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryQuery {
    /// Only logins to the maildrop of this login, in any form that a client types.
    user: Option<String>,
    /// Only logins to the maildrop of this canonical name, on whatever backends.
    maildrop: Option<String>,
    /// Only those of this client: an address, or an IPv6 /64.
    address: Option<String>,
    /// Only logins of this tenant.
    tenant: Option<String>,
    /// Only those that were not over yet at this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only those that began before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only those that ended so: an `end` of `HistoryEntryInfo`; `end=quit&end=left` is either.
    end: Vec<String>,
    /// Only those of the session with this number, of whatever start of popgate.
    session: Option<u64>,
    /// How many items a page has.
    #[param(inline)]
    limit: PageLimit,
    /// Only those before the entry with this `id`: `next` of the page before.
    before: Option<u64>,
}

impl EntryQuery {
    fn query(&self) -> Result<HistoryQuery, String> {
        let client: Option<Result<ClientPrefix, _>> = self.address.as_deref().map(str::parse);
        Ok(HistoryQuery {
            maildrop: self.maildrop.as_deref().map(user_name),
            key: None,
            typed: None,
            client: client
                .transpose()
                .map_err(|error| format!("`address` is {error}"))?,
            tenant: self.tenant.as_deref().map(TenantName::new),
            since: self.since,
            until: self.until,
            ends: self
                .end
                .iter()
                .map(|word| end(word))
                .collect::<Result<_, _>>()?,
            session: self.session.map(SessionId),
            before: self.before.map(EntryId),
            limit: self.limit.count(),
        })
    }
}

fn user_name(text: &str) -> UserName {
    UserName::new(text.as_bytes())
}

fn end(word: &str) -> Result<End, String> {
    End::named(word).ok_or_else(|| {
        let words: Vec<_> = End::ALL.iter().map(|it| it.as_str()).collect();
        format!("`end` is one of: {}", words.join(", "))
    })
}

/// Logins and sessions of the past, the latest first
#[utoipa::path(
    get,
    path = "/api/v1/history",
    tag = "history",
    operation_id = "list_history",
    params(EntryQuery),
    responses(
        (status = 200, description = "Entries that meet all conditions. Where no history is kept \
                                      there are none, and `journal` says so",
         body = HistoryPage),
        Refusals,
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<AdminState>>,
    ApiQuery(asked): ApiQuery<EntryQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let query = asked.query().map_err(HttpRefusal::bad_request)?;
    let user = asked.user.as_deref().map(user_name);
    let page = state.look(move |gate| {
        let page = gate.history().entries(user.as_ref(), query)?;
        WrittenJson::of(&page)
    });
    page.await?
}

/// Which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct NoticeQuery {
    /// From this time on; from the oldest on where it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// To before this time; to now where it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// What happened to the gate and its backends, and was not a session: starts and stops, backends
/// that could not be reached, what operators did
#[utoipa::path(
    get,
    path = "/api/v1/history/notices",
    tag = "history",
    operation_id = "list_notices",
    params(NoticeQuery),
    responses(
        (status = 200, description = "The latest notices of that time", body = NoticeList),
        (status = 404, description = "No history is kept, as the configuration says",
         body = ErrorInfo),
        Refusals,
    ),
)]
pub(super) async fn notices(
    State(state): State<Arc<AdminState>>,
    ApiQuery(asked): ApiQuery<NoticeQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let notices = state.look(move |gate| {
        let since = asked.since.unwrap_or(Timestamp::MIN);
        let until = asked.until.unwrap_or(Timestamp::MAX);
        WrittenJson::of(&gate.history().notices(since, until)?)
    });
    notices.await?
}

impl From<HistoryError> for HttpRefusal {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Off => Self::not_found(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::query::parse;
    use crate::limits::PAGE_DEFAULT;

    fn query(text: &str) -> Result<HistoryQuery, String> {
        parse::<EntryQuery>(text)?.query()
    }

    #[test]
    fn each_condition_of_a_request_is_one_of_the_question() {
        let asked = "maildrop=ann&address=2001:db8::1&tenant=shop&since=2026-03-01T10:00:00Z\
                     &until=2026-03-01T11:00:00Z&end=quit&end=left&session=7&before=9&limit=5";
        let time = |hour| format!("2026-03-01T{hour}:00:00Z").parse().ok();
        let expected = HistoryQuery {
            maildrop: Some(UserName::new(b"ann")),
            key: None,
            typed: None,
            client: Some("2001:db8::/64".parse().unwrap()),
            tenant: Some(TenantName::new("shop")),
            since: time(10),
            until: time(11),
            ends: vec![End::Quit, End::Left],
            session: Some(SessionId(7)),
            before: Some(EntryId(9)),
            limit: 5,
        };
        assert_eq!(query(asked), Ok(expected));
        let all = HistoryQuery {
            limit: PAGE_DEFAULT,
            ..HistoryQuery::default()
        };
        assert_eq!(query(""), Ok(all));
    }

    #[test]
    fn a_condition_that_is_none_is_named() {
        for (asked, told) in [
            ("end=lost", "`end` is one of: quit_before_login"),
            ("address=ann", "`address` is neither"),
            ("since=14:00", "`since`: failed to parse"),
            ("limit=1001", "`limit` is at most 1000"),
            ("outcome=quit", "the query has no key `outcome` here"),
        ] {
            let why = query(asked).unwrap_err();
            assert!(why.starts_with(told), "{asked}: {why}");
        }
    }
}
