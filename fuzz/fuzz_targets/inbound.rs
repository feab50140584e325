//! See `targets::inbound`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unionflow_fuzz::targets::inbound(data));
