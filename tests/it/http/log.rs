//! What the log shows of requests.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::layer::SubscriberExt;
use vty_mcp::server::may_log;

use super::Server;
use super::wire::{Ask, call, initialize, modern, modern_call, post};

/// Everything that is logged on this thread.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Something that no log line holds by chance.
const CANARY: &str = "canary7f3a";

/// Sends canaries in every place that a request has, well formed and not, and returns the log and
/// the secret half of the token that was used.
async fn logged(may_pass: fn(&tracing::Metadata<'_>) -> bool) -> (String, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish()
        .with(tracing_subscriber::filter::filter_fn(may_pass));
    let _guard = tracing::subscriber::set_default(subscriber);

    let (server, known) = Server::with_tokens().await;
    let token = known.alice();
    let (start, secret) = token.rsplit_once('_').unwrap();
    let wrong = format!("{start}_{}", "c0ffeec0".repeat(8));
    let id = server.open(Some(token)).await;
    let tool = format!("tool_{CANARY}");
    let initialize = || initialize().token(token);
    let broken = |text: &str| Ask { body: text.to_owned(), ..initialize() };
    let renamed = |old: &str| broken(&initialize().body.replace(old, CANARY));
    let arguments = json!({ "name": "whoami", "arguments": { "configuration": CANARY } });
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": CANARY, "reason": CANARY } });
    for ask in [
        post(&json!({})).token(&wrong),
        post(&json!({})).with("Authorization", &format!("Basic {CANARY}")),
        Ask { line: format!("POST /mcp?token={CANARY}"), ..post(&json!({})) },
        Ask { line: format!("POST /mcp?token={CANARY}"), ..modern_call("whoami").token(token) },
        Ask { line: format!("GET /{CANARY}"), ..initialize() },
        call(&tool).token(token).session(&id),
        modern_call(&tool).token(token),
        modern("tools/call", arguments).token(token),
        broken(&format!("{{\"jsonrpc\": {CANARY}")),
        broken(&json!({ "jsonrpc": "2.0", "id": CANARY, "method": CANARY }).to_string()),
        renamed("2025-11-25"),
        renamed("2025-11-25").with("MCP-Protocol-Version", "2025-06-18"),
        renamed("raw"),
        post(&cancel).token(token).session(&id),
    ] {
        server.send(&ask).await;
    }
    let mut wire = server.connect().await;
    wire.write(&initialize().head(2 << 20)).await;
    assert_eq!(wire.head().await.status, 413);
    let mut wire = server.connect().await;
    wire.write(&initialize().head(100)).await;
    wire.write(CANARY).await;
    drop(wire);
    // A control character that clears the screens of some terminals.
    let evil = initialize().without("Host").with("Host", "evil.com\u{9b}2J");
    assert_eq!(server.send(&evil).await.status, 403);
    let secret = secret.to_owned();
    server.stop().await;
    (log.text(), secret)
}

#[tokio::test]
async fn no_byte_of_a_body_or_a_token_is_ever_logged() {
    let (text, secret) = logged(may_log).await;
    for shown in
        ["HTTP request refused: unauthorized", "the secret presented for token", "evil.com"]
    {
        assert!(text.contains(shown), "{shown} is not in the log:\n{text}");
    }
    for kept_back in [CANARY, "c0ffee", &secret, "\u{9b}"] {
        assert!(!text.contains(kept_back), "{kept_back} is in the log:\n{text}");
    }
}

#[tokio::test]
async fn without_the_filter_the_protocol_library_logs_bodies_but_no_token() {
    let (text, secret) = logged(|_| true).await;
    assert!(text.contains(CANARY), "`may_log` keeps nothing back:\n{text}");
    for kept_back in ["c0ffee", &secret] {
        assert!(!text.contains(kept_back), "{kept_back} is in the log:\n{text}");
    }
}
