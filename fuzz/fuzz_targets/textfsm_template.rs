//! See `tests/it/hostile/textfsm_template.rs`.
#![no_main]

#[path = "../../tests/it/hostile/textfsm_template.rs"]
mod textfsm_template;

libfuzzer_sys::fuzz_target!(|data: &[u8]| textfsm_template::check(data));
