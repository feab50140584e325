//! See `targets::client_frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unionflow_fuzz::targets::client_frame(data));
