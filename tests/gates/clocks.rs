//! A process whose clock on the wall is wrong, by Debian's libfaketime.

use std::path::Path;

const LIBRARY: &str = "/usr/$LIB/faketime/libfaketime.so.1";

/// Whether there are wrong clocks: said aloud if not, and a failure where CI=true.
pub(crate) fn are_installed() -> bool {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let found = folders
        .filter_map(Result::ok)
        .any(|folder| folder.path().join("faketime/libfaketime.so.1").exists());
    if found {
        return true;
    }
    let why = "SKIPPED: libfaketime is not installed: tests/run packages";
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("{why}");
    false
}

/// The environment of a process whose clock is off by what the file says, as `+3600s`; it is read
/// again after a second. Its other clocks are right.
pub(crate) fn by_file(offset: &Path) -> Vec<(&'static str, String)> {
    vec![
        // The C library in front of redis-server's own allocator, which asks for the time before
        // libfaketime is ready.
        ("LD_PRELOAD", format!("{LIBRARY} libc.so.6")),
        (
            "FAKETIME_TIMESTAMP_FILE",
            offset.to_str().unwrap().to_owned(),
        ),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}
