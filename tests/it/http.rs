//! The HTTP transport, byte by byte: who is let in, what is refused, and how it ends.

mod log;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vty_mcp::caller::{Caller, Role};
use vty_mcp::server::{HttpOptions, ServeError, serve_http};
use vty_mcp::store::{StateDirectory, unix_now};
use vty_mcp::token::{CreatedToken, NewToken, Tokens};

use self::wire::{Ask, Reply, Wire, call, initialize, modern, modern_call, post};
use crate::support::SOON;

/// An MCP service that tells what reaches it.
#[derive(Debug, Clone, Default)]
struct Probe {
    started: Arc<Notify>,
    release: Arc<Notify>,
    cancelled: Arc<Notify>,
}

impl ServerHandler for Probe {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({ "type": "object" }).as_object().cloned().unwrap();
        let tools = ["whoami", "wait"].map(|name| Tool::new(name, name, Arc::new(schema.clone())));
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = match request.name.as_ref() {
            "whoami" => {
                let parts = context.extensions.get::<Parts>().unwrap();
                let caller = parts.extensions.get::<Caller>().unwrap();
                let shown = format!("{parts:?}").contains("vty_");
                format!("{} {:?} token shown: {shown}", caller.id, caller.role)
            }
            "wait" => {
                self.started.notify_one();
                tokio::select! {
                    () = self.release.notified() => "released".to_owned(),
                    () = context.ct.cancelled() => {
                        self.cancelled.notify_one();
                        "cancelled".to_owned()
                    }
                }
            }
            other => return Err(ErrorData::invalid_params(format!("no tool {other}"), None)),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

/// A server on a free port.
struct Server {
    address: SocketAddr,
    probe: Probe,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start(change: impl FnOnce(&mut HttpOptions)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (probe, shutdown) = (Probe::default(), CancellationToken::new());
        let mut options = HttpOptions::default();
        change(&mut options);
        let serving = tokio::spawn(serve_http(probe.clone(), listener, options, shutdown.clone()));
        Self { address, probe, shutdown, serving }
    }

    async fn with_tokens() -> (Self, Known) {
        let known = Known::new();
        let tokens = Arc::clone(&known.tokens);
        (Self::start(|options| options.tokens = Some(tokens)).await, known)
    }

    async fn connect(&self) -> Wire {
        Wire(BufReader::new(TcpStream::connect(self.address).await.unwrap()))
    }

    /// Sends one request on a connection of its own.
    async fn send(&self, ask: &Ask) -> Reply {
        let mut wire = self.connect().await;
        wire.write(&ask.bytes()).await;
        wire.reply().await
    }

    /// Opens a session and returns its id.
    async fn open(&self, token: Option<&str>) -> String {
        let proven = |ask: Ask| match token {
            Some(token) => ask.token(token),
            None => ask,
        };
        let reply = self.send(&proven(initialize())).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let id = reply.header("mcp-session-id").unwrap().to_owned();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.send(&proven(post(&ready)).session(&id)).await.status, 202);
        id
    }

    async fn stop(self) {
        self.shutdown.cancel();
        soon(self.serving).await.unwrap().unwrap();
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.unwrap()
}

/// Tokens of an operator and of a viewer, and the database they are in.
struct Known {
    tokens: Arc<Tokens>,
    /// Of an operator.
    alice: CreatedToken,
    /// Of a viewer.
    bob: CreatedToken,
    _directory: TempDir,
}

impl Known {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = StateDirectory::open(directory.path()).unwrap().database().unwrap();
        let tokens = Arc::new(Tokens::new(Arc::new(store)));
        let alice = create(&tokens, Role::Operator, unix_now());
        let bob = create(&tokens, Role::Viewer, unix_now());
        Self { tokens, alice, bob, _directory: directory }
    }

    fn alice(&self) -> &str {
        self.alice.token.expose()
    }

    fn bob(&self) -> &str {
        self.bob.token.expose()
    }
}

/// Makes a token that is good for an hour from a moment.
fn create(tokens: &Tokens, role: Role, from: i64) -> CreatedToken {
    let new = NewToken { name: "test".to_owned(), role, expires_in: Duration::from_secs(3600) };
    tokens.create(&new, from).unwrap()
}

async fn expect(server: &Server, ask: &Ask, status: u16) -> Reply {
    let reply = server.send(ask).await;
    assert_eq!(reply.status, status, "{ask:?} was answered {reply:?}");
    reply
}

#[tokio::test]
async fn clients_of_both_eras_list_and_call() {
    let (server, known) = Server::with_tokens().await;
    let id = server.open(Some(known.alice())).await;
    let list = post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
    let listed = expect(&server, &list.token(known.alice()).session(&id), 200).await;
    assert_eq!(listed.message()["result"]["tools"][0]["name"], "whoami");
    let called = expect(&server, &call("whoami").token(known.alice()).session(&id), 200).await;
    assert_eq!(called.text(), format!("token:{} Operator token shown: false", known.alice.info.id));

    let discovered =
        expect(&server, &modern("server/discover", json!({})).token(known.bob()), 200).await;
    assert!(discovered.message()["result"]["supportedVersions"].is_array(), "{discovered:?}");
    assert_eq!(discovered.header("mcp-session-id"), None);
    let listed = expect(&server, &modern("tools/list", json!({})).token(known.bob()), 200).await;
    assert_eq!(listed.message()["result"]["tools"][0]["name"], "whoami");
    let called = expect(&server, &modern_call("whoami").token(known.bob()), 200).await;
    assert_eq!(called.text(), format!("token:{} Viewer token shown: false", known.bob.info.id));
    server.stop().await;
}

#[tokio::test]
async fn without_tokens_the_caller_is_local() {
    let server = Server::start(|options| options.local_role = Role::Operator).await;
    let called = expect(&server, &modern_call("whoami"), 200).await;
    assert_eq!(called.text(), "local Operator token shown: false");
    let id = server.open(None).await;
    let called = expect(&server, &call("whoami").session(&id), 200).await;
    assert_eq!(called.text(), "local Operator token shown: false");
    server.stop().await;
}

#[tokio::test]
async fn several_calls_share_a_connection() {
    let server = Server::start(|_| {}).await;
    let id = server.open(None).await;
    let mut wire = server.connect().await;
    for _ in 0..3 {
        wire.write(&call("whoami").session(&id).bytes()).await;
        assert!(wire.reply().await.text().starts_with("local"));
    }
    server.stop().await;
}

#[tokio::test]
async fn whoever_has_no_valid_token_is_refused_before_the_body_is_read() {
    let (server, known) = Server::with_tokens().await;
    let (alice, bob) = (known.alice(), known.bob());
    let expired = create(&known.tokens, Role::Operator, unix_now() - 3601);
    let (id, secret) = alice.rsplit_once('_').unwrap();
    let wrong_secret = format!("{id}_{}", secret.chars().rev().collect::<String>());
    let unknown = format!("vty_00000000_{secret}");
    let bearer = |value: &str| initialize().with("Authorization", value);
    for ask in [
        initialize(),
        bearer("Bearer"),
        bearer("Bearer "),
        bearer("Bearer wrong"),
        bearer(&format!("Basic {alice}")),
        bearer(alice),
        bearer(&format!("Bearer {alice}x")),
        bearer(&format!("Bearer {alice} {bob}")),
        bearer(&format!("Bearer {}", expired.token.expose())),
        bearer(&format!("Bearer {wrong_secret}")),
        bearer(&format!("Bearer {unknown}")),
        bearer(&format!("Bearer {alice}")).with("Authorization", &format!("Bearer {alice}")),
        Ask { line: format!("POST /mcp?access_token={alice}"), ..initialize() },
        Ask::new("GET /mcp"),
        Ask::new("DELETE /mcp"),
        Ask::new("OPTIONS /mcp"),
    ] {
        let mut wire = server.connect().await;
        // No byte of the body ever follows.
        wire.write(&ask.head(100)).await;
        let reply = wire.reply().await;
        assert_eq!((reply.status, reply.body.as_str()), (401, "unauthorized"), "{ask:?}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{ask:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_session_for_the_client() {
    let (server, known) = Server::with_tokens().await;
    let id = server.open(Some(known.alice())).await;
    let ask = call("whoami").token(known.alice()).session(&id);
    expect(&server, &ask, 200).await;
    known.tokens.revoke(&known.alice.info.id, unix_now()).unwrap();
    expect(&server, &ask, 401).await;
    expect(&server, &modern_call("whoami").token(known.bob()), 200).await;
    server.stop().await;
}

#[tokio::test]
async fn requests_for_other_names_and_from_other_pages_are_refused() {
    let (server, known) = Server::with_tokens().await;
    let named = |host: &str| initialize().without("Host").with("Host", host);
    for ask in [
        named("evil.com"),
        named(&format!("evil.com:{}", server.address.port())),
        named("localhost."),
        initialize().without("Host"),
        initialize().with("Host", "localhost"),
        Ask { line: "POST http://evil.com/mcp".to_owned(), ..initialize() },
    ] {
        assert_eq!(expect(&server, &ask, 403).await.body, "host not allowed");
        // It makes no difference to know a token.
        expect(&server, &ask.token(known.alice()), 403).await;
    }
    for origin in ["https://evil.com", "null", "http://localhost:1", ""] {
        let ask = initialize().token(known.alice()).with("Origin", origin);
        assert_eq!(expect(&server, &ask, 403).await.body, "origin not allowed");
    }
    for host in ["localhost:8080", "[::1]", &server.address.to_string()] {
        expect(&server, &named(host).token(known.alice()), 200).await;
    }
    let own = format!("http://localhost:{}", server.address.port());
    expect(&server, &initialize().token(known.alice()).with("Origin", &own), 200).await;
    server.stop().await;
}

#[tokio::test]
async fn names_and_pages_can_be_allowed() {
    let server = Server::start(|options| {
        options.allowed_hosts = vec!["vty.example.com".to_owned()];
        options.allowed_origins = vec!["https://console.example.com".to_owned()];
    })
    .await;
    let ask = initialize().without("Host").with("Host", "vty.example.com");
    expect(&server, &ask.with("Origin", "https://console.example.com"), 200).await;
    server.stop().await;
}

#[tokio::test]
async fn a_list_with_a_mistake_keeps_the_server_from_starting() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = HttpOptions::default();
    options.allowed_origins = vec!["console.example.com".to_owned()];
    let served = serve_http(Probe::default(), listener, options, CancellationToken::new()).await;
    assert!(matches!(served, Err(ServeError::AllowList { .. })), "{served:?}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start(|options| options.body_limit = 4096).await;
    let mut wire = server.connect().await;
    wire.write(&initialize().head(4097)).await;
    assert_eq!(wire.head().await.status, 413, "by its announcement alone");

    let mut wire = server.connect().await;
    let head = initialize().head(0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    wire.write(&head).await;
    wire.write(&format!("1000\r\n{}\r\n", " ".repeat(4096))).await;
    wire.write("1\r\n \r\n").await;
    let reply = wire.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (413, "body too large"));

    let mut fits = initialize();
    fits.body.push_str(&" ".repeat(4096 - fits.body.len()));
    expect(&server, &fits, 200).await;
    server.stop().await;
}

#[tokio::test]
async fn methods_paths_and_types_that_mean_nothing_are_refused() {
    let (server, known) = Server::with_tokens().await;
    let get = |line: &str| Ask::new(line).token(known.alice());
    let posted = || initialize().token(known.alice());
    let other_type = posted().without("Content-Type").with("Content-Type", "text/plain");
    for (ask, status) in [
        (get("PUT /mcp"), 405),
        (get("OPTIONS /mcp"), 405),
        (get("GET /mcp"), 406),
        (get("GET /mcp").with("Accept", "text/event-stream"), 400),
        (get("DELETE /mcp"), 400),
        (posted().without("Accept"), 406),
        (other_type, 415),
        (get("GET /"), 404),
        (get("GET /mcp/"), 404),
        (get("GET /mcp/x"), 404),
        (get("GET /.well-known/oauth-protected-resource"), 404),
        (Ask::new("POST /nowhere"), 404),
        (Ask::new("POST /healthz"), 405),
        (call("whoami").token(known.alice()), 400),
        (call("whoami").token(known.alice()).session("made-up"), 404),
        (get("GET /mcp").with("Accept", "text/event-stream").session("made-up"), 404),
        (get("DELETE /mcp").session("made-up"), 404),
    ] {
        expect(&server, &ask, status).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn health_is_told_to_everyone_and_nothing_else() {
    let (server, _known) = Server::with_tokens().await;
    let ask = Ask::new("GET /healthz").without("Host").with("Host", "probe");
    assert_eq!(expect(&server, &ask, 200).await.body, "ok");
    server.stop().await;
}

#[tokio::test]
async fn a_session_of_another_caller_does_not_exist() {
    let (server, known) = Server::with_tokens().await;
    let (of_alice, of_bob) =
        (server.open(Some(known.alice())).await, server.open(Some(known.bob())).await);
    let listen = || Ask::new("GET /mcp").with("Accept", "text/event-stream");
    for ask in [
        call("whoami"),
        post(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
            "params": { "requestId": 1 } })),
        listen(),
        listen().with("Last-Event-Id", "0"),
        Ask::new("DELETE /mcp"),
    ] {
        expect(&server, &ask.clone().token(known.bob()).session(&of_alice), 404).await;
        expect(&server, &ask.token(known.alice()).session(&of_bob), 404).await;
    }
    for _ in 0..3 {
        for (owner, id) in [(&known.alice, &of_alice), (&known.bob, &of_bob)] {
            let ask = call("whoami").token(owner.token.expose()).session(id);
            let called = expect(&server, &ask, 200).await;
            assert!(called.text().contains(&owner.info.id), "{called:?}");
        }
    }
    expect(&server, &Ask::new("DELETE /mcp").token(known.alice()).session(&of_alice), 202).await;
    expect(&server, &call("whoami").token(known.alice()).session(&of_alice), 404).await;
    expect(&server, &call("whoami").token(known.bob()).session(&of_bob), 200).await;
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_limited_and_a_closed_one_makes_room() {
    let server = Server::start(|_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..64 {
        ids.push(server.open(None).await);
    }
    assert_eq!(expect(&server, &initialize(), 503).await.body, "too many sessions");
    expect(&server, &call("whoami").session(&ids[0]), 200).await;
    expect(&server, &modern_call("whoami"), 200).await;
    expect(&server, &Ask::new("DELETE /mcp").session(&ids[0]), 202).await;
    server.open(None).await;
    expect(&server, &initialize(), 503).await;
    server.stop().await;
}

#[tokio::test]
async fn clients_that_stall_hold_nobody_up_and_are_dropped() {
    let server = Server::start(|options| {
        options.head_timeout = Duration::from_millis(500);
        options.body_timeout = Duration::from_millis(500);
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut wire = server.connect().await;
        wire.write("POST /mcp HTTP/1.1\r\nHost: localho").await;
        slow.push(wire);
    }
    let mut body = server.connect().await;
    body.write(&initialize().head(100)).await;
    expect(&server, &modern_call("whoami"), 200).await;
    let reply = body.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    body.closed().await;
    for mut wire in slow {
        assert_eq!(wire.closed().await, "");
    }
    let mut idle = server.connect().await;
    idle.write(&Ask::new("GET /healthz").bytes()).await;
    assert_eq!(idle.reply().await.status, 200);
    assert_eq!(idle.closed().await, "", "an idle connection is given up");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_http_ends_its_connection_only() {
    let server = Server::start(|_| {}).await;
    for garbage in ["SSH-2.0-x\r\n", "\0\0\0", "GET /mcp HTTP/1.1\r\nHost localhost\r\n\r\n"] {
        let mut wire = server.connect().await;
        wire.write(garbage).await;
        wire.0.shutdown().await.unwrap();
        let said = wire.closed().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said}");
    }
    let mut wire = server.connect().await;
    let endless = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(1 << 20));
    let _refused = wire.0.write_all(endless.as_bytes()).await;
    wire.closed().await;
    expect(&server, &Ask::new("GET /healthz"), 200).await;
    server.stop().await;
}

#[tokio::test]
async fn stopping_lets_running_calls_finish_and_ends_streams_that_wait() {
    let server = Server::start(|_| {}).await;
    let id = server.open(None).await;
    let mut stream = server.connect().await;
    let listen = Ask::new("GET /mcp").with("Accept", "text/event-stream").session(&id);
    stream.write(&listen.bytes()).await;
    assert_eq!(stream.head().await.status, 200);
    let mut calls = Vec::new();
    for ask in [call("wait").session(&id), modern_call("wait")] {
        let mut wire = server.connect().await;
        wire.write(&ask.bytes()).await;
        soon(server.probe.started.notified()).await;
        calls.push(wire);
    }
    let mut idle = server.connect().await;
    idle.write(&Ask::new("GET /healthz").bytes()).await;
    assert_eq!(idle.reply().await.status, 200);

    server.shutdown.cancel();
    stream.closed().await;
    assert_eq!(idle.closed().await, "");
    for mut wire in calls {
        server.probe.release.notify_one();
        assert_eq!(wire.reply().await.text(), "released");
        assert_eq!(wire.closed().await, "");
    }
    soon(server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_call_that_outlives_the_grace_period_is_cancelled() {
    for legacy in [true, false] {
        let server = Server::start(|options| options.grace = Duration::from_millis(200)).await;
        let ask = if legacy {
            call("wait").session(&server.open(None).await)
        } else {
            modern_call("wait")
        };
        let mut wire = server.connect().await;
        wire.write(&ask.bytes()).await;
        soon(server.probe.started.notified()).await;
        server.shutdown.cancel();
        soon(server.serving).await.unwrap().unwrap();
        wire.closed().await;
        // In a session the protocol library waits for some seconds more before it says so.
        soon(server.probe.cancelled.notified()).await;
    }
}

#[tokio::test]
async fn a_client_of_the_newer_era_that_leaves_cancels_its_call() {
    let server = Server::start(|_| {}).await;
    let mut wire = server.connect().await;
    wire.write(&modern_call("wait").bytes()).await;
    soon(server.probe.started.notified()).await;
    drop(wire);
    soon(server.probe.cancelled.notified()).await;
    server.stop().await;
}
