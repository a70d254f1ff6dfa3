//! Who may ask: the Host, the Origin and the bearer token of a request, by its head alone.
//!
//! **Invariants:** whatever is missing, doubled or unreadable is refused, but for the Origin, which
//! only browsers send. The comparison of tokens is left to [`Tokens`], which does it in constant
//! time.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio::task::spawn_blocking;

use super::answer::Refusal;
use super::{HttpOptions, ServeError};
use crate::caller::Caller;
use crate::error::chain;
use crate::secret::Secret;
use crate::store::unix_now;
use crate::token::Tokens;

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What is checked before a request is read.
#[derive(Debug)]
pub(super) struct Gate {
    hosts: Vec<Host>,
    origins: Vec<Origin>,
    tokens: Option<Arc<Tokens>>,
    /// Who calls where there are no tokens.
    local: Caller,
}

impl Gate {
    /// Guards a server that listens on `address`.
    pub(super) fn new(address: SocketAddr, options: &HttpOptions) -> Result<Self, ServeError> {
        let bound = address.to_string();
        let own_hosts = LOOPBACK_NAMES.iter().copied().chain([bound.as_str()]);
        let hosts = own_hosts.chain(options.allowed_hosts.iter().map(String::as_str));
        let own_origins = LOOPBACK_NAMES.map(|name| format!("http://{name}:{}", address.port()));
        let origins = own_origins.iter().chain(&options.allowed_origins);
        Ok(Self {
            hosts: hosts.map(Host::read_entry).collect::<Result<_, _>>()?,
            origins: origins.map(|text| Origin::read_entry(text)).collect::<Result<_, _>>()?,
            tokens: options.tokens.clone(),
            local: Caller::local(options.local_role),
        })
    }

    /// Passes a request that is meant for this server, which keeps names out that a web page made
    /// to lead here.
    pub(super) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let allowed = |text: &str| {
            Host::read(text).is_some_and(|host| self.hosts.iter().any(|entry| entry.covers(&host)))
        };
        let Some(header) = only(headers, &HOST) else { return Err(Refusal::Host) };
        let named = uri.authority().map(Authority::as_str);
        let fine = header.to_str().is_ok_and(allowed) && named.is_none_or(allowed);
        if fine { Ok(()) } else { Err(Refusal::Host) }
    }

    /// Passes a request that no browser sent, or one for an allowed page.
    pub(super) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !headers.contains_key(ORIGIN) {
            return Ok(());
        }
        let origin = only(headers, &ORIGIN).and_then(|value| value.to_str().ok());
        let origin = origin.and_then(Origin::read);
        let fine = origin.is_some_and(|origin| self.origins.contains(&origin));
        if fine { Ok(()) } else { Err(Refusal::Origin) }
    }

    /// Finds out who calls.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(tokens) = self.tokens.clone() else { return Ok(self.local.clone()) };
        let token = Secret::new(bearer(headers).ok_or(Refusal::Token)?.to_owned());
        // The database may wait for another process.
        let found = spawn_blocking(move || tokens.authenticate(token.expose(), unix_now())).await;
        match found {
            Ok(Ok(caller)) => Ok(caller),
            Ok(Err(error)) if error.is_refusal() => {
                tracing::info!(reason = %chain(&error), "a token was refused");
                Err(Refusal::Token)
            }
            Ok(Err(error)) => {
                tracing::error!(error = %chain(&error), "no token can be checked");
                Err(Refusal::TokensUnavailable)
            }
            Err(error) => {
                tracing::error!(%error, "checking a token failed");
                Err(Refusal::TokensUnavailable)
            }
        }
    }
}

/// The value of a header that must be there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, &AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A host with the port it stands for.
#[derive(Debug, PartialEq, Eq)]
struct Host {
    name: String,
    /// In a request, its absence means the default port; in an entry, any port.
    port: Option<u16>,
}

impl Host {
    fn read(text: &str) -> Option<Self> {
        let authority = Authority::try_from(text).ok()?;
        let plain = !authority.host().is_empty() && !text.contains('@');
        let port = authority.port_u16();
        // A colon without a number behind it.
        let whole = port.is_some() || !text.rsplit(']').next().is_some_and(|end| end.contains(':'));
        (plain && whole).then(|| Self { name: authority.host().to_ascii_lowercase(), port })
    }

    fn read_entry(text: &str) -> Result<Self, ServeError> {
        Self::read(text).ok_or_else(|| ServeError::AllowList {
            value: text.to_owned(),
            expected: "host such as `vty.example.com` or `vty.example.com:8443`",
        })
    }

    fn covers(&self, other: &Self) -> bool {
        self.name == other.name && (self.port.is_none() || self.port == other.port.or(Some(80)))
    }
}

/// A web origin.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    scheme: String,
    name: String,
    port: u16,
}

impl Origin {
    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let host = Host::read(rest)?;
        Some(Self { scheme, name: host.name, port: host.port.unwrap_or(default) })
    }

    fn read_entry(text: &str) -> Result<Self, ServeError> {
        Self::read(text).ok_or_else(|| ServeError::AllowList {
            value: text.to_owned(),
            expected: "origin such as `https://console.example.com`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(hosts: &[&str], origins: &[&str]) -> Result<Gate, ServeError> {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let options = HttpOptions {
            allowed_hosts: owned(hosts),
            allowed_origins: owned(origins),
            ..HttpOptions::default()
        };
        Gate::new("192.0.2.7:30030".parse().unwrap(), &options)
    }

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap());
        values.map(|value| (name.clone(), value)).collect()
    }

    fn host_passes(values: &[&str]) -> bool {
        let gate = gate(&["vty.example.com:8443", "lab.example.com"], &[]).unwrap();
        gate.check_host(&Uri::from_static("/mcp"), &headers(&HOST, values)).is_ok()
    }

    #[test]
    fn a_request_must_name_this_server() {
        for host in [
            "localhost",
            "LocalHost:30030",
            "127.0.0.1:30030",
            "127.0.0.1:8080",
            "[::1]:30030",
            "[::1]",
            "192.0.2.7:30030",
            "vty.example.com:8443",
            "lab.example.com",
            "lab.example.com:1",
        ] {
            assert!(host_passes(&[host]), "{host}");
        }
        for host in [
            "evil.com",
            "evil.com:30030",
            "",
            ":",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "localhost.",
            "localhost.evil.com",
            "evil.com@localhost",
            "localhost@evil.com",
            "localhost/mcp",
            "::1",
            "[::1",
            "192.0.2.7",
            "192.0.2.7:80",
            "vty.example.com",
            "l\u{f6}calhost",
        ] {
            assert!(!host_passes(&[host]), "{host}");
        }
        assert!(!host_passes(&[]), "no Host");
        assert!(!host_passes(&["localhost", "localhost"]), "two Hosts");
    }

    #[test]
    fn an_absolute_target_must_name_this_server_too() {
        let gate = gate(&[], &[]).unwrap();
        let host = headers(&HOST, &["localhost"]);
        assert!(gate.check_host(&Uri::from_static("http://localhost/mcp"), &host).is_ok());
        assert!(gate.check_host(&Uri::from_static("http://evil.com/mcp"), &host).is_err());
    }

    #[test]
    fn a_page_must_be_one_of_ours() {
        let gate = gate(&[], &["https://console.example.com", "http://tool.example.com:81"]);
        let gate = gate.unwrap();
        let passes = |values: &[&str]| gate.check_origin(&headers(&ORIGIN, values)).is_ok();
        for origin in [
            "http://localhost:30030",
            "http://127.0.0.1:30030",
            "http://[::1]:30030",
            "https://console.example.com",
            "https://CONSOLE.example.com:443",
            "http://tool.example.com:81",
        ] {
            assert!(passes(&[origin]), "{origin}");
        }
        for origin in [
            "https://evil.com",
            "null",
            "",
            "http://localhost",
            "http://localhost:1",
            "https://localhost:30030",
            "http://console.example.com",
            "https://console.example.com.",
            "https://console.example.com:8443",
            "https://console.example.com/",
            "https://console.example.com https://evil.com",
            "file://",
            "localhost:30030",
        ] {
            assert!(!passes(&[origin]), "{origin}");
        }
        assert!(passes(&[]), "only browsers send it");
        let twice = ["http://localhost:30030", "http://localhost:30030"];
        assert!(!passes(&twice), "two Origins");
    }

    #[test]
    fn a_token_is_read_from_one_bearer_header() {
        let read = |values: &[&str]| bearer(&headers(&AUTHORIZATION, values)).map(str::to_owned);
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer abc"]).as_deref(), Some("abc"));
        for wrong in [
            &[][..],
            &["Bearer "],
            &["Bearer"],
            &["abc"],
            &["Basic abc"],
            &["Bearer a", "Bearer a"],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn lists_with_mistakes_are_refused() {
        for host in ["", "http://vty.example.com", "vty.example.com:", "a b", "vty.example.com/x"] {
            let error = gate(&[host], &[]).unwrap_err().to_string();
            assert!(error.contains("is no host such as"), "{error}");
        }
        for origin in ["", "null", "*", "console.example.com", "https://a.example.com/x"] {
            let error = gate(&[], &[origin]).unwrap_err().to_string();
            assert!(error.contains("is no origin such as"), "{error}");
        }
    }
}
