//! vty-mcp: a self-contained MCP server that speaks SSH directly to network devices.
//!
//! `docs/architecture.md` has the map of these modules and the order in which they may use one
//! another; `tests/it/tidy.rs` enforces it.

pub mod caller;
pub mod change;
pub mod cli;
pub mod credential;
pub mod error;
pub mod inventory;
pub mod lab;
pub mod mcp;
pub mod operations;
pub mod parse;
pub mod platform;
pub mod policy;
pub mod pool;
pub mod redact;
pub mod secret;
pub mod server;
pub mod session;
pub mod settings;
pub mod store;
pub mod token;
pub mod transport;
