#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| popgate::fuzzing::transaction(data));
