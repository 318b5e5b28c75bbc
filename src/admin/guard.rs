//! Who may ask: no page of another site, and nobody without the token.

use super::reply::HttpRefusal;
use super::server::{AdminState, Caller};
use super::token::Token;
use hyper::header::{AUTHORIZATION, FORWARDED, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{StatusCode, Uri};
use std::net::{IpAddr, Ipv6Addr};

/// Which requests to the API are taken, beside those that show the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminPolicy {
    /// Names that the gate is asked by, beside addresses and `localhost`.
    pub host_names: Vec<String>,
    /// Whether requests from this machine need no token.
    pub trust_loopback: bool,
}

/// Refuses a request to the API that its sender may not make.
pub(super) fn may_use_api(
    state: &AdminState,
    caller: &Caller,
    request: &Parts,
) -> Result<(), HttpRefusal> {
    let headers = &request.headers;
    no_other_site(&state.policy, caller.is_tls, &request.uri, headers)?;
    if is_trusted(&state.policy, caller, headers) {
        return Ok(());
    }
    let token = state.token.as_ref().ok_or_else(|| {
        HttpRefusal::not_found(
            "popgate has no API: [admin] of its configuration names no token_file",
        )
    })?;
    authorized(token, headers)
}

/// Refuses a request for health that its sender may not make: it is open where the port is bound to
/// loopback. Load balancers ask with any `Host`, and the answer is no secret.
pub(super) fn may_probe(
    state: &AdminState,
    caller: &Caller,
    request: &Parts,
) -> Result<(), HttpRefusal> {
    let headers = &request.headers;
    if caller.probes_are_open || is_trusted(&state.policy, caller, headers) {
        return Ok(());
    }
    let token = state.token.as_ref().ok_or_else(|| {
        let why = "beyond loopback this needs a token, and [admin] of popgate's configuration \
                   names no token_file";
        HttpRefusal::new(StatusCode::FORBIDDEN, why)
    })?;
    authorized(token, headers)
}

/// Refuses a request for metrics that its sender may not make.
pub(super) fn may_scrape(
    state: &AdminState,
    caller: &Caller,
    request: &Parts,
) -> Result<(), HttpRefusal> {
    may_open_page(state, caller, request)?;
    may_probe(state, caller, request)
}

/// Refuses a request by a name that is not the gate's. The page itself holds nothing that only some
/// may see.
pub(super) fn may_open_page(
    state: &AdminState,
    _caller: &Caller,
    request: &Parts,
) -> Result<(), HttpRefusal> {
    own_host(&state.policy, &request.uri, &request.headers).map(|_| ())
}

/// Whether it comes from this machine, which is trusted. What a reverse proxy forwards comes from
/// its clients.
fn is_trusted(policy: &AdminPolicy, caller: &Caller, headers: &HeaderMap) -> bool {
    policy.trust_loopback
        && caller.is_local()
        && !headers.contains_key(FORWARDED)
        && !headers.contains_key("x-forwarded-for")
}

/// Refuses what a page of another site had somebody's browser send. Such a request has that site
/// as its `Origin`, or, where a name of that site was made to point at this machine (DNS
/// rebinding), that name for its host.
fn no_other_site(
    policy: &AdminPolicy,
    is_tls: bool,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), HttpRefusal> {
    let host = own_host(policy, uri, headers)?;
    // Browsers send no `Origin` with what a page only embeds or links to, and this always.
    let site = headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(other_site());
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if is_own_origin(origin, is_tls, host) => Ok(()),
        _ => Err(other_site()),
    }
}

fn other_site() -> HttpRefusal {
    let why =
        "requests of other web pages (by their Origin or Sec-Fetch-Site header) are not taken";
    HttpRefusal::new(StatusCode::FORBIDDEN, why)
}

/// The one `Host`, if it is a name that this gate goes by.
fn own_host<'a>(
    policy: &AdminPolicy,
    uri: &Uri,
    headers: &'a HeaderMap,
) -> Result<&'a str, HttpRefusal> {
    let is_own = |authority: &Authority| is_address(authority) || is_among(policy, authority);
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let host = host.filter(|host| host.parse().is_ok_and(|host| is_own(&host)));
    // A host in the request line comes before the header (RFC 9112 section 3.2.2).
    if let Some(host) = host
        && hosts.next().is_none()
        && uri.authority().is_none_or(is_own)
    {
        return Ok(host);
    }
    let why = "the request's Host must be an IP address, `localhost`, or one of host_names in \
               [admin]";
    Err(HttpRefusal::new(StatusCode::FORBIDDEN, why))
}

/// Browsers leave out the port of the scheme in both headers.
fn is_own_origin(origin: &HeaderValue, is_tls: bool, host: &str) -> bool {
    let scheme = if is_tls { "https" } else { "http" };
    origin
        .as_bytes()
        .eq_ignore_ascii_case(format!("{scheme}://{host}").as_bytes())
}

fn is_among(policy: &AdminPolicy, authority: &Authority) -> bool {
    policy
        .host_names
        .iter()
        .any(|name| name.eq_ignore_ascii_case(authority.host()))
}

/// Whether it is no name that somebody else's DNS resolves.
fn is_address(authority: &Authority) -> bool {
    let host = authority.host();
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok(),
    }
}

/// Refuses whoever does not show `token` as RFC 6750 section 2.1 says.
fn authorized(token: &Token, headers: &HeaderMap) -> Result<(), HttpRefusal> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let shown = given.next().and_then(|value| bearer(value.as_bytes()));
    // Of two headers nobody knows which one counts.
    let why = match (shown, given.next()) {
        (Some(shown), None) if token.is(shown) => return Ok(()),
        (Some(_), None) => "this is not the token of this gate",
        _ => "this needs the token of token_file in [admin], as `Authorization: Bearer TOKEN`",
    };
    Err(HttpRefusal::new(StatusCode::UNAUTHORIZED, why))
}

/// The scheme's case does not count (RFC 9110 section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderName;

    fn policy() -> AdminPolicy {
        AdminPolicy {
            host_names: vec!["gate.example".to_owned()],
            trust_loopback: false,
        }
    }

    fn taken_by(is_tls: bool, uri: &str, hosts: &[&str], origins: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        no_other_site(&policy(), is_tls, &uri.parse().unwrap(), &headers).is_ok()
    }

    fn taken(uri: &str, hosts: &[&str]) -> bool {
        taken_by(false, uri, hosts, &[])
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_hosts_and_other_names_are_not() {
        for host in [
            "127.0.0.1",
            "10.0.0.5:9110",
            "[::1]",
            "[2001:db8::7]:9110",
            "LocalHost:9110",
            "gate.example",
            "GATE.example:9110",
        ] {
            assert!(taken("/api/v1/blocks", &[host]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9110",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "gate.example.evil.example",
            "evil.gate.example",
            "[evil.example]",
            "127.0.0.1/evil.example",
            "::1",
        ] {
            assert!(!taken("/api/v1/blocks", &[host]), "{host}");
        }
    }

    #[test]
    fn a_host_is_given_once_and_no_other_in_the_request_line() {
        let localhost = "localhost";
        assert!(!taken("/api/v1/blocks", &[]));
        assert!(!taken("/api/v1/blocks", &[localhost, localhost]));
        assert!(!taken("http://evil.example/api/v1/blocks", &[localhost]));
        assert!(taken("http://127.0.0.1/api/v1/blocks", &[localhost]));
    }

    #[test]
    fn of_pages_only_those_of_this_gate_are_taken() {
        for (is_tls, host, origin) in [
            (false, "localhost:9110", "http://localhost:9110"),
            (false, "127.0.0.1", "http://127.0.0.1"),
            (true, "gate.example", "https://Gate.example"),
            (true, "[::1]:9110", "https://[::1]:9110"),
        ] {
            assert!(taken_by(is_tls, "/", &[host], &[origin]), "{origin}");
        }
        for (is_tls, origin) in [
            (false, "http://evil.example"),
            (false, "https://localhost:9110"),
            (true, "http://localhost:9110"),
            (false, "http://localhost"),
            (false, "http://localhost:91100"),
            (false, "http://127.0.0.1:9110"),
            (false, "null"),
            (false, ""),
        ] {
            assert!(
                !taken_by(is_tls, "/", &["localhost:9110"], &[origin]),
                "{origin}"
            );
        }
        let own = "http://localhost";
        assert!(!taken_by(false, "/", &["localhost"], &[own, own]));
        // The name that an attacker's DNS gave to this machine.
        assert!(!taken_by(
            false,
            "/",
            &["evil.example"],
            &["http://evil.example"]
        ));
    }

    #[test]
    fn what_a_page_of_another_site_embeds_is_not_taken() {
        for (site, is_taken) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
        ] {
            let headers = HeaderMap::from_iter([
                (HOST, HeaderValue::from_static("localhost")),
                (
                    HeaderName::from_static("sec-fetch-site"),
                    HeaderValue::from_static(site),
                ),
            ]);
            let taken = no_other_site(&policy(), false, &Uri::from_static("/"), &headers);
            assert_eq!(taken.is_ok(), is_taken, "{site}");
        }
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_no_other() {
        assert_eq!(bearer(b"Bearer abc"), Some(&b"abc"[..]));
        assert_eq!(bearer(b"bEARER  abc"), Some(&b"abc"[..]));
        for other in [&b"Basic abc"[..], b"abc", b"", b"Bearer"] {
            assert_eq!(bearer(other), None);
        }
    }
}
