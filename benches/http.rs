//! How many tool calls a second go over HTTP on loopback, in sessions that are kept open.
//!
//! The floor is `GET /healthz` over the same kind of connection, in the same run.
//!
//! `cargo bench --bench http`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints and may panic"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::mcp::VtyMcp;
use vty_mcp::server::{self, HttpOptions};
use vty_mcp::settings::{Overrides, Settings};
use vty_mcp::store::{StateDirectory, unix_now};
use vty_mcp::token::{NewToken, Tokens};

const ROUND: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 4;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#;
const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LEGACY_CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_devices","arguments":{}}}"#;
const MODERN_CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_devices","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const MODERN_HEADERS: &str =
    "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: list_devices\r\n";
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// One connection that is kept open.
struct Wire(BufReader<TcpStream>);

impl Wire {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a request and returns the head and the body of its answer.
    fn exchange(&mut self, request: &str) -> (String, String) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), None);
        loop {
            let start = head.len();
            self.0.read_line(&mut head).unwrap();
            let line = head.split_at(start).1.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = Some(value.parse().unwrap());
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = String::new();
        if let Some(length) = length {
            self.read(length, &mut body);
        } else if head.contains("chunked") {
            while self.chunk(&mut body) {}
        }
        (head, body)
    }

    fn chunk(&mut self, body: &mut String) -> bool {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        self.read(length, body);
        self.0.read_line(&mut line).unwrap();
        length > 0
    }

    fn read(&mut self, length: usize, body: &mut String) {
        let length = u64::try_from(length).unwrap();
        self.0.by_ref().take(length).read_to_string(body).unwrap();
    }
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\n\
         Content-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Opens a session and returns the header that names it.
fn open(wire: &mut Wire, authorization: &str) -> String {
    let (head, _) = wire.exchange(&post(authorization, INITIALIZE));
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("mcp-session-id"));
    let session = format!("{authorization}{}\r\n", line.unwrap());
    wire.exchange(&post(&session, READY));
    session
}

/// Repeats a request on several connections at once and returns the answers a second.
fn rate(address: SocketAddr, request: impl Fn(&mut Wire) -> String + Sync, expected: &str) -> f64 {
    let start = Instant::now();
    let answers: u32 = std::thread::scope(|scope| {
        let run = || {
            let mut wire = Wire::connect(address);
            let request = request(&mut wire);
            let mut answers = 0;
            while start.elapsed() < ROUND {
                let (head, body) = wire.exchange(&request);
                assert!(body.contains(expected), "{head}{body}");
                answers += 1;
            }
            answers
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    f64::from(answers) / start.elapsed().as_secs_f64()
}

fn show(name: &str, rate: f64, floor: f64) {
    println!("{name:<36} {rate:>8.0} a second  ({:.2} of the floor)", rate / floor);
}

/// Serves one device, with or without tokens.
async fn serve(settings: &Settings, tokens: Option<Arc<Tokens>>) -> SocketAddr {
    let operations = server::build(settings).unwrap().operations;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = HttpOptions::default();
    options.tokens = tokens;
    let service = VtyMcp::new(operations, Caller::local(Role::Viewer));
    tokio::spawn(server::serve_http(service, listener, options, CancellationToken::new()));
    address
}

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let inventory = directory.path().join("devices.json");
    let device = r#"{"devices":{"r1":{"platform":"frr","address":"192.0.2.1","username":"a","auth":{"type":"password","password":"b-long-one"}}}}"#;
    std::fs::write(&inventory, device).unwrap();
    std::fs::write(directory.path().join("settings.toml"), "").unwrap();
    let settings = Settings::load(Overrides {
        inventory: Some(inventory),
        settings_file: Some(directory.path().join("settings.toml")),
        state_dir: Some(directory.path().join("state")),
        ..Overrides::default()
    })
    .unwrap();
    let state = directory.path().join("tokens");
    let store = StateDirectory::open(&state).unwrap().database().unwrap();
    let tokens = Arc::new(Tokens::new(Arc::new(store)));
    let new = NewToken {
        name: "bench".to_owned(),
        role: Role::Viewer,
        expires_in: Duration::from_secs(3600),
    };
    let token = tokens.create(&new, unix_now()).unwrap().token;
    let authorization = format!("Authorization: Bearer {}\r\n", token.expose());

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open_to_all = runtime.block_on(serve(&settings, None));
    let guarded = runtime.block_on(serve(&settings, Some(tokens)));
    rate(open_to_all, |_| HEALTH.to_owned(), "ok"); // warms up
    let floor = rate(open_to_all, |_| HEALTH.to_owned(), "ok");
    show("GET /healthz", floor, floor);
    let legacy = rate(open_to_all, |wire| post(&open(wire, ""), LEGACY_CALL), "r1");
    show("tool call in a session", legacy, floor);
    let modern = rate(open_to_all, |_| post(MODERN_HEADERS, MODERN_CALL), "r1");
    show("tool call without a session", modern, floor);
    let with_token = rate(guarded, |wire| post(&open(wire, &authorization), LEGACY_CALL), "r1");
    show("tool call in a session, with a token", with_token, floor);
    println!("goal: at least 2000 tool calls a second");
    runtime.shutdown_background();
}
