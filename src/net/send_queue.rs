//! How much of what was written the peer's kernel has not acknowledged. The one file with
//! `unsafe`: no crate at hand wraps this `ioctl`.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

/// Bytes in the send queue of a TCP socket, sent or not, that are not acknowledged (`SIOCOUTQ`).
///
/// Linux counts sequence numbers (`write_seq - snd_una`), so a FIN that popgate has sent counts
/// as one byte until it is acknowledged. 0 where the socket has no such queue.
#[cfg(target_os = "linux")]
pub(super) fn unacknowledged(socket: BorrowedFd<'_>) -> usize {
    use std::os::fd::AsRawFd;

    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which is SIOCOUTQ on a socket, writes one int through its argument and
    // keeps no pointer. `bytes` is that int and outlives the call; `socket` is borrowed, so its
    // descriptor is open.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 {
        usize::try_from(bytes).unwrap_or(0)
    } else {
        0
    }
}

/// Other systems do not tell: everything counts as acknowledged.
#[cfg(not(target_os = "linux"))]
pub(super) fn unacknowledged(_socket: BorrowedFd<'_>) -> usize {
    0
}
