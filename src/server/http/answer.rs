//! The way of one request to the MCP service, or the refusal that ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, HOST, ORIGIN, PROXY_AUTHORIZATION, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::brake::Brake;
use super::gate::Gate;
use super::sessions::{CallerSessions, Sessions};
use super::{HttpOptions, ServeError};

/// How much of a refused header is logged, in characters.
const LOGGED: usize = 100;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// What ends answers that are under way.
#[derive(Debug, Clone)]
pub(super) struct Stops {
    /// Ends streams that wait for notifications.
    pub(super) waiting: CancellationToken,
    /// Ends calls.
    pub(super) running: CancellationToken,
}

/// What a client is told when it is not served: little, since it may be an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Host,
    Origin,
    Token,
    TokensUnavailable,
    BodyTooLarge,
    BodyTooSlow,
    BodyUnreadable,
    NoSession,
    SessionsFull,
    Internal,
}

impl Refusal {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::Host => (StatusCode::FORBIDDEN, "host not allowed"),
            Self::Origin => (StatusCode::FORBIDDEN, "origin not allowed"),
            Self::Token => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::TokensUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "try again later"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body too large"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "body too slow"),
            Self::BodyUnreadable => (StatusCode::BAD_REQUEST, "body unreadable"),
            Self::NoSession => (StatusCode::NOT_FOUND, "session not found"),
            Self::SessionsFull => (StatusCode::SERVICE_UNAVAILABLE, "too many sessions"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.parts().into_response();
        let headers = response.headers_mut();
        if self == Self::Token {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The rest of the body is on its way and nobody reads it.
        if matches!(self, Self::BodyTooLarge | Self::BodyTooSlow | Self::BodyUnreadable) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The path `/mcp`.
#[derive(Debug)]
pub(super) struct Endpoint<S> {
    service: S,
    gate: Gate,
    brake: Brake,
    sessions: Arc<Sessions>,
    stops: Stops,
    body_limit: usize,
    body_timeout: Duration,
}

impl<S: ServerHandler + Clone> Endpoint<S> {
    /// Serves a service at an address.
    pub(super) fn new(
        service: S,
        address: SocketAddr,
        options: &HttpOptions,
        stops: Stops,
    ) -> Result<Self, ServeError> {
        Ok(Self {
            service,
            gate: Gate::new(address, options)?,
            brake: Brake::default(),
            sessions: Arc::new(Sessions::new(options.sessions)),
            stops,
            body_limit: options.body_limit,
            body_timeout: options.body_timeout,
        })
    }

    /// Closes every session.
    pub(super) async fn close_sessions(&self) {
        self.sessions.close_all().await;
    }

    async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let (mut parts, body) = request.into_parts();
        self.gate.check_host(&parts.uri, &parts.headers)?;
        self.gate.check_origin(&parts.headers)?;
        let caller = self.gate.caller(&parts.headers).await?;

        // The service keeps the head of a request with each call, so credentials end here, also one
        // that a client put into the address by mistake.
        for credential in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
            parts.headers.remove(credential);
        }
        parts.uri = Uri::from_static("/mcp");
        let is_post = parts.method == Method::POST;
        let body = if is_post { Body::from(self.read(body).await?) } else { Body::empty() };

        let sessions = Arc::new(CallerSessions::new(Arc::clone(&self.sessions), caller.id.clone()));
        // The service would thank for the end of any session.
        if parts.method == Method::DELETE
            && session_id(&parts.headers).is_some_and(|id| !sessions.owns(id))
        {
            return Err(Refusal::NoSession);
        }
        parts.extensions.insert(caller);
        let request = Request::from_parts(parts, body);
        let response = self.mcp_service(is_post, &sessions).handle(request).await;
        match response.status() {
            StatusCode::INTERNAL_SERVER_ERROR if sessions.were_full() => Err(Refusal::SessionsFull),
            StatusCode::INTERNAL_SERVER_ERROR => Err(Refusal::Internal),
            _ => Ok(response.map(Body::new)),
        }
    }

    /// The MCP service as one request of one caller sees it.
    fn mcp_service(
        &self,
        is_post: bool,
        sessions: &Arc<CallerSessions>,
    ) -> StreamableHttpService<S, CallerSessions> {
        let stop = if is_post { &self.stops.running } else { &self.stops.waiting };
        let config = StreamableHttpServerConfig::default()
            .with_cancellation_token(stop.clone())
            .with_max_request_body_bytes(self.body_limit)
            // The gate has checked it, by the same list for every path into the service.
            .disable_allowed_hosts();
        let service = self.service.clone();
        StreamableHttpService::new(move || Ok(service.clone()), Arc::clone(sessions), config)
    }

    /// Reads a body whole, within its limits of size and time.
    async fn read(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        let announced = usize::try_from(body.size_hint().lower());
        if !announced.is_ok_and(|bytes| bytes <= self.body_limit) {
            return Err(Refusal::BodyTooLarge);
        }
        let reading = async {
            let mut bytes = Vec::new();
            let mut chunks = body.into_data_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|_broken| Refusal::BodyUnreadable)?;
                if chunk.len() > self.body_limit.saturating_sub(bytes.len()) {
                    return Err(Refusal::BodyTooLarge);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        match tokio::time::timeout(self.body_timeout, reading).await {
            Ok(read) => read,
            Err(_late) => Err(Refusal::BodyTooSlow),
        }
    }
}

/// Answers a request to `/mcp`.
pub(super) async fn mcp<S: ServerHandler + Clone>(
    State(endpoint): State<Arc<Endpoint<S>>>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
) -> Response {
    let (host, origin) = {
        let headers = request.headers();
        (headers.get(HOST).cloned(), headers.get(ORIGIN).cloned())
    };
    let refusal = match endpoint.answer(request).await {
        Ok(response) => return response,
        Err(refusal) => refusal,
    };
    let (status, reason) = refusal.parts();
    match refusal {
        Refusal::Host => {
            let host = shown(host.as_ref());
            tracing::warn!(%peer, host, "HTTP request refused: {reason}");
        }
        Refusal::Origin => {
            let origin = shown(origin.as_ref());
            tracing::warn!(%peer, origin, "HTTP request refused: {reason}");
        }
        _ => tracing::warn!(%peer, status = status.as_u16(), "HTTP request refused: {reason}"),
    }
    if refusal == Refusal::Token {
        let answer_at = endpoint.brake.refused(peer.ip(), Instant::now());
        tokio::time::sleep_until(answer_at).await;
    }
    refusal.into_response()
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("mcp-session-id")?.to_str().ok()
}

/// The beginning of a header, with everything escaped that could forge a log line.
fn shown(value: Option<&HeaderValue>) -> String {
    let text = value.map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default();
    text.chars().take(LOGGED).flat_map(char::escape_debug).collect()
}
