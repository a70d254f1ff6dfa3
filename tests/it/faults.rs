//! The fault matrix: what goes wrong between us and a device, in which phase, and its code.
//!
//! The matrix is data. Each cell runs against a device of the lab with a healthy one beside it,
//! which must never notice. What was found is written to `target/tmp/faults.txt` as a table that
//! names the judge of each cell. Keepalives are judged in `simulation`, where time is cheap.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use vty_mcp::lab::{Authentication, Cut, Denial, Faults, Greeting, LabDevice, Observed};

use crate::support::{Fleet, SOON};

/// One cell of the matrix.
struct Cell {
    fault: &'static str,
    phase: &'static str,
    code: &'static str,
    faults: fn() -> Faults,
    /// What the inventory says of the device instead.
    instead: fn(&mut serde_json::Value),
}

const fn cell(
    fault: &'static str,
    phase: &'static str,
    code: &'static str,
    faults: fn() -> Faults,
) -> Cell {
    Cell { fault, phase, code, faults, instead: |_| {} }
}

fn in_output() -> Cut {
    Cut::in_output_of("show version", 40)
}

fn greeting(greeting: Greeting) -> Faults {
    Faults { greeting, ..Faults::default() }
}

fn authentication(authentication: Authentication) -> Faults {
    Faults { authentication, ..Faults::default() }
}

fn denies(denies: Denial) -> Faults {
    Faults { denies, ..Faults::default() }
}

fn matrix() -> Vec<Cell> {
    vec![
        Cell {
            instead: |device| device["port"] = json!(closed_port()),
            ..cell("refused", "connect", "connect_failed", Faults::default)
        },
        cell("blackhole", "connect", "connect_timeout", || greeting(Greeting::Nothing)),
        cell("reset", "connect", "connect_failed", || Faults {
            drop_after_bytes: Some(10),
            resets: true,
            ..Faults::default()
        }),
        cell("closed behind the version", "connect", "connect_failed", || {
            greeting(Greeting::IdentAndClose)
        }),
        cell("half-open", "connect", "connect_timeout", || Faults {
            silent_after_bytes: Some(10),
            ..Faults::default()
        }),
        cell("one byte a second", "connect", "connect_timeout", || Faults {
            trickle: Duration::from_secs(1),
            ..Faults::default()
        }),
        cell("version garbage", "connect", "connect_failed", || greeting(Greeting::WebPage)),
        cell("version noise", "connect", "connect_timeout", || greeting(Greeting::Noise)),
        cell("100 KB pre-banner", "connect", "connect_failed", || Faults {
            lines_before_ident: 100_000,
            ..Faults::default()
        }),
        cell("no key exchange", "connect", "connect_timeout", || greeting(Greeting::IdentOnly)),
        cell("reset in key exchange", "connect", "connect_failed", || Faults {
            drop_after_bytes: Some(600),
            resets: true,
            ..Faults::default()
        }),
        cell("reset", "authentication", "connect_failed", || Faults {
            resets: true,
            ..authentication(Authentication::Closes)
        }),
        cell("half-open", "authentication", "connect_timeout", || {
            authentication(Authentication::Silent)
        }),
        cell("closed", "authentication", "connect_failed", || {
            authentication(Authentication::Closes)
        }),
        cell("1 MB banner", "authentication", "connect_failed", || Faults {
            auth_banner_bytes: Some(1 << 20),
            ..Faults::default()
        }),
        cell("channel refused", "login", "connect_failed", || denies(Denial::Channel)),
        cell("PTY refused", "login", "connect_failed", || denies(Denial::Pty)),
        cell("shell that closes at once", "login", "session_lost", || denies(Denial::Shell)),
        cell("reset", "show", "session_lost", || Faults {
            drop: Some(in_output()),
            resets: true,
            ..Faults::default()
        }),
        cell("closed", "show", "session_lost", || Faults {
            drop: Some(in_output()),
            ..Faults::default()
        }),
        cell("disconnect message", "show", "session_lost", || Faults {
            disconnect: Some(in_output()),
            ..Faults::default()
        }),
        cell("half-open", "show", "command_timeout", || Faults {
            vanish: Some(in_output()),
            ..Faults::default()
        }),
        cell("stalled", "show", "command_timeout", || Faults {
            stall: Some(in_output()),
            ..Faults::default()
        }),
        cell("one byte a second", "show", "command_timeout", || Faults {
            crawl: Some(in_output()),
            ..Faults::default()
        }),
        cell("new keys every 400 bytes", "show", "none", || Faults {
            rekey_every_bytes: Some(400),
            ..Faults::default()
        }),
    ]
}

/// A port that is taken, so that no device gets it, and on which nobody listens.
fn closed_port() -> u16 {
    static SOCKET: LazyLock<TcpSocket> = LazyLock::new(|| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket
    });
    SOCKET.local_addr().unwrap().port()
}

/// What the device saw must fit the phase in which the fault is said to strike.
fn is_in_phase(cell: &Cell, seen: &Observed) -> bool {
    let was_asked = seen.commands().contains(&"show version");
    match cell.phase {
        "connect" => seen.logins_attempted == 0 && seen.bytes_received < 4000,
        "authentication" => seen.bytes_sent > 1000 && seen.ptys.is_empty(),
        "login" => seen.logins_succeeded == 1 && !was_asked,
        "show" => was_asked,
        _ => false,
    }
}

/// Runs a cell: the code that came out of it, or what else was wrong.
async fn judge(cell: &Cell) -> Result<&'static str, String> {
    let bad = LabDevice::new("bad", "frr").faults((cell.faults)());
    let devices = vec![bad, LabDevice::new("good", "frr")];
    let fleet = Fleet::start_with(devices, |inventory| {
        let bad = &mut inventory["devices"]["bad"];
        // Only what must run out is short, so that a busy machine changes no code.
        bad["timeouts"] = match (cell.code, cell.phase) {
            ("command_timeout", _) => json!({ "idle_seconds": 2, "command_seconds": 4 }),
            ("connect_timeout", "connect") => json!({ "connect_seconds": 1, "auth_seconds": 1 }),
            ("connect_timeout", _) => json!({ "auth_seconds": 2 }),
            _ => json!({}),
        };
        (cell.instead)(bad);
    })
    .await;
    let answers = fleet.run(&["bad", "good"], &["show version"]).await;
    let code = answers[0].answers[0].error.as_ref().map_or("none", |error| error.code.as_str());
    let after = fleet.ask("good", "show version").await;
    fleet.operations.close().await;
    let device = fleet.device("bad");
    let ended = device.wait_for(SOON, |seen| seen.open_connections == 0).await;
    let seen = device.observed();
    if answers[1].answers[0].error.is_some() || after.error.is_some() {
        return Err(format!("{code}, and the healthy device suffered"));
    }
    if ended.is_err() {
        return Err(format!("{code}, and the connection stays open: {seen:?}"));
    }
    if !is_in_phase(cell, &seen) || seen.password_attempts > 1 {
        return Err(format!("{code}, and the device saw {seen:?}"));
    }
    fleet.wait_for("good", |seen| seen.open_connections == 0).await;
    fleet.stop().await;
    Ok(code)
}

#[tokio::test]
async fn every_fault_in_every_phase_has_its_code_and_costs_nobody_else_anything() {
    let mut running = JoinSet::new();
    for (row, cell) in matrix().into_iter().enumerate() {
        running.spawn(async move { (row, judge(&cell).await, cell) });
    }
    let mut rows = running.join_all().await;
    rows.sort_by_key(|(row, ..)| *row);
    let mut table = String::new();
    let mut wrong = Vec::new();
    for (_, verdict, Cell { fault, phase, code: expected, .. }) in rows {
        let code = verdict.unwrap_or_else(|problem| {
            wrong.push(format!("{fault} in {phase}: {problem}"));
            "?"
        });
        writeln!(table, "{fault:<28} | {phase:<14} | judge: lab | {code}").unwrap();
        if code != expected {
            wrong.push(format!("{fault} in {phase}: {code} instead of {expected}"));
        }
    }
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/faults.txt"), table).unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
