//! See `tests/it/hostile/platform_file.rs`.
#![no_main]

#[path = "../../tests/it/hostile/platform_file.rs"]
mod platform_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| platform_file::check(data));
