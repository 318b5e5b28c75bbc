//! The backend as a process, from the side of the benchmark.

use super::Seen;
use crate::Outcome;
use popgate::time::Duration;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// Ends with this value.
pub(crate) struct Backend {
    child: Child,
    pop3_port: u16,
    http_port: u16,
}

impl Backend {
    pub(crate) fn start() -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(crate::options::BACKEND_ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ports = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut ports)?;
        }
        let (pop3_port, http_port) = ports
            .trim()
            .split_once(' ')
            .ok_or("the backend said no ports")?;
        Ok(Self {
            pop3_port: pop3_port.parse()?,
            http_port: http_port.parse()?,
            child,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.pop3_port).into()
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let times = fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let own = times.split(' ').next().unwrap_or_default().parse()?;
        Ok(Duration::from_nanos(own))
    }

    /// Where nginx asks.
    pub(crate) fn http_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http_port).into()
    }

    /// What the locks have seen since this was asked last.
    pub(crate) fn seen(&self) -> Outcome<Seen> {
        let mut stream = TcpStream::connect(self.http_address())?;
        stream.write_all(b"GET /report HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, report) = answer.split_once("\r\n\r\n").ok_or("no report came")?;
        Ok(serde_json::from_str(report)?)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
