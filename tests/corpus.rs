//! Replays the corpus of each fuzz target on stable: what once broke stays mended.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

fn replay(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut files = 0;
    for entry in fs::read_dir(corpus.join(target)).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        body(&fs::read(path).unwrap());
        files += 1;
    }
    assert!(files > 0, "no corpus for {target}");
}

macro_rules! targets {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            replay(stringify!($target), popgate::fuzzing::$target);
        }
    )*};
}

targets!(line listing transaction command capability reply sasl multiline exchange dialect config proxy_header);
