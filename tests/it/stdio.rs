//! The built program as an MCP client sees it: bytes on standard input and output.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use vty_mcp::lab::{Faults, LabDevice};

use crate::support::{Fleet, SOON};

/// The program with its pipes.
struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(fleet: &Fleet) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vty-mcp"))
            .args(["--log", "debug", "serve", "--settings"])
            .arg(fleet.directory.path().join("settings.toml"))
            .arg("-f")
            .arg(fleet.directory.path().join("devices.json"))
            .arg("--state-dir")
            .arg(fleet.directory.path().join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    async fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    /// Reads up to the answer to this request; every line on the way must be JSON-RPC.
    async fn answer_to(&mut self, id: u64) -> Value {
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(SOON, self.output.read_line(&mut line)).await;
            assert!(read.unwrap().unwrap() > 0, "standard output ended");
            let message: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(message["jsonrpc"], "2.0", "{line}");
            if message["id"] == id {
                return message;
            }
        }
    }

    async fn initialize(&mut self) {
        self.send(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" } } }))
            .await;
        let answer = self.answer_to(0).await;
        assert_eq!(answer["result"]["serverInfo"]["name"], "vty-mcp");
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    }

    async fn call(&mut self, id: u64, commands: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
            "name": "run_commands", "arguments": { "devices": ["r1"], "commands": commands },
            "_meta": { "progressToken": id } } }))
            .await;
    }

    /// Waits for the end of the process and returns its exit code and whatever it still wrote.
    async fn end(mut self) -> (Option<i32>, String) {
        drop(self.input);
        let mut rest = String::new();
        let reading = self.output.read_to_string(&mut rest);
        tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
        let status = tokio::time::timeout(SOON, self.child.wait()).await.unwrap().unwrap();
        (status.code(), rest)
    }
}

#[tokio::test]
async fn nothing_but_json_rpc_appears_on_standard_output() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let mut server = Server::start(&fleet);
    server.initialize().await;
    server.input.write_all(b"this is no JSON\n\n").await.unwrap();
    server.call(1, json!(["show version"])).await;
    let answer = server.answer_to(1).await;
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    server.call(2, json!(["show version\nreload"])).await;
    let answer = server.answer_to(2).await;
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("policy_denied"));
    assert_eq!(server.end().await, (Some(0), String::new()));
    fleet.stop().await;
}

#[tokio::test]
async fn the_stateless_protocol_is_spoken_too() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let mut server = Server::start(&fleet);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "0" },
    });
    server
        .send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta } }))
        .await;
    let discovered = server.answer_to(1).await;
    assert!(discovered["result"].is_object(), "{discovered}");
    server
        .send(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": { "_meta": meta } }))
        .await;
    let list = server.answer_to(2).await;
    assert_eq!(list["result"]["cacheScope"], "private", "{list}");
    assert!(list["result"]["ttlMs"].is_number());
    server
        .send(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": { "_meta": meta,
            "name": "run_commands", "arguments": { "devices": ["r1"], "commands": ["show version"] } } }))
        .await;
    let answer = server.answer_to(3).await;
    assert!(answer.to_string().contains("FRRouting"), "{answer}");
    assert_eq!(server.end().await.0, Some(0));
    fleet.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_command_ends_sessions_and_process() {
    let faults = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(faults)]).await;
    let mut server = Server::start(&fleet);
    server.initialize().await;
    server.call(1, json!(["show version"])).await;
    fleet.wait_for("r1", |seen| seen.commands().contains(&"show version")).await;
    let (code, _) = server.end().await;
    assert_eq!(code, Some(0));
    let seen = fleet.wait_for("r1", |seen| seen.open_connections == 0).await;
    assert_eq!(seen.interrupts, 1, "the command was interrupted on the device");
    fleet.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_process_cleanly() {
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr")]).await;
    let mut server = Server::start(&fleet);
    server.initialize().await;
    let id = server.child.id().unwrap().to_string();
    let killed = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
    assert!(killed.success());
    let status = tokio::time::timeout(SOON, server.child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    fleet.stop().await;
}

#[tokio::test]
async fn a_cancelled_call_reaches_the_device_and_the_server_lives_on() {
    let faults = Faults { hang: vec!["show version".to_owned()], ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(faults)]).await;
    let mut server = Server::start(&fleet);
    server.initialize().await;
    server.call(1, json!(["show version"])).await;
    fleet.wait_for("r1", |seen| seen.commands().contains(&"show version")).await;
    server
        .send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }))
        .await;
    fleet.wait_for("r1", |seen| seen.interrupts == 1).await;
    server.call(2, json!(["show ip route"])).await;
    assert_eq!(server.answer_to(2).await["result"]["isError"], false);
    assert_eq!(server.end().await.0, Some(0));
    fleet.stop().await;
}

#[tokio::test]
async fn a_long_call_reports_progress() {
    let slow = Faults { answer_delay: Duration::from_millis(50), ..Faults::default() };
    let fleet = Fleet::start(vec![LabDevice::new("r1", "frr").faults(slow)]).await;
    let mut server = Server::start(&fleet);
    server.initialize().await;
    server.call(7, json!(["show version"])).await;
    let mut line = String::new();
    server.output.read_line(&mut line).await.unwrap();
    let note: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(note["method"], "notifications/progress", "{note}");
    assert_eq!(note["params"]["progressToken"], 7);
    server.answer_to(7).await;
    assert_eq!(server.end().await.0, Some(0));
    fleet.stop().await;
}
