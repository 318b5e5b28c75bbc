//! The PROXY protocol: who the client is, told by the balancer before us, and by us to the
//! backend (<https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>).

use super::conn::Conn;
use crate::limits::{PROXY_HEADER, PROXY_HEADER_MAX};
use proxy_header::{Error, ParseConfig, ProxiedAddress, ProxyHeader};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use tokio::time::timeout;

/// Why a connection has no usable header; the balancer's fault, or an intruder's.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// What came is no header.
    #[error("the connection does not begin with a PROXY protocol header")]
    Malformed,
    /// The header is longer than [`PROXY_HEADER_MAX`].
    #[error("the PROXY protocol header is longer than {PROXY_HEADER_MAX} octets")]
    TooLong,
    /// It did not come in time.
    #[error("no whole PROXY protocol header within {PROXY_HEADER:?}")]
    TimedOut,
    /// The connection ended within it.
    #[error("the connection ended before its PROXY protocol header did")]
    Closed,
    /// The connection failed.
    #[error("the connection failed before its PROXY protocol header: {0}")]
    Io(#[from] io::Error),
}

/// The addresses of a client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionAddresses {
    /// The client.
    pub client: SocketAddr,
    /// What it connected to.
    pub destination: SocketAddr,
}

/// Reads the header, version 1 or 2, that `conn` begins with, and not an octet more: what
/// follows may be a TLS handshake.
///
/// `None`: the header names no client (LOCAL, UNKNOWN), so the peer speaks for itself.
///
/// # Errors
/// A header that is missing, malformed, too long or late.
pub async fn read_header(conn: &mut Conn) -> Result<Option<ConnectionAddresses>, ProxyError> {
    let read = timeout(PROXY_HEADER, read(conn)).await;
    read.unwrap_or(Err(ProxyError::TimedOut))
}

async fn read(conn: &mut Conn) -> Result<Option<ConnectionAddresses>, ProxyError> {
    loop {
        let missing = match parse_header(&conn.input)? {
            Header::Missing(octets) => octets,
            Header::Whole { length, named } => {
                let _ = conn.input.split_to(length);
                return Ok(named);
            }
        };
        if conn.fill_at_most(missing).await? == 0 {
            return Err(ProxyError::Closed);
        }
    }
}

/// What the octets so far are.
#[derive(Debug)]
pub enum Header {
    /// The beginning of a header, of which at least this many octets are missing; never 0.
    Missing(usize),
    /// A header.
    Whole {
        /// Its octets.
        length: usize,
        /// What it names; `None` for LOCAL and UNKNOWN.
        named: Option<ConnectionAddresses>,
    },
}

/// A version 2 header: its fixed part, whose last two octets are the length of the rest.
const V2_FIXED: usize = 16;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// `PROXY UNKNOWN CR LF`, the shortest version 1 header.
const V1_SHORTEST: usize = 15;

/// Parses what came of a header so far.
///
/// # Errors
/// It can become no header, or one that is too long.
pub fn parse_header(header: &[u8]) -> Result<Header, ProxyError> {
    match ProxyHeader::parse(header, ParseConfig::default()) {
        Ok((_, length)) if length > PROXY_HEADER_MAX => Err(ProxyError::TooLong),
        Ok((parsed, length)) => {
            let named = parsed.proxied_address().map(|ends| ConnectionAddresses {
                client: canonical(ends.source),
                destination: canonical(ends.destination),
            });
            Ok(Header::Whole { length, named })
        }
        Err(Error::BufferTooShort) => more(header).map(Header::Missing),
        Err(_) => Err(ProxyError::Malformed),
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// How many octets a header has ahead of it for sure; never 0.
fn more(header: &[u8]) -> Result<usize, ProxyError> {
    let whole = if header.starts_with(b"\r") {
        v2_length(header)?
    } else {
        // Version 1 tells no length: its last octets come one at a time.
        V1_SHORTEST.max(header.len() + 1)
    };
    if whole > PROXY_HEADER_MAX {
        return Err(ProxyError::TooLong);
    }
    // A length that the parser finds too short for its addresses cannot grow.
    whole
        .checked_sub(header.len())
        .filter(|&octets| octets > 0)
        .ok_or(ProxyError::Malformed)
}

fn v2_length(header: &[u8]) -> Result<usize, ProxyError> {
    let known = header.len().min(V2_SIGNATURE.len());
    if header[..known] != V2_SIGNATURE[..known] {
        return Err(ProxyError::Malformed);
    }
    let Some(fixed) = header.first_chunk::<V2_FIXED>() else {
        return Ok(V2_FIXED);
    };
    Ok(V2_FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]])))
}

/// A version 2 header that names `client`, which connected to `local`.
#[must_use]
pub fn write_v2(client: SocketAddr, local: SocketAddr) -> Vec<u8> {
    // A header has one address family for both ends.
    let (client, local) = match (client, local) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => (client, local),
        _ => (as_v6(client), as_v6(local)),
    };
    encode(&ProxyHeader::with_address(ProxiedAddress::stream(
        client, local,
    )))
}

/// A version 2 header that says that popgate speaks for itself.
#[must_use]
pub fn write_v2_local() -> Vec<u8> {
    encode(&ProxyHeader::with_local())
}

fn as_v6(address: SocketAddr) -> SocketAddr {
    let ip: Ipv6Addr = match address.ip() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    SocketAddr::new(ip.into(), address.port())
}

fn encode(header: &ProxyHeader<'_>) -> Vec<u8> {
    let mut octets = Vec::with_capacity(V2_FIXED + 36);
    // It fails only for addresses of two families and for extensions past 64 KiB: neither is here.
    let encoded = header.encode_v2(&mut octets);
    debug_assert!(encoded.is_ok());
    octets
}

#[cfg(test)]
mod tests;
