//! A client of HTTP/1.1 that sends exactly what it is told to.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::soon;

const MODERN: &str = "2026-07-28";

/// A request as it goes over the wire.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Ask {
    pub(super) fn new(line: &str) -> Self {
        Self { line: line.to_owned(), headers: Vec::new(), body: String::new() }
            .with("Host", "localhost")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(super) fn session(self, id: &str) -> Self {
        self.with("Mcp-Session-Id", id)
    }

    /// The head alone, which announces `length` bytes.
    pub(super) fn head(&self, length: usize) -> String {
        let mut head = format!("{} HTTP/1.1\r\n", self.line);
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head + &format!("Content-Length: {length}\r\n\r\n")
    }

    pub(super) fn bytes(&self) -> String {
        self.head(self.body.len()) + &self.body
    }
}

pub(super) fn post(message: &Value) -> Ask {
    let ask = Ask::new("POST /mcp")
        .with("Accept", "application/json, text/event-stream")
        .with("Content-Type", "application/json");
    Ask { body: message.to_string(), ..ask }
}

pub(super) fn initialize() -> Ask {
    post(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "raw", "version": "0" },
    } }))
}

pub(super) fn call(tool: &str) -> Ask {
    post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": {} } }))
}

/// A request of the protocol without sessions.
pub(super) fn modern(method: &str, mut params: Value) -> Ask {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "raw", "version": "0" },
    });
    let name = params["name"].as_str().map(str::to_owned);
    let ask = post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }))
        .with("MCP-Protocol-Version", MODERN)
        .with("Mcp-Method", method);
    match name {
        Some(name) => ask.with("Mcp-Name", &name),
        None => ask,
    }
}

pub(super) fn modern_call(tool: &str) -> Ask {
    modern("tools/call", json!({ "name": tool, "arguments": {} }))
}

/// One connection.
pub(super) struct Wire(pub(super) BufReader<TcpStream>);

impl Wire {
    pub(super) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    pub(super) async fn line(&mut self) -> String {
        let mut line = String::new();
        soon(self.0.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    pub(super) async fn head(&mut self) -> Reply {
        let first = self.line().await;
        let status = first.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {first:?}"));
        let mut reply =
            Reply { status: status.parse().unwrap(), headers: Vec::new(), body: String::new() };
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { return reply };
            reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// One chunk of a body that has no known length; empty at its end.
    pub(super) async fn chunk(&mut self) -> String {
        let length = usize::from_str_radix(&self.line().await, 16).unwrap();
        let chunk = self.read(length).await;
        self.line().await;
        chunk
    }

    pub(super) async fn read(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        soon(self.0.read_exact(&mut bytes)).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    pub(super) async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        if let Some(length) = reply.header("content-length") {
            reply.body = self.read(length.parse().unwrap()).await;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let chunk = self.chunk().await;
                if chunk.is_empty() {
                    break;
                }
                reply.body.push_str(&chunk);
            }
        }
        reply
    }

    /// Waits until the server closes the connection, and returns what it said before.
    pub(super) async fn closed(&mut self) -> String {
        let mut rest = Vec::new();
        // A server that closes on unread bytes resets the connection.
        let _ended = soon(self.0.read_to_end(&mut rest)).await;
        String::from_utf8(rest).unwrap()
    }
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The last message of an event stream, or the only one of a plain answer.
    pub(super) fn message(&self) -> Value {
        let events = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        let last = events.map(str::trim).rfind(|data| !data.is_empty());
        serde_json::from_str(last.unwrap_or(&self.body))
            .unwrap_or_else(|_| panic!("{}: {}", self.status, self.body))
    }

    /// The text of a tool result.
    pub(super) fn text(&self) -> String {
        let message = self.message();
        let text = message["result"]["content"][0]["text"].as_str();
        text.unwrap_or_else(|| panic!("{message}")).to_owned()
    }
}
