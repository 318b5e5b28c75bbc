//! A Sentinel as a child process, of the same program as the engine.

use super::process::EngineProcess;
use std::net::SocketAddr;

/// One that does not run yet and looks after `primary`, whom it calls `mail`; two must agree.
/// `before` stands before its command.
pub(crate) fn sentinel(
    address: SocketAddr,
    before: &[String],
    primary: SocketAddr,
) -> EngineProcess {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "bind {}\nprotected-mode no\nport {}\n\
         sentinel monitor mail {} {} 2\n\
         sentinel down-after-milliseconds mail 1000\n\
         sentinel failover-timeout mail 5000\n",
        address.ip(),
        address.port(),
        primary.ip(),
        primary.port()
    );
    std::fs::write(folder.path().join("sentinel.conf"), text).unwrap();
    EngineProcess::new(address, before, &["sentinel.conf", "--sentinel"], folder)
}
