//! Sources of secrets, with real files and real processes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::*;
use crate::inventory::{LoadOptions, parse};
use crate::platform::PlatformName;

/// Stands in for every secret.
const CANARY: &str = "c4n4ry";

/// A device whose password comes from `source`, a piece of JSON.
fn device(source: &str) -> Device {
    let resolve = |name: &str| Some(PlatformName::new(name));
    let options = LoadOptions {
        resolve_platform: &resolve,
        platform_names: Vec::new(),
        strict_files: false,
        allow_proxy_commands: false,
    };
    let text = format!(
        r#"{{"devices": {{"r1": {{"platform": "linux", "address": "r1", "username": "u",
            "auth": {{"type": "password", "password": {source}}}}}}}}}"#
    );
    let loaded = parse(&text, std::path::Path::new("/devices.json"), &options);
    let loaded = loaded.unwrap_or_else(|error| panic!("{}", error.report()));
    loaded.inventory.device("r1").unwrap().clone()
}

/// A device whose password a shell prints.
fn shell(script: &str, arguments: &[&str]) -> Device {
    let mut command = vec!["/bin/sh", "-c", script, "sh"];
    command.extend(arguments);
    device(&serde_json::json!({ "command": command }).to_string())
}

fn credentials(cache: Duration) -> Credentials {
    let limits = CredentialLimits { command: Duration::from_secs(60), cache };
    Credentials::new(Secret::new([7; 32]), Box::new(|_| {})).with_limits(limits)
}

async fn password(credentials: &Credentials, device: &Device) -> Result<String, CredentialError> {
    match credentials.login(device).await?.proof {
        LoginProof::Password(secret) => Ok(secret.expose().clone()),
        other => panic!("{other:?}"),
    }
}

/// Fetches once, and makes sure that an error tells nothing of the secret.
async fn fetched(device: &Device) -> Result<String, CredentialError> {
    let result = password(&credentials(Duration::ZERO), device).await;
    if let Err(error) = &result {
        let said = format!("{} {error:?}", crate::error::chain(error));
        assert!(!said.contains(CANARY), "{said}");
        assert_eq!(error.code(), crate::error::ErrorCode::CredentialUnavailable);
    }
    result
}

/// A file that counts how often a command ran, one byte each time.
struct Counter {
    directory: tempfile::TempDir,
}

impl Counter {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A device whose command counts and then prints.
    fn device(&self, script: &str) -> Device {
        let count = self.path("count");
        shell(&format!("printf x >> \"$1\"; {script}"), &[count.to_str().unwrap(), CANARY])
    }

    fn runs(&self) -> usize {
        std::fs::read(self.path("count")).map_or(0, |bytes| bytes.len())
    }
}

#[tokio::test]
async fn a_variable_is_read_at_the_login() {
    let path = fetched(&device(r#"{"env": "PATH"}"#)).await.unwrap();
    assert_eq!(path, std::env::var("PATH").unwrap());
    let unset = fetched(&device("\"env:VTY_TEST_NOT_SET\"")).await.unwrap_err();
    assert!(unset.to_string().contains("`VTY_TEST_NOT_SET` is not set"), "{unset}");
}

#[tokio::test]
async fn the_first_line_of_a_file_is_the_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    let device = device(&serde_json::json!({ "file": path }).to_string());
    let long = "x".repeat(4096);
    for (contents, expected) in [
        ("c4n4ry".to_owned(), "c4n4ry"),
        ("c4n4ry\n".to_owned(), "c4n4ry"),
        ("c4n4ry\r\nuser: netops\n".to_owned(), "c4n4ry"),
        (" c4n4ry \n".to_owned(), " c4n4ry "),
        (long.clone(), long.as_str()),
    ] {
        std::fs::write(&path, &contents).unwrap();
        assert_eq!(fetched(&device).await.unwrap(), expected);
    }
    for (contents, expected) in [
        (b"".to_vec(), "gave nothing"),
        (b"\nc4n4ry\n".to_vec(), "gave nothing"),
        (b"c4n4ry\x1b[0m\n".to_vec(), "gave a control character"),
        (b"c4n4ry\xff\n".to_vec(), "gave something that is not UTF-8"),
        (CANARY.repeat(1000).into_bytes(), "gave more than 4096 bytes"),
    ] {
        std::fs::write(&path, &contents).unwrap();
        let error = fetched(&device).await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("secret"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let error = fetched(&device).await.unwrap_err();
    assert!(matches!(&error, CredentialError::File { .. }), "{error}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    std::fs::create_dir(&path).unwrap();
    assert!(matches!(fetched(&device).await, Err(CredentialError::File { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn the_line_that_a_program_prints_is_the_secret() {
    for (script, expected) in [
        ("printf '%s' \"$1\"", "c4n4ry"),
        ("echo \"$1\"", "c4n4ry"),
        ("printf '%s\\r\\n\\n \\n' \"$1\"", "c4n4ry"),
        ("echo \"$1\"; echo noise >&2", "c4n4ry"),
    ] {
        assert_eq!(fetched(&shell(script, &[CANARY])).await.unwrap(), expected, "{script}");
    }
    // No shell looks at the arguments.
    let plain = device(r#"{"command": ["printf", "%s", "$HOME;`id`"]}"#);
    assert_eq!(fetched(&plain).await.unwrap(), "$HOME;`id`");
}

#[cfg(unix)]
#[tokio::test]
async fn i11_a_program_that_gives_no_secret_is_named_with_the_reason() {
    for (script, expected) in [
        (
            "echo \"$1\"; exit 3",
            "`/bin/sh`, which is to print a secret, failed with exit status: 3",
        ),
        ("echo \"$1\" >&2; exit 1", "failed with exit status: 1"),
        ("kill -9 $$", "failed with signal: 9"),
        ("true", "`/bin/sh` gave nothing"),
        ("echo", "`/bin/sh` gave nothing"),
        ("echo \"$1\"; echo \"$1\"", "`/bin/sh` gave several lines"),
        ("echo; echo \"$1\"", "`/bin/sh` gave several lines"),
        ("printf '%s\\033' \"$1\"", "`/bin/sh` gave a control character"),
        ("printf '%s\\tx' \"$1\"", "`/bin/sh` gave a control character"),
        ("printf '%s\\377' \"$1\"", "`/bin/sh` gave something that is not UTF-8"),
        // It prints without end, and is ended.
        ("while :; do echo \"$1$1$1$1$1$1$1$1\"; done", "`/bin/sh` gave more than 4096 bytes"),
    ] {
        let error = fetched(&shell(script, &[CANARY])).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{script}: {error}");
    }
    let missing = device(r#"{"command": ["/nowhere/at-all", "c4n4ry"]}"#);
    let error = fetched(&missing).await.unwrap_err();
    assert!(matches!(error, CredentialError::CommandStart { .. }), "{error}");
    let bare = device(r#"{"command": ["vty-no-such-program"]}"#);
    assert!(matches!(fetched(&bare).await, Err(CredentialError::CommandStart { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn i11_a_program_that_hangs_is_ended() {
    let counter = Counter::new();
    let fifo = counter.path("fifo");
    let made = tokio::process::Command::new("mkfifo").arg(&fifo).status().await.unwrap();
    assert!(made.success());
    // It opens the pipe and sleeps; the pipe ends with it.
    let hanging =
        shell("exec 3>\"$1\"; echo \"$2\"; exec sleep 600", &[fifo.to_str().unwrap(), CANARY]);
    let limits = CredentialLimits { command: Duration::from_secs(1), cache: Duration::ZERO };
    let credentials = Credentials::new(Secret::new([7; 32]), Box::new(|_| {})).with_limits(limits);
    let ended = tokio::task::spawn_blocking(move || std::fs::read(fifo));
    let error = password(&credentials, &hanging).await.unwrap_err();
    assert!(matches!(error, CredentialError::CommandTimeout { seconds: 1, .. }), "{error}");
    assert!(!error.to_string().contains(CANARY));
    assert!(ended.await.unwrap().unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_fleet_asks_a_program_once() {
    let counter = Counter::new();
    let device = counter.device("echo \"$2\"");
    let credentials = Arc::new(credentials(Duration::from_secs(900)));
    let logins = (0..50).map(|_| password(&credentials, &device));
    for login in futures::future::join_all(logins).await {
        assert_eq!(login.unwrap(), CANARY);
    }
    assert_eq!(password(&credentials, &device).await.unwrap(), CANARY);
    assert_eq!(counter.runs(), 1);
    // A device that refused it is asked about again.
    credentials.forget(&device);
    password(&credentials, &device).await.unwrap();
    assert_eq!(counter.runs(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn failures_are_not_kept_and_nothing_is_kept_with_zero() {
    let counter = Counter::new();
    let device = counter.device("[ -e \"$1.ready\" ] && echo \"$2\"");
    let keeping = credentials(Duration::from_secs(900));
    assert!(password(&keeping, &device).await.is_err());
    std::fs::write(counter.path("count.ready"), "").unwrap();
    assert_eq!(password(&keeping, &device).await.unwrap(), CANARY);
    assert_eq!(counter.runs(), 2);
    let forgetful = credentials(Duration::ZERO);
    for _ in 0..2 {
        password(&forgetful, &device).await.unwrap();
    }
    assert_eq!(counter.runs(), 4);
}

/// What a cache is given to fetch: it waits for a word.
fn slow(runs: &Arc<AtomicUsize>, gate: &Arc<tokio::sync::Semaphore>) -> impl FnOnce() -> Fetch {
    let (runs, gate) = (Arc::clone(runs), Arc::clone(gate));
    move || {
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            Ok(Secret::new(CANARY.to_owned()))
        }
        .boxed()
    }
}

type Fetch = futures::future::BoxFuture<'static, Result<Secret<String>, CredentialError>>;

fn key() -> Key {
    Key::Command(vec!["pass".to_owned()])
}

#[tokio::test]
async fn one_who_stops_waiting_does_not_end_it_for_others() {
    let (runs, gate) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let cache = Cache::new(Duration::from_secs(900));
    let mut first = Box::pin(cache.get(key(), slow(&runs, &gate)));
    assert!(futures::poll!(&mut first).is_pending());
    let mut waiting = Box::pin(cache.get(key(), slow(&runs, &gate)));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(first);
    gate.add_permits(1);
    assert_eq!(waiting.await.unwrap().expose(), CANARY);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_waits_so_it_ends_and_the_next_one_starts_anew() {
    let (runs, gate) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let cache = Cache::new(Duration::from_secs(900));
    let mut first = Box::pin(cache.get(key(), slow(&runs, &gate)));
    assert!(futures::poll!(&mut first).is_pending());
    drop(first);
    gate.add_permits(1);
    assert_eq!(cache.get(key(), slow(&runs, &gate)).await.unwrap().expose(), CANARY);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_was_forgotten_while_it_was_fetched_is_not_kept() {
    let (runs, gate) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(0)));
    let cache = Cache::new(Duration::from_secs(900));
    let mut first = Box::pin(cache.get(key(), slow(&runs, &gate)));
    assert!(futures::poll!(&mut first).is_pending());
    cache.forget(&key());
    gate.add_permits(2);
    first.await.unwrap();
    cache.get(key(), slow(&runs, &gate)).await.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_kept_no_longer_than_it_may() {
    let (runs, gate) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(9)));
    let cache = Cache::new(Duration::from_secs(900));
    for (wait, expected) in [(0, 1), (899, 1), (2, 2), (0, 2)] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        cache.get(key(), slow(&runs, &gate)).await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), expected, "after {wait} s");
    }
}

#[tokio::test]
async fn everything_fetched_is_learned_before_it_is_handed_out() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secret");
    std::fs::write(&path, "from-file\n").unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    let learned = move |secret: &Secret<String>| hearing.lock().unwrap().push(secret.clone());
    let credentials = Credentials::new(Secret::new([7; 32]), Box::new(learned));
    let mut device = device(&serde_json::json!({ "file": path }).to_string());
    device.enable = Some(SecretSource::Inline(Secret::new("in-file".to_owned())));
    let login = credentials.login(&device).await.unwrap();
    let heard: Vec<String> = heard.lock().unwrap().iter().map(|s| s.expose().clone()).collect();
    assert_eq!(heard, ["from-file", "in-file"]);
    assert_eq!(login.secrets().len(), 2);
}

#[tokio::test]
async fn keys_larger_than_a_key_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "x".repeat(65_537)).unwrap();
    let error = source::key_file(&path).await.unwrap_err().to_string();
    assert!(error.contains("gave more than 65536 bytes"), "{error}");
    std::fs::write(&path, "x".repeat(65_536)).unwrap();
    assert_eq!(source::key_file(&path).await.unwrap().expose().len(), 65_536);
    std::fs::remove_file(&path).unwrap();
    let error = source::key_file(&path).await.unwrap_err().to_string();
    assert_eq!(error, format!("the private key {} cannot be read", path.display()));
}
