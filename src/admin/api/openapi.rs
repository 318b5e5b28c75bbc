//! The OpenAPI document, which describes every route.

use super::described;
use crate::admin::model::{ErrorInfo, LocksAtOnce, MissedInfo};
use crate::admin::reply::ApiJson;
use std::collections::BTreeMap;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify};

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = described().into_openapi();
    document.paths.paths.values_mut().for_each(describe_sort);
    document
}

/// utoipa leaves the description out where a parameter's schema comes from a function.
fn describe_sort(path: &mut PathItem) {
    let Some(list) = &mut path.get else {
        return;
    };
    for parameter in list.parameters.iter_mut().flatten() {
        if let RefOr::T(sort) = parameter
            && sort.name == "sort"
        {
            let told = "By what the list is sorted; with a `-`, the greatest first.";
            sort.description = Some(told.to_owned());
        }
    }
}

/// The document as far as it says nothing of a route.
pub(super) fn preamble() -> OpenApi {
    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(
            title = "popgate",
            description = "\
The admin API of a running popgate: who holds which maildrop, who waits for it, and what an operator
can do about it.

Each request shows the token of `token_file` in `[admin]`, as `Authorization: Bearer TOKEN`. Its
Host is an IP address, `localhost`, or one of `host_names`. What changes something is a POST with
`Content-Type: application/json`.

Times are RFC 3339 in UTC; a key that ends in `_seconds` is a number of seconds, with fractions.
What is absent is `null`. A client must ignore keys that it does not know: new ones may come.

A list is answered in pages. `limit` says how many items a page has, `offset` how many come before
it, `sort` by what they are sorted (`-` before a key: the greatest first); `total` is how many there
are on all pages. The history goes from the latest entry back: `next` of a page is `before` of the
one behind it.

A refusal is `{\"error\": \"…\"}`, a sentence that says what to do.",
            license(name = "Apache-2.0", identifier = "Apache-2.0"),
        ),
        security(("token" = [])),
        modifiers(&TokenScheme),
        components(schemas(ErrorInfo, LocksAtOnce, MissedInfo)),
    )]
    struct Preamble;
    <Preamble as utoipa::OpenApi>::openapi()
}

struct TokenScheme;

impl Modify for TokenScheme {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The content of `token_file` in `[admin]`."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The refusals that each route has.
pub(super) struct Refusals;

/// The refusals that a route with a body has beside them.
pub(super) struct BodyRefusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("400", "The query or the body is not what is asked for here"),
            ("401", "The token is missing, or is not that of this gate"),
            (
                "403",
                "The Host is none of this gate's, or another web page sent the request",
            ),
        ])
    }
}

impl IntoResponses for BodyRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&[
            ("413", "The body is too long"),
            ("415", "The body is not said to be `application/json`"),
        ])
    }
}

fn refusals(each: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    each.iter()
        .map(|(status, why)| ((*status).to_owned(), refusal(why).into()))
        .collect()
}

fn refusal(why: &str) -> Response {
    ResponseBuilder::new()
        .description(why)
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(utoipa::openapi::Ref::from_schema_name("ErrorInfo")))
                .build(),
        )
        .build()
}

/// This document
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "gate",
    operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object), Refusals),
)]
pub(super) async fn openapi() -> ApiJson<OpenApi> {
    // Made anew for each request: they are rare.
    ApiJson(document())
}

#[cfg(test)]
mod tests;
