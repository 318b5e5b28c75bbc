use super::*;
use crate::time::Duration;
use proptest::prelude::*;
use std::pin::pin;
use tokio::io::{AsyncWriteExt, duplex};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 110\r\n";
const V1_V6: &[u8] = b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 110\r\n";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";
const UNKNOWN_LONG: &[u8] = b"PROXY UNKNOWN ffff:f::1 ffff:f::2 65535 65535\r\n";

fn client() -> SocketAddr {
    "192.0.2.7:40000".parse().unwrap()
}

fn v2() -> Vec<u8> {
    write_v2(client(), "10.0.0.1:110".parse().unwrap())
}

/// A version 2 header of another balancer: with extensions, which are skipped.
fn v2_with_extensions() -> Vec<u8> {
    let mut header = v2();
    header.extend_from_slice(&[0x04, 0, 3, 0, 0, 0]);
    header[15] += 6;
    header
}

/// Reads the header of a connection that brings `bytes` and closes.
async fn read_all(bytes: &[u8]) -> Result<Option<ConnectionAddresses>, ProxyError> {
    let (near, mut far) = duplex(1024);
    far.write_all(bytes).await.unwrap();
    drop(far);
    read_header(&mut Conn::plain(Box::new(near))).await
}

#[tokio::test]
async fn both_versions_name_the_client_and_what_it_connected_to() {
    let named = Some(ConnectionAddresses {
        client: client(),
        destination: "10.0.0.1:110".parse().unwrap(),
    });
    assert_eq!(read_all(V1).await.unwrap(), named);
    assert_eq!(read_all(&v2()).await.unwrap(), named);
    assert_eq!(read_all(&v2_with_extensions()).await.unwrap(), named);
    let v6 = ConnectionAddresses {
        client: "[2001:db8::7]:40000".parse().unwrap(),
        destination: "[2001:db8::1]:110".parse().unwrap(),
    };
    assert_eq!(read_all(V1_V6).await.unwrap(), Some(v6));
}

#[tokio::test]
async fn a_header_may_name_nobody() {
    for header in [UNKNOWN, UNKNOWN_LONG, &write_v2_local()] {
        assert_eq!(read_all(header).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_backend_is_mapped_and_back() {
    let header = write_v2(client(), "[2001:db8::1]:110".parse().unwrap());
    let named = read_all(&header).await.unwrap().unwrap();
    assert_eq!(named.client, client());
    assert_eq!(named.destination.to_string(), "[2001:db8::1]:110");
}

#[tokio::test(start_paused = true)]
async fn split_anywhere_it_is_the_same_and_what_follows_stays() {
    let headers = [V1.to_vec(), UNKNOWN.to_vec(), v2(), v2_with_extensions()];
    for header in headers {
        let mut bytes = header.clone();
        bytes.extend_from_slice(b"CAPA\r\n");
        for split in 1..header.len() {
            let (near, mut far) = duplex(1024);
            let mut conn = Conn::plain(Box::new(near));
            far.write_all(&bytes[..split]).await.unwrap();
            {
                let mut read = pin!(read_header(&mut conn));
                let early = timeout(Duration::from_millis(1), &mut read).await;
                assert!(early.is_err(), "at {split}: {early:?}");
                far.write_all(&bytes[split..]).await.unwrap();
                read.await.unwrap();
            }
            assert!(conn.input.is_empty(), "a TLS handshake may follow");
            conn.fill().await.unwrap();
            assert_eq!(&conn.input[..], b"CAPA\r\n");
        }
    }
}

#[tokio::test]
async fn what_is_no_header_is_refused() {
    let no_headers: [&[u8]; 6] = [
        b"USER ann\r\nPASS secret\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 40000\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 40000 110\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 99999 110\r\n",
        b"\r\n\r\n\0\r\nQUIT\r\n\r\n\r\n",
        // Version 2 for IPv4, with no room for addresses.
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0USER ann\r\n",
    ];
    for bytes in no_headers {
        let error = read_all(bytes).await.unwrap_err();
        let refused = matches!(error, ProxyError::Malformed | ProxyError::Closed);
        assert!(refused, "{bytes:?}: {error}");
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused_before_it_is_read() {
    let mut header = v2();
    header[14..16].copy_from_slice(&600_u16.to_be_bytes());
    let error = read_all(&header).await.unwrap_err();
    assert!(matches!(error, ProxyError::TooLong), "{error}");

    let endless = [b"PROXY TCP4 ".as_slice(), &[b'1'; 600]].concat();
    let error = read_all(&endless).await.unwrap_err();
    assert!(matches!(error, ProxyError::Malformed), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let (near, mut far) = duplex(1024);
    let mut conn = Conn::plain(Box::new(near));
    far.write_all(&V1[..10]).await.unwrap();
    let start = crate::time::Instant::now();
    let error = read_header(&mut conn).await.unwrap_err();
    assert!(matches!(error, ProxyError::TimedOut), "{error}");
    assert_eq!(start.elapsed(), PROXY_HEADER);
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_an_error(
        start in prop_oneof![Just(&b""[..]), Just(&b"PROXY "[..]), Just(V2_SIGNATURE)],
        rest in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let bytes = [start, &rest].concat();
        for end in 0..bytes.len().min(64) {
            if let Ok(Header::Missing(octets)) = parse_header(&bytes[..end]) {
                prop_assert!(octets > 0 && end + octets <= PROXY_HEADER_MAX);
            }
        }
        let _ = parse_header(&bytes);
    }
}
