//! What stands before a command: network namespaces, which are hosts of their own on this machine, and
//! priority.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::thread;

/// In front of a command that goes before other programs; it takes root, and does not without.
pub(crate) const GOING_FIRST: [&str; 3] = ["nice", "-n", "-10"];

fn path(namespace: &str) -> String {
    format!("/run/netns/{namespace}")
}

/// The words in front of a command that is to run there.
pub(crate) fn entering(namespace: &str) -> Vec<String> {
    vec!["nsenter".to_owned(), format!("--net={}", path(namespace))]
}

/// This thread goes there: what it opens and starts from here on is there.
pub(crate) fn enter(namespace: &str) -> io::Result<()> {
    let file = File::open(path(namespace))?;
    Ok(move_into_link_name_space(
        file.as_fd(),
        Some(LinkNameSpaceType::Network),
    )?)
}

/// Connects from there. The socket stays there, whoever uses it.
pub(crate) fn connect_within(namespace: &str, to: SocketAddr) -> io::Result<TcpStream> {
    let connect = || {
        enter(namespace)?;
        let stream = TcpStream::connect(to)?;
        stream.set_nonblocking(true)?;
        Ok(stream)
    };
    // A thread of its own: it does not come back from there.
    thread::scope(|scope| scope.spawn(connect).join().unwrap())
}
