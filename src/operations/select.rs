//! Runs jq programs in a process of their own, since no jq bounds what a program takes.
//!
//! **Invariants:** the process is this program itself, gets an empty environment, sees its input and
//! nothing else, bounds its own memory before it reads a byte, and is killed when its time is over or
//! nobody waits any more. At most [`AT_ONCE`] of them run.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::Failure;
use crate::error::ErrorCode;

/// The subcommand that runs a program; people have no use for it.
pub const SUBCOMMAND: &str = "run-select";

/// How many programs run at the same time.
const AT_ONCE: usize = 2;

/// The longest program, in bytes.
const PROGRAM_BYTES: usize = 8 << 10;

/// The largest input, in bytes of JSON.
const INPUT_BYTES: usize = 64 << 20;

/// The largest output, in bytes of JSON.
const OUTPUT_BYTES: usize = 8 << 20;

/// Limits on one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelectLimits {
    /// How long it may run.
    pub time: Duration,
    /// How much memory its process may ask for, in bytes.
    pub memory: u64,
}

/// Runs programs.
#[derive(Debug)]
pub struct Selector {
    program: PathBuf,
    limits: SelectLimits,
    places: Semaphore,
}

impl Selector {
    /// Runs programs by this executable, which must be this program.
    pub fn new(program: PathBuf, limits: SelectLimits) -> Self {
        Self { program, limits, places: Semaphore::new(AT_ONCE) }
    }

    /// Runs a program over a value and returns everything that it gives.
    ///
    /// # Errors
    ///
    /// The program is none, fails, or needs more than the limits allow.
    pub async fn run(&self, program: &str, input: Value) -> Result<Vec<Value>, Failure> {
        let refused = |message: String| Failure::new(ErrorCode::InvalidArgument, message);
        if program.len() > PROGRAM_BYTES {
            return Err(refused(format!("select is longer than {PROGRAM_BYTES} bytes")));
        }
        let SelectLimits { time, memory } = self.limits;
        let order = json!({
            "program": program, "input": input, "output_bytes": OUTPUT_BYTES, "memory": memory,
            "seconds": time.as_secs().saturating_add(1),
        });
        let order = order.to_string();
        if order.len() > INPUT_BYTES {
            let message = format!("there are more than {INPUT_BYTES} bytes of records for select");
            return Err(refused(message).hinting("narrow the command, name fields, or use where"));
        }
        let place = self.places.acquire().await;
        let work = self.work(order.into_bytes());
        let ended = tokio::time::timeout(time, work).await;
        drop(place);
        let slow = || {
            refused(format!("the jq program ran longer than {} s and was ended", time.as_secs()))
                .because("select_time")
        };
        let (status, output) = ended.map_err(|_| slow())?.map_err(|error| {
            tracing::error!(%error, program = %self.program.display(), "select cannot run");
            Failure::new(ErrorCode::Internal, "the process for select cannot run")
        })?;
        if !status.success() {
            return Err(match signal(status) {
                // SIGABRT, by an allocation that was refused; SIGSEGV, by a stack that is full.
                Some(6 | 11) => refused(format!(
                    "the jq program needs more memory than its {} MiB",
                    memory.checked_shr(20).unwrap_or_default()
                ))
                .because("select_memory"),
                // SIGKILL and SIGXCPU, by the system's own clock.
                Some(9 | 24) => slow(),
                _ => {
                    tracing::error!(%status, "select ended without an answer");
                    Failure::new(ErrorCode::Internal, "the process for select ended unexpectedly")
                }
            });
        }
        let answer: Value = serde_json::from_slice(&output).unwrap_or_default();
        match (answer.get("values"), answer.get("error").and_then(Value::as_str)) {
            (Some(Value::Array(values)), _) => Ok(values.clone()),
            (_, Some(error)) => Err(refused(error.to_owned())
                .hinting("the program gets one array of records, each with its field `device`")),
            _ => Err(Failure::new(ErrorCode::Internal, "the process for select gave no answer")),
        }
    }

    /// Starts the process, feeds it and takes what it writes.
    async fn work(&self, order: Vec<u8>) -> std::io::Result<(ExitStatus, Vec<u8>)> {
        let mut child = Command::new(&self.program)
            .arg(SUBCOMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let lost = || std::io::Error::other("a pipe to the process is missing");
        let mut to_child = child.stdin.take().ok_or_else(lost)?;
        let from_child = child.stdout.take().ok_or_else(lost)?;
        let feed = async move {
            // Whether it read everything shows in what it answers.
            drop(to_child.write_all(&order).await);
            drop(to_child);
        };
        let take = async move {
            let mut output = Vec::new();
            let most = (OUTPUT_BYTES as u64).saturating_mul(2);
            from_child.take(most).read_to_end(&mut output).await.map(|_| output)
        };
        let ((), output) = tokio::join!(feed, take);
        Ok((child.wait().await?, output?))
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    status.signal()
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
