//! The `vty-mcp` program: everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vty_mcp::cli::main()
}
