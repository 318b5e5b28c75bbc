use super::*;
use crate::limits::BLANK_LINES_MAX;
use crate::time::Duration;
use std::pin::pin;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

fn conn() -> (Conn, DuplexStream) {
    let (near, far) = duplex(128 * 1024);
    (Conn::plain(Box::new(near)), far)
}

/// What popgate makes of `reply` to CAPA; the backend then closes.
async fn capabilities(reply: &str) -> Result<Option<Capabilities>, LineError> {
    let (mut conn, mut far) = conn();
    far.write_all(reply.as_bytes()).await.unwrap();
    far.shutdown().await.unwrap();
    let read = read_capabilities(&mut conn).await;
    drop(far);
    read
}

#[tokio::test(start_paused = true)]
async fn a_line_split_anywhere_is_the_same() {
    let bytes = b"+OK hello\r\n-ERR next\n";
    for split in 0..bytes.len() {
        let (mut conn, mut far) = conn();
        far.write_all(&bytes[..split]).await.unwrap();
        let mut read = pin!(async {
            let first = read_line(&mut conn, 100).await.unwrap();
            (first, read_line(&mut conn, 100).await.unwrap())
        });
        let early = timeout(Duration::from_millis(1), &mut read).await;
        assert!(early.is_err(), "at {split}: {early:?}");
        far.write_all(&bytes[split..]).await.unwrap();
        let (first, second) = read.await;
        assert_eq!(first, b"+OK hello");
        assert_eq!(second, b"-ERR next");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_nobody_waits_for_any_more_stays() {
    let (mut conn, mut far) = conn();
    far.write_all(b"+OK he").await.unwrap();
    let early = timeout(Duration::from_millis(1), read_line(&mut conn, 100)).await;
    assert!(early.is_err());
    far.write_all(b"llo\r\n").await.unwrap();
    assert_eq!(read_line(&mut conn, 100).await.unwrap(), b"+OK hello");
}

#[tokio::test]
async fn a_line_has_a_longest_length_whole_or_not() {
    for (length, fits) in [(14, true), (15, false), (40, false)] {
        for end in ["\r\n", ""] {
            let (mut conn, mut far) = conn();
            let line = format!("{}{end}", "x".repeat(length));
            far.write_all(line.as_bytes()).await.unwrap();
            drop(far);
            match read_line(&mut conn, 16).await {
                Ok(line) => assert!(fits && line.len() == length),
                Err(LineError::Closed) => assert!(end.is_empty() && length < 16),
                Err(error) => assert!(!fits && matches!(error, LineError::TooLong(16))),
            }
        }
    }
}

#[tokio::test]
async fn octets_of_a_line_are_kept_as_they_are() {
    let (mut conn, mut far) = conn();
    far.write_all(b"-ERR gesperrt f\xfcr Sie\r\r\n")
        .await
        .unwrap();
    let line = read_line(&mut conn, 100).await.unwrap();
    assert_eq!(line, b"-ERR gesperrt f\xfcr Sie\r");
}

#[tokio::test]
async fn a_status_is_the_next_line_that_is_not_empty() {
    for noise in ["", "\n", "\r\n", " \t\r\n\r\r\n\n"] {
        let (mut conn, mut far) = conn();
        let lines = format!("{noise}+OK one \r\n{noise}hello\n");
        far.write_all(lines.as_bytes()).await.unwrap();
        assert_eq!(read_status(&mut conn).await.unwrap(), b"+OK one ");
        assert_eq!(read_status(&mut conn).await.unwrap(), b"hello");
        assert_eq!(conn.blank_lines, 2 * noise.matches('\n').count());
    }
}

#[tokio::test]
async fn empty_lines_are_bounded() {
    for (lines, fits) in [(BLANK_LINES_MAX, true), (BLANK_LINES_MAX + 1, false)] {
        let (mut conn, mut far) = conn();
        let text = format!("{}+OK\r\n", "\r\n".repeat(lines));
        far.write_all(text.as_bytes()).await.unwrap();
        let read = read_status(&mut conn).await;
        assert_eq!(read.is_ok(), fits, "{lines}: {read:?}");
    }
}

#[tokio::test]
async fn what_is_no_line_is_not_silence() {
    for (input, silent) in [
        ("", true),
        ("\r\n \n\t", true),
        ("\r\n+", false),
        (".", false),
    ] {
        let (mut conn, _far) = conn();
        conn.input.extend_from_slice(input.as_bytes());
        assert_eq!(is_silent(&mut conn), silent, "{input:?}");
        assert_eq!(conn.input.is_empty(), silent, "{input:?}");
    }
}

#[tokio::test]
async fn capabilities_are_told_behind_empty_lines_too() {
    let found = capabilities("\r\n+OK, here\r\nTOP\r\n.\r\n").await;
    assert!(found.unwrap().unwrap().top);
    assert_eq!(capabilities("\n-ERR: unknown\r\n").await.unwrap(), None);
}

#[tokio::test]
async fn capabilities_are_what_stands_before_the_dot() {
    let found = capabilities("+OK here\r\nTOP\r\n..\r\nPIPELINING\r\n.\r\nUIDL\r\n").await;
    let found = found.unwrap().unwrap();
    assert!(found.top && found.pipelining && !found.uidl);
    assert_eq!(capabilities("-ERR unknown\r\n").await.unwrap(), None);
}

#[tokio::test]
async fn a_long_list_is_a_list() {
    let found = capabilities(&format!("+OK\r\n{}UIDL\r\n.\r\n", "X-1\r\n".repeat(150))).await;
    assert!(found.unwrap().unwrap().uidl);
}

#[tokio::test]
async fn capabilities_without_an_end_are_an_error() {
    let endless = format!("+OK\r\n{}", "X-MORE\r\n".repeat(10_000));
    let error = capabilities(&endless).await.unwrap_err();
    assert!(matches!(error, LineError::TooMany(_)), "{error}");
    let error = capabilities("+OK\r\nTOP\r\n").await.unwrap_err();
    assert!(matches!(error, LineError::Closed), "{error}");
    let error = capabilities("220 smtp.example.com\r\n").await.unwrap_err();
    assert!(matches!(error, LineError::NoStatus(_)), "{error}");
}
