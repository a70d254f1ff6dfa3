//! See `src/session/terminal/check.rs`. The emulator is no public part of the library and uses
//! nothing else of it, so its files are compiled in here.
#![no_main]

#[path = "../../src/session/terminal/check.rs"]
mod check;
#[path = "../../src/session/terminal/controls.rs"]
mod controls;
#[path = "../../src/session/terminal/reference.rs"]
mod reference;
#[expect(dead_code, reason = "the session uses more of it")]
#[path = "../../src/session/terminal/mod.rs"]
mod terminal;

#[path = "../../src/session/terminal/utf8.rs"]
mod utf8;

use self::terminal::Terminal;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::check(data));
