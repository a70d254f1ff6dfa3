//! The integration tests: one crate, so that it links once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed expectation in a test should panic with its location"
)]

mod changes; // changes against devices that model candidates and revert timers
mod changes_cli; // changes from the command line, a process each
mod cli; // the built program as a person uses it
mod credentials; // secrets that do not stand in the device file
mod detection; // devices whose platform nobody named
mod docs; // the documentation tells what the code does
mod doctor; // what the doctor says of devices
mod failures; // everything that goes wrong between us and a device, and its code
mod faults; // the fault matrix, as a table
mod fields; // one name for one thing, and the tables that say so
mod host_keys; // recorded, pinned, changed and revoked host keys
mod hostile; // whatever bytes come; the fuzzer asserts the same
mod http; // the HTTP transport, byte by byte
mod inventory; // the example device file
mod lab_devices; // every platform against its simulated device, with quirks
mod logins; // authentication, method by method
mod platforms; // one suite over all platforms, whole and cut
mod pool; // sessions are kept, proven and never shared
mod query; // structured answers, filtered and shaped
mod recording; // transcripts, from a device to a platform file that they prove
mod reload; // the device file is read again while the server runs
mod simulation; // our pool against a device over a simulated network, with seeded faults
mod stdio; // the built program as an MCP client uses it
mod support; // simulated devices, use cases and clients for the tests
mod templates; // every template against recorded outputs
mod templates_cli; // outputs in files, and the templates, from the command line
mod templates_corpus; // our templates against ntc-templates', where its outputs exist
mod textfsm_conformance; // our engine against other people's outputs, where they exist
mod textfsm_differential; // our engine against Python's, where its answers exist
mod tidy; // the tree keeps its own rules
mod tools; // the MCP tools, in the same process
