//! The only randomness of this process: what the system would give, this file gives, and it is
//! the same each time. tokio draws the order of `select!` from it, and hash maps their order.
#![allow(unsafe_code)] // A symbol of the C library is replaced; there is no safe way to do that.

use std::sync::atomic::{AtomicU64, Ordering};

static SEED: AtomicU64 = AtomicU64::new(0);

/// What comes from now on follows from `seed`.
pub(crate) fn seed(seed: u64) {
    SEED.store(seed, Ordering::Relaxed);
    fastrand::seed(seed);
}

/// Stands in for the C library's.
///
/// # Safety
/// As there: `buffer` has room for `length` octets.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    // SAFETY: the caller says so.
    let octets = unsafe { std::slice::from_raw_parts_mut(buffer, length) };
    fastrand::Rng::with_seed(SEED.load(Ordering::Relaxed)).fill(octets);
    isize::try_from(length).unwrap_or(isize::MAX)
}
