//! Plays a recording to the engine as a device would, cut into pieces of any size.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;

use super::{Limits, LoginSecrets, Session};
use crate::platform::{Exchange, Platform, Transcript};
use crate::policy::Permitted;
use crate::secret::Secret;

/// Stands for a password that a recording does not have.
const MADE_UP: &str = "made-up";

/// How many bytes of an answer are written with pauses between the pieces.
const PAUSED: usize = 4096;

/// How a device's bytes are cut into writes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Cuts {
    /// Each answer at once.
    Whole,
    /// Byte by byte.
    Bytes,
    /// Pieces of these lengths, repeated; a pause of a few milliseconds stands between pieces.
    Sizes(Vec<usize>),
}

impl Cuts {
    /// Writes a text in pieces, until the other side is gone.
    pub(super) async fn write(&self, stream: &mut DuplexStream, text: &str) {
        let sizes = match self {
            Self::Whole => vec![text.len().max(1)],
            Self::Bytes => vec![1],
            Self::Sizes(sizes) => sizes.iter().map(|size| (*size).max(1)).collect(),
        };
        let mut rest = text.as_bytes();
        for size in sizes.iter().cycle() {
            let Some((piece, tail)) = rest.split_at_checked((*size).min(rest.len())) else {
                return;
            };
            if piece.is_empty() || stream.write_all(piece).await.is_err() {
                return;
            }
            rest = tail;
            // A long text would take minutes; what is cut late is cut like what is cut early.
            let early = text.len().saturating_sub(rest.len()) < PAUSED;
            match self {
                Self::Sizes(_) if early => tokio::time::sleep(Duration::from_millis(3)).await,
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

/// Runs the engine against a recording and compares what it returns. The error says what differs.
pub async fn replay(
    platform: &Arc<Platform>,
    transcript: &Transcript,
    command: &Permitted,
    cuts: Cuts,
) -> Result<(), String> {
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let (greeting, script) = (transcript.greeting.clone(), transcript.exchanges.clone());
    let device = async move {
        let shown = perform(&mut far, &greeting, &script, &cuts).await?;
        answer_newlines(&mut far, &shown, &cuts).await;
        Ok(())
    };
    let driver = async {
        let secret = |text: &str| Secret::new(text.to_owned());
        let secrets = LoginSecrets {
            username: "admin".to_owned(),
            password: Some(secret(MADE_UP)),
            enable: transcript.enable_secret.as_deref().map(secret),
        };
        let limits = Limits {
            prompt_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(10),
            command_timeout: Duration::from_secs(60),
            output_limit: 1 << 22,
        };
        let opened = Session::open(near, Arc::clone(platform), secrets, limits).await;
        let mut session = opened.map_err(|error| format!("the login failed: {error}"))?;
        let output = session.run(command, &CancellationToken::new()).await;
        let output = output.map_err(|error| format!("the command failed: {error}"))?;
        if output.text == transcript.output {
            return Ok(());
        }
        Err(format!("the output is\n{:?}\nand should be\n{:?}", output.text, transcript.output))
    };
    // What the device did not expect is the better reason, so it is heard first.
    match tokio::join!(driver, device) {
        (_, Err(unexpected)) => Err(unexpected),
        (result, Ok(())) => result,
    }
}

/// Waits for exactly what the recording has and answers it. A lone newline that it does not have is
/// answered by one more prompt, as every CLI does. Returns what was shown last.
pub(super) async fn perform(
    far: &mut DuplexStream,
    greeting: &str,
    script: &[Exchange],
    cuts: &Cuts,
) -> Result<String, String> {
    cuts.write(far, greeting).await;
    let mut shown = greeting.to_owned();
    for Exchange { sent, reply } in script {
        let gone = |_error| format!("the driver left instead of sending {sent:?}");
        let mut got = vec![far.read_u8().await.map_err(gone)?];
        while matches!(got.as_slice(), b"\n" | b"\r") && !sent.starts_with(['\n', '\r']) {
            cuts.write(far, &format!("\r\n{}", prompt_of(&shown))).await;
            got = vec![far.read_u8().await.map_err(gone)?];
        }
        let mut rest = vec![0; sent.len().saturating_sub(1)];
        far.read_exact(&mut rest).await.map_err(gone)?;
        got.extend(rest);
        let got = String::from_utf8_lossy(&got);
        if got != *sent {
            return Err(format!("the driver sent {got:?}; the recording has {sent:?}"));
        }
        cuts.write(far, reply).await;
        shown.clone_from(reply);
    }
    Ok(shown)
}

/// Answers newlines with one more prompt until the other side goes.
pub(super) async fn answer_newlines(far: &mut DuplexStream, shown: &str, cuts: &Cuts) {
    while let Ok(byte) = far.read_u8().await {
        if matches!(byte, b'\n' | b'\r') {
            cuts.write(far, &format!("\r\n{}", prompt_of(shown))).await;
        }
    }
}

/// The prompt at the end of what was shown; of a prompt of two lines the last.
fn prompt_of(shown: &str) -> &str {
    shown.rsplit('\n').next().unwrap_or_default()
}
