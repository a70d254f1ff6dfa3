//! Fetches one secret from one source, within limits on time and size.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::CredentialError;
use crate::secret::Secret;

/// The longest secret.
const MOST_SECRET: u64 = 4 << 10;
/// The largest key file or certificate.
const MOST_KEY: u64 = 64 << 10;
/// How long a file may take; a pipe has a writer who may be late.
const FILE: Duration = Duration::from_secs(5);

/// Threads that wait for files and the keyring: one that hangs stays until the system lets go of it,
/// and must not take the threads of everything else with it.
static THREADS: Semaphore = Semaphore::const_new(8);

/// Does what blocks on a thread of its own, of which there are few.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let permit = THREADS.acquire().await.map_err(std::io::Error::other)?;
    let working = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    working.await.map_err(std::io::Error::other)?
}

/// Reads an environment variable of this program.
pub(super) fn env(name: &str) -> Result<Secret<String>, CredentialError> {
    let from = || format!("the environment variable `{name}`");
    let value = std::env::var_os(name)
        .ok_or_else(|| CredentialError::EnvUnset { name: name.to_owned() })?;
    // What is no text stays in its own type, so that nothing prints it.
    let value = value.into_string().map_err(|_other| CredentialError::NotText { from: from() })?;
    checked(&Zeroizing::new(value), from)
}

/// Reads the first line of a file.
pub(super) async fn file(path: &Path) -> Result<Secret<String>, CredentialError> {
    let from = || format!("the file {}", path.display());
    let bytes = read("the secret", path, MOST_SECRET).await?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    if end.is_none() && exceeds(&bytes, MOST_SECRET) {
        return Err(CredentialError::TooLong { from: from(), limit: MOST_SECRET });
    }
    let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let line = text(line, from)?;
    checked(line.strip_suffix('\r').unwrap_or(line), from)
}

/// Runs a program and reads the one line that it prints.
pub(super) async fn command(
    command: &[String],
    limit: Duration,
) -> Result<Secret<String>, CredentialError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| CredentialError::Empty { from: "a command without a program".to_owned() })?;
    let from = || format!("`{program}`");
    let start = |source| CredentialError::CommandStart {
        program: program.clone(),
        source: Arc::new(source),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It may hold the secret, so nobody sees it.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(start)?;
    let mut stdout = child.stdout.take();
    let ended = tokio::time::timeout(limit, async {
        let bytes = match &mut stdout {
            Some(stdout) => read_most(stdout, MOST_SECRET).await?,
            None => Zeroizing::default(),
        };
        if exceeds(&bytes, MOST_SECRET) {
            // Its status will not matter, and waiting for the rest could take for ever.
            return Ok((bytes, None));
        }
        Ok((bytes, Some(child.wait().await?)))
    });
    let (bytes, status) = match ended.await {
        Ok(ended) => ended.map_err(start)?,
        Err(_elapsed) => {
            let (program, seconds) = (program.clone(), limit.as_secs());
            return Err(CredentialError::CommandTimeout { program, seconds });
        }
    };
    match status {
        None => return Err(CredentialError::TooLong { from: from(), limit: MOST_SECRET }),
        Some(status) if !status.success() => {
            let (program, status) = (program.clone(), status.to_string());
            return Err(CredentialError::CommandFailed { program, status });
        }
        Some(_) => {}
    }
    let mut lines = text(&bytes, from)?.lines();
    let first = lines.next().unwrap_or_default();
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(CredentialError::SeveralLines { from: from() });
    }
    checked(first, from)
}

/// Reads an entry of the desktop's keyring.
#[cfg(feature = "keyring")]
pub(super) async fn keyring(
    service: &str,
    account: &str,
) -> Result<Secret<String>, CredentialError> {
    /// Longer, because a person may have to unlock it.
    const LIMIT: Duration = Duration::from_secs(10);
    let names = (service.to_owned(), account.to_owned());
    let asked = aside(move || {
        let (service, account) = names;
        let read = ::keyring::Entry::new(&service, &account).and_then(|entry| entry.get_password());
        Ok(read.map(Zeroizing::new).map_err(|error| keyring_error(error, &service, &account)))
    });
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(read)) => checked(&read?, || format!("the keyring entry `{service}`, `{account}`")),
        Ok(Err(_gone)) => {
            Err(CredentialError::Keyring { reason: "the question was cut short".to_owned() })
        }
        Err(_elapsed) => Err(CredentialError::KeyringTimeout { seconds: LIMIT.as_secs() }),
    }
}

/// Says what the keyring said; two of its errors hold the secret itself and are not quoted.
#[cfg(feature = "keyring")]
fn keyring_error(error: ::keyring::Error, service: &str, account: &str) -> CredentialError {
    use ::keyring::{Entry, Error};
    let from = || format!("the keyring entry `{service}`, `{account}`");
    let reason = match error {
        Error::NoEntry => {
            let (service, account) = (service.to_owned(), account.to_owned());
            return CredentialError::KeyringEntry { service, account };
        }
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            return CredentialError::NotText { from: from() };
        }
        Error::Ambiguous(_) => "several entries fit".to_owned(),
        Error::NoDefaultStore => match Entry::store_status() {
            Err(error) => format!("there is no keyring service: {error}"),
            Ok(()) => "there is no keyring service".to_owned(),
        },
        Error::NoStorageAccess(error) | Error::PlatformFailure(error) => error.to_string(),
        _ => "it refused the question".to_owned(),
    };
    CredentialError::Keyring { reason: reason.chars().take(200).collect() }
}

/// Says that this program knows no keyring.
#[cfg(not(feature = "keyring"))]
pub(super) async fn keyring(
    _service: &str,
    _account: &str,
) -> Result<Secret<String>, CredentialError> {
    let reason = "this program was built without the feature `keyring`".to_owned();
    std::future::ready(Err(CredentialError::Keyring { reason })).await
}

/// Reads a private key.
pub(super) async fn key_file(path: &Path) -> Result<Secret<String>, CredentialError> {
    let text = whole("the private key", path).await?;
    Ok(Secret::new(text.as_str().to_owned()))
}

/// Reads a certificate.
pub(super) async fn certificate(path: &Path) -> Result<String, CredentialError> {
    whole("the certificate", path).await.map(|text| text.as_str().to_owned())
}

async fn whole(what: &'static str, path: &Path) -> Result<Zeroizing<String>, CredentialError> {
    let from = || format!("{what} {}", path.display());
    let bytes = read(what, path, MOST_KEY).await?;
    if exceeds(&bytes, MOST_KEY) {
        return Err(CredentialError::TooLong { from: from(), limit: MOST_KEY });
    }
    text(&bytes, from).map(|text| Zeroizing::new(text.to_owned()))
}

/// Reads one byte more of a file than it may have, at most.
async fn read(
    what: &'static str,
    path: &Path,
    most: u64,
) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let shown = || path.display().to_string();
    let reading = aside({
        let path = path.to_owned();
        move || {
            // Room for all of it, since a vector that grows leaves copies behind.
            let capacity = usize::try_from(most).unwrap_or_default().saturating_add(2);
            let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
            std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
    });
    match tokio::time::timeout(FILE, reading).await {
        Ok(read) => read.map_err(|source| CredentialError::File {
            what,
            path: shown(),
            source: Arc::new(source),
        }),
        Err(_elapsed) => {
            let seconds = FILE.as_secs();
            Err(CredentialError::FileTimeout { what, path: shown(), seconds })
        }
    }
}

/// Reads one byte more than `most`, at most, into memory that is wiped.
async fn read_most(
    from: &mut (impl AsyncRead + Unpin),
    most: u64,
) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it, since a vector that grows leaves copies behind.
    let capacity = usize::try_from(most).unwrap_or_default().saturating_add(2);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    from.take(most + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn exceeds(bytes: &[u8], most: u64) -> bool {
    u64::try_from(bytes.len()).is_ok_and(|length| length > most)
}

fn text(bytes: &[u8], from: impl Fn() -> String) -> Result<&str, CredentialError> {
    std::str::from_utf8(bytes).map_err(|_place| CredentialError::NotText { from: from() })
}

/// Takes what a source gave, if it may be typed at a prompt.
fn checked(text: &str, from: impl Fn() -> String) -> Result<Secret<String>, CredentialError> {
    if text.is_empty() {
        return Err(CredentialError::Empty { from: from() });
    }
    if exceeds(text.as_bytes(), MOST_SECRET) {
        return Err(CredentialError::TooLong { from: from(), limit: MOST_SECRET });
    }
    // A line break typed at a prompt would end the secret and start a command.
    if text.chars().any(char::is_control) {
        return Err(CredentialError::ControlCharacter { from: from() });
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(all(test, feature = "keyring"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_keyring_says_is_passed_on_without_the_secret() {
        use ::keyring::Error;
        let secret = b"c4n4ry\xff".to_vec();
        let told = |error| {
            let error = keyring_error(error, "vty", "netops");
            format!("{error} {error:?}")
        };
        assert!(told(Error::NoEntry).contains("no entry for service `vty` and account `netops`"));
        assert!(!told(Error::BadEncoding(secret.clone())).contains("c4n4ry"));
        let cause = || Box::new(std::io::Error::other("locked"));
        let broken = told(Error::BadDataFormat(secret, cause()));
        assert!(broken.contains("not UTF-8") && !broken.contains("c4n4ry"), "{broken}");
        assert!(told(Error::NoStorageAccess(cause())).contains("cannot be used: locked"));
    }
}
