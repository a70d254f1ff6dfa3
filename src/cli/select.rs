//! The process that runs one jq program and is thrown away; `operations/select.rs` starts it.
//!
//! **Invariant:** the limits are set before a byte of the order is read. macOS knows no limit
//! on memory, and outside Unix there is only the time after which the caller kills it.

use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Exit;
use super::args::SelectLimits;
use crate::parse::select;

/// What the process is to do.
#[derive(Deserialize)]
struct Order {
    program: String,
    /// None to check the program only.
    input: Option<Value>,
    output_bytes: usize,
}

/// Reads an order from standard input and writes what its program gives to standard output.
pub(super) fn run(limits: &SelectLimits) -> Exit {
    match work(limits) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            super::output::complain(&error.to_string());
            Exit::Bug
        }
    }
}

fn work(limits: &SelectLimits) -> std::io::Result<()> {
    limit(limits)?;
    let order: Order = {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        serde_json::from_slice(&bytes)?
    };
    let done = match &order.input {
        None => select::check(&order.program).map(|()| Vec::new()),
        Some(input) => select::run(&order.program, input, order.output_bytes),
    };
    let answer = match done {
        Ok(values) => json!({ "values": values }),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(answer.to_string().as_bytes())?;
    out.flush()
}

#[cfg(unix)]
fn limit(limits: &SelectLimits) -> std::io::Result<()> {
    use rlimit::{Resource, setrlimit};
    setrlimit(Resource::CORE, 0, 0)?;
    setrlimit(Resource::FSIZE, 0, 0)?;
    setrlimit(Resource::CPU, limits.seconds, limits.seconds)?;
    // macOS refuses every limit on the address space.
    if !cfg!(target_vendor = "apple") {
        setrlimit(Resource::AS, limits.memory, limits.memory)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit(_: &SelectLimits) -> std::io::Result<()> {
    Ok(())
}
