//! The process that runs one jq program and is thrown away; `operations/select.rs` starts it.
//!
//! **Invariant:** the limits are set before the program is looked at. Reading the order allocates only
//! what the caller sent. Outside Unix there are none but the time after which the caller kills it.

use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Exit;
use crate::parse::select;

/// What the process is to do.
#[derive(Deserialize)]
struct Order {
    program: String,
    input: Value,
    output_bytes: usize,
    memory: u64,
    seconds: u64,
}

/// Reads an order from standard input and writes what its program gives to standard output.
pub(super) fn run() -> Exit {
    match work() {
        Ok(()) => Exit::Ok,
        Err(_) => Exit::Bug,
    }
}

fn work() -> std::io::Result<()> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let order: Order = serde_json::from_slice(&bytes)?;
    drop(bytes);
    limit(order.memory, order.seconds)?;
    let answer = match select::run(&order.program, &order.input, order.output_bytes) {
        Ok(values) => json!({ "values": values }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(answer.to_string().as_bytes())?;
    out.flush()
}

#[cfg(unix)]
fn limit(memory: u64, seconds: u64) -> std::io::Result<()> {
    use rlimit::{Resource, setrlimit};
    setrlimit(Resource::CORE, 0, 0)?;
    setrlimit(Resource::FSIZE, 0, 0)?;
    setrlimit(Resource::CPU, seconds, seconds)?;
    setrlimit(Resource::AS, memory, memory)
}

#[cfg(not(unix))]
fn limit(_: u64, _: u64) -> std::io::Result<()> {
    Ok(())
}
