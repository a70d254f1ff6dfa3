//! See `tests/it/hostile/prompt_stream.rs`.
#![no_main]

#[path = "../../tests/it/hostile/prompt_stream.rs"]
mod prompt_stream;

libfuzzer_sys::fuzz_target!(|data: &[u8]| prompt_stream::check(data));
