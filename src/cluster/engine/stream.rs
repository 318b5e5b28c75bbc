//! The octets to and from a server of the engine, with or without TLS, and never more than a reply
//! can have.

use super::connect::EngineOptions;
use crate::cluster::protocol::{ExcessiveReply, ReplyGauge};
use crate::net::tls::{Connector, TlsError};
use crate::net::{Dial, Io};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Connects to `address`. `excess` is set where a reply is longer than any of an engine: that ends
/// the connection.
pub(super) async fn stream(
    dial: &dyn Dial,
    options: &EngineOptions,
    address: &str,
    excess: Arc<OnceLock<ExcessiveReply>>,
) -> io::Result<EngineStream> {
    let io = dial.dial(address).await?;
    io.probe_hard(false);
    let transport = match &options.tls {
        None => Transport::Plain(io),
        Some(authorities) => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let refused = |error: TlsError| io::Error::other(error.to_string());
            let connector = Connector::of_authorities(&authorities.borrow(), host);
            let connector = connector.map_err(refused)?;
            let stream = connector.connect(io).await.map_err(refused)?;
            Transport::Tls(Box::new(stream))
        }
    };
    Ok(EngineStream {
        transport,
        gauge: ReplyGauge::default(),
        excess,
    })
}

/// A stream on which no reply is longer than it may be.
pub(super) struct EngineStream {
    transport: Transport,
    gauge: ReplyGauge,
    excess: Arc<OnceLock<ExcessiveReply>>,
}

enum Transport {
    Plain(Box<dyn Io>),
    Tls(Box<tokio_rustls::client::TlsStream<Box<dyn Io>>>),
}

impl AsyncRead for EngineStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_read(cx, into),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        })?;
        let passed = self.gauge.pass(&into.filled()[before..]);
        Poll::Ready(passed.map_err(|excess| {
            let error = io::Error::new(io::ErrorKind::InvalidData, excess.to_string());
            // The first one ended the connection.
            let _ = self.excess.set(excess);
            error
        }))
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_write(cx, octets),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
