//! Who may ask: no page of a browser, and nobody without the token.

use super::reply::HttpRefusal;
use super::token::Token;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{StatusCode, Uri};
use std::net::{IpAddr, Ipv6Addr};

/// Refuses what a page of somebody's browser sent. Such a request has an `Origin`, or, where the
/// page's own name was made to point at this machine (DNS rebinding), that name for its host.
pub(super) fn no_browser(uri: &Uri, headers: &HeaderMap) -> Result<(), HttpRefusal> {
    if headers.contains_key(ORIGIN) {
        let why = "requests of web pages (with an Origin header) are not taken";
        return Err(HttpRefusal::new(StatusCode::FORBIDDEN, why));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let is_named = host.is_some_and(|host| host.parse().is_ok_and(|host| is_address(&host)));
    // A host in the request line comes before the header (RFC 9112 section 3.2.2).
    if is_named && hosts.next().is_none() && uri.authority().is_none_or(is_address) {
        return Ok(());
    }
    let why = "the request's Host must be an IP address or `localhost`";
    Err(HttpRefusal::new(StatusCode::FORBIDDEN, why))
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
pub(super) fn authorized(token: &Token, headers: &HeaderMap) -> Result<(), HttpRefusal> {
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
    use hyper::header::HeaderValue;

    fn taken(uri: &str, hosts: &[&str], origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_str(host).unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        no_browser(&uri.parse().unwrap(), &headers).is_ok()
    }

    #[test]
    fn addresses_and_localhost_are_hosts_and_names_are_not() {
        for host in [
            "127.0.0.1",
            "10.0.0.5:9110",
            "[::1]",
            "[2001:db8::7]:9110",
            "LocalHost:9110",
        ] {
            assert!(taken("/api/blocks", &[host], None), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9110",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[evil.example]",
            "127.0.0.1/evil.example",
            "::1",
        ] {
            assert!(!taken("/api/blocks", &[host], None), "{host}");
        }
    }

    #[test]
    fn a_host_is_given_once_and_no_other_in_the_request_line() {
        let localhost = "localhost";
        assert!(!taken("/api/blocks", &[], None));
        assert!(!taken("/api/blocks", &[localhost, localhost], None));
        assert!(!taken("http://evil.example/api/blocks", &[localhost], None));
        assert!(taken("http://127.0.0.1/api/blocks", &[localhost], None));
    }

    #[test]
    fn a_page_of_a_browser_is_refused_wherever_it_comes_from() {
        for origin in ["http://evil.example", "http://localhost:9110", "null"] {
            assert!(!taken("/api/blocks", &["localhost"], Some(origin)));
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
