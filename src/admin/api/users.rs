//! One user, for whoever has the person on the phone.

use super::openapi::Refusals;
use crate::admin::UserQuery;
use crate::admin::model::UserInfo;
use crate::admin::reply::{HttpRefusal, WrittenJson};
use crate::admin::request::{ApiPath, ApiQuery};
use crate::admin::server::AdminState;
use crate::ids::{ListenerName, UserName};
use axum::extract::State;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// How the client connects, where that decides whose login it is.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct ConnectionQuery {
    /// The listener, by its name in the configuration.
    listener: Option<String>,
    /// The server name that it asks for in TLS.
    server_name: Option<String>,
}

/// What a login leads to, and how its maildrop fares: who holds it, who waits, which limits hold,
/// how its last logins ended
#[utoipa::path(
    get,
    path = "/api/v1/users/{login}",
    tag = "users",
    operation_id = "user",
    params(
        ("login" = String, Path, description = "The login, in any form that a client types"),
        ConnectionQuery,
    ),
    responses(
        (status = 200, description = "What is known of the user. A login that nobody has is \
                                      answered, too: popgate does not know which ones there are",
         body = UserInfo),
        Refusals,
    ),
)]
pub(super) async fn user(
    State(state): State<Arc<AdminState>>,
    ApiPath(login): ApiPath<String>,
    ApiQuery(connection): ApiQuery<ConnectionQuery>,
) -> Result<WrittenJson, HttpRefusal> {
    let query = UserQuery {
        login: UserName::new(login.as_bytes()),
        listener: connection.listener.as_deref().map(ListenerName::new),
        server_name: connection.server_name,
    };
    state.answer(move |gate| gate.users().user(&query)).await
}
