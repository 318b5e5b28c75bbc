//! Where servers that only log to syslog have their log.

use crate::Outcome;
use std::fs::{self, File};
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::thread;

/// Longer messages are cut.
const MESSAGE_OCTETS: usize = 8 * 1024;

/// A socket as `/dev/log` is, whose messages are appended to a file.
pub(crate) struct Syslog {
    socket: UnixDatagram,
}

impl Syslog {
    /// Receives at `path`, from whoever may see it.
    pub(crate) fn start(path: &Path, log: &Path) -> Outcome<Self> {
        let socket = UnixDatagram::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        let receiver = socket.try_clone()?;
        let mut log = File::options().create(true).append(true).open(log)?;
        thread::spawn(move || {
            let mut message = [0; MESSAGE_OCTETS];
            // It is empty when the syslog is dropped.
            while let Ok(length @ 1..) = receiver.recv(&mut message) {
                let line = [&message[..length], b"\n"].concat();
                // A log that cannot be written shows where it is missed.
                let _ = log.write_all(&line);
            }
        });
        Ok(Self { socket })
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        // Wakes the thread.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
