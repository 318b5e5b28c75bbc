//! Telling a backend who its client is: by XCLIENT where its greeting offers that, as Dovecot's
//! does to `login_trusted_networks`, else by XOIP where the configuration says so, as Zimbra takes
//! it. Dovecot's side: <https://doc.dovecot.org/latest/core/config/proxy/forwarding.html>.

use super::BackendOptions;
use super::connect::GreetedConnection;
use super::login::{LoginError, answer, unasked};
use crate::pop3::reply::{Status, StatusLine};
use std::net::SocketAddr;

/// Says who logs in next, and returns the backend's answer: `+OK` or `-ERR`, without the line
/// end. `None`: this backend is told nothing. Until a login a backend can be told anew.
///
/// # Errors
/// When the backend gives no answer, or more than one.
pub async fn forward_client_addr(
    greeted: &mut GreetedConnection,
    options: &BackendOptions,
    client: SocketAddr,
) -> Result<Option<Vec<u8>>, LoginError> {
    let Some(words) = words(&greeted.greeting, options, client) else {
        return Ok(None);
    };
    let conn = &mut greeted.conn;
    // What stands behind the greeting answers no command. An error there refuses the connection,
    // which the login is told.
    if Status::of_first_line(&conn.input) == Status::Err {
        return Ok(None);
    }
    conn.input.clear();
    conn.write_all(words.as_bytes()).await?;
    let answer = answer(conn).await?;
    unasked(conn)?;
    Ok(Some(answer))
}

/// Both take an IPv6 address as it is, without the `IPV6:` of SMTP's XCLIENT.
fn words(greeting: &str, options: &BackendOptions, client: SocketAddr) -> Option<String> {
    let address = client.ip().to_canonical();
    let port = client.port();
    if StatusLine::parse(greeting).code == Some("XCLIENT") {
        Some(format!("XCLIENT ADDR={address} PORT={port}\r\n"))
    } else {
        options.xoip.then(|| format!("XOIP {address}\r\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::connect::Backend;
    use crate::backend::double::{Double, answer, next, options};
    use crate::backend::lines::LineError;
    use std::sync::Arc;

    const CLIENT: &str = "192.0.2.1:4711";
    const OFFERS: &str = "+OK [XCLIENT] Dovecot ready.\r\n";

    fn says(greeting: &str, xoip: bool, client: &str) -> Option<String> {
        let options = BackendOptions { xoip, ..options() };
        words(greeting.trim_end(), &options, client.parse().unwrap())
    }

    #[test]
    fn the_greeting_decides_and_then_the_configuration() {
        let xclient = Some("XCLIENT ADDR=192.0.2.1 PORT=4711\r\n".to_owned());
        let xoip = Some("XOIP 192.0.2.1\r\n".to_owned());
        assert_eq!(says(OFFERS, false, CLIENT), xclient);
        assert_eq!(says(OFFERS, true, CLIENT), xclient);
        assert_eq!(says("+OK ready", true, CLIENT), xoip);
        for plain in ["+OK ready", "+OK XCLIENT", "+OK ready [XCLIENT]", "+OK"] {
            assert_eq!(says(plain, false, CLIENT), None, "{plain}");
        }
    }

    #[test]
    fn an_ipv6_address_stands_as_it_is_and_a_mapped_one_as_ipv4() {
        let long = says(OFFERS, false, "[2001:db8::7]:1");
        assert_eq!(long.unwrap(), "XCLIENT ADDR=2001:db8::7 PORT=1\r\n");
        let mapped = says("+OK", true, "[::ffff:192.0.2.9]:1");
        assert_eq!(mapped.unwrap(), "XOIP 192.0.2.9\r\n");
    }

    /// What comes of it where the backend greets so and answers XCLIENT so.
    async fn answered(greeting: &str, reply: &str) -> Result<Option<Vec<u8>>, LoginError> {
        let (dial, mut arrivals) = Double::new();
        let backend = Backend::new(options(), Arc::new(dial)).unwrap();
        let server = async {
            let mut conn = next(&mut arrivals).await;
            conn.write_all(greeting.as_bytes()).await.unwrap();
            if !reply.is_empty() {
                let xclient = "XCLIENT ADDR=192.0.2.1 PORT=4711";
                answer(&mut conn, xclient, reply.as_bytes()).await;
            }
            conn
        };
        let client = async {
            let mut greeted = backend.connect(None).await.unwrap();
            let options = backend.options();
            forward_client_addr(&mut greeted, options, CLIENT.parse().unwrap()).await
        };
        tokio::join!(client, server).0
    }

    #[tokio::test]
    async fn an_answer_is_handed_on_also_where_it_is_an_error() {
        for line in ["+OK Updated", "-ERR Invalid parameters"] {
            let answer = answered(OFFERS, &format!("{line}\r\n")).await;
            assert_eq!(answer.unwrap().unwrap(), line.as_bytes());
        }
    }

    #[tokio::test]
    async fn what_stands_behind_the_greeting_is_no_answer() {
        let greeting = format!("{OFFERS}+OK and welcome\r\n");
        let answer = answered(&greeting, "-ERR no\r\n").await;
        assert_eq!(answer.unwrap().unwrap(), b"-ERR no");
        for refusal in ["-ERR go away\r\n", "\r\n\n-ERR: go away\r\n"] {
            let refusing = format!("{OFFERS}{refusal}");
            assert!(answered(&refusing, "").await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_second_answer_or_none_ends_it() {
        let twice = answered(OFFERS, "+OK\r\n+OK\r\n").await;
        assert!(matches!(twice, Err(LoginError::Unasked)));
        let no_status = answered(OFFERS, "hello\r\n").await;
        assert!(matches!(
            no_status,
            Err(LoginError::Line(LineError::NoStatus(_)))
        ));
    }
}
