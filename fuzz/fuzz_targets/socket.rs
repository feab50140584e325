//! See `targets::socket`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unionflow_fuzz::targets::socket(data));
