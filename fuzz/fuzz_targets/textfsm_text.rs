//! See `tests/it/hostile/textfsm_text.rs`.
#![no_main]

#[path = "../../tests/it/hostile/textfsm_text.rs"]
mod textfsm_text;

libfuzzer_sys::fuzz_target!(|data: &[u8]| textfsm_text::check(data));
