//! Runs jq programs in a process of their own, since no jq bounds what a program takes.
//!
//! **Invariants:** the process is this program itself, gets an empty environment, sees its input and
//! nothing else, bounds its own memory before it reads a byte, and is killed when its time is over or
//! nobody waits any more. At most [`AT_ONCE`] of them run, and who waits long for one is told so.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

use super::Failure;
use crate::error::ErrorCode;

/// The subcommand that runs a program; people have no use for it.
pub const SUBCOMMAND: &str = "run-select";

/// How many programs run at the same time.
const AT_ONCE: usize = 2;

/// How many turns of others a caller waits for at most.
const TURNS: u32 = 3;

/// The longest program, in bytes.
const PROGRAM_BYTES: usize = 8 << 10;

/// The largest output, in bytes of JSON.
const OUTPUT_BYTES: usize = 4 << 20;

/// How many bytes of memory a byte of input takes while a program works on it.
const MEMORY_PER_BYTE: u64 = 16;

/// How much of what the process complains about goes to the log, in bytes.
const COMPLAINT_BYTES: u64 = 1024;

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
pub struct ProgramRunner {
    executable: PathBuf,
    limits: SelectLimits,
    places: Semaphore,
}

/// What the process is to do.
#[derive(Serialize)]
struct Order<'a> {
    program: &'a str,
    /// None to check the program only.
    input: Option<&'a Value>,
    output_bytes: usize,
}

/// What became of the process.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

impl ProgramRunner {
    /// Runs programs by this executable, which must be this program.
    pub fn new(executable: PathBuf, limits: SelectLimits) -> Self {
        Self { executable, limits, places: Semaphore::new(AT_ONCE) }
    }

    /// Says what is wrong with a program, before it has an input.
    ///
    /// # Errors
    ///
    /// The program is none. What only an input shows is not found out here.
    pub async fn check(&self, program: &str) -> Result<(), Failure> {
        self.order(program, None).await.map(drop)
    }

    /// Runs a program over a value and returns everything that it gives. Whoever drops this ends it.
    ///
    /// # Errors
    ///
    /// The program is none, fails, or takes more than its limits allow.
    pub async fn run(&self, program: &str, input: Value) -> Result<Vec<Value>, Failure> {
        self.order(program, Some(input)).await
    }

    async fn order(&self, program: &str, input: Option<Value>) -> Result<Vec<Value>, Failure> {
        let refused = |message: String| Failure::new(ErrorCode::InvalidArgument, message);
        if program.len() > PROGRAM_BYTES {
            return Err(refused(format!("select is longer than {PROGRAM_BYTES} bytes")));
        }
        let SelectLimits { time, memory } = self.limits;
        let waiting = tokio::time::timeout(time.saturating_mul(TURNS), self.places.acquire());
        let Ok(place) = waiting.await else {
            let message = "other programs of select are still running";
            return Err(Failure::new(ErrorCode::PoolExhausted, message));
        };
        let order = Order { program, input: input.as_ref(), output_bytes: OUTPUT_BYTES };
        let order = serde_json::to_vec(&order).unwrap_or_default();
        drop(input);
        let most = memory.checked_div(MEMORY_PER_BYTE).unwrap_or_default();
        if order.len() as u64 > most {
            let message = format!("there are more than {most} bytes of records for select");
            return Err(refused(message).hinting("narrow the command, name fields, or use where"));
        }
        let ended = tokio::time::timeout(time, self.work(order)).await;
        drop(place);
        let Ok(ended) = ended else {
            let seconds = time.as_secs();
            let message = format!("the jq program ran longer than {seconds} s and was ended");
            return Err(refused(message).because("select_time"));
        };
        let ended = ended.map_err(|error| {
            tracing::error!(%error, executable = %self.executable.display(), "select cannot run");
            Failure::new(ErrorCode::Internal, "the process for select cannot run")
        })?;
        self.answer(&ended)
    }

    fn answer(&self, ended: &Ended) -> Result<Vec<Value>, Failure> {
        let refused = |message: String| Failure::new(ErrorCode::InvalidArgument, message);
        if !ended.status.success() {
            let complaint = String::from_utf8_lossy(&ended.complaint);
            tracing::info!(status = %ended.status, %complaint, "the process of a jq program failed");
            let mebibytes = self.limits.memory.checked_shr(20).unwrap_or_default();
            return Err(match signal(ended.status) {
                // SIGABRT, by an allocation that was refused; SIGSEGV, by a stack that is full.
                Some(6 | 11) => {
                    let message =
                        format!("the jq program needs more memory than its {mebibytes} MiB");
                    refused(message).because("select_memory")
                }
                // SIGKILL and SIGXCPU: the system's clock, or its own want of memory.
                Some(9 | 24) => refused("the jq program was ended by the system".to_owned())
                    .because("select_time"),
                _ => Failure::new(ErrorCode::Internal, "the process for select ended unexpectedly"),
            });
        }
        match serde_json::from_slice(&ended.output) {
            Ok(Value::Object(mut answer)) => match (answer.remove("values"), answer.get("error")) {
                (Some(Value::Array(values)), _) => Ok(values),
                (_, Some(Value::String(error))) => Err(refused(error.clone()).hinting(
                    "the program gets one array of records, each with its field `device`",
                )),
                _ => {
                    Err(Failure::new(ErrorCode::Internal, "the process for select gave no answer"))
                }
            },
            _ => Err(Failure::new(ErrorCode::Internal, "the process for select gave no answer")),
        }
    }

    /// Starts the process, feeds it and takes what it writes.
    async fn work(&self, order: Vec<u8>) -> std::io::Result<Ended> {
        let SelectLimits { time, memory } = self.limits;
        let mut child = Command::new(&self.executable)
            .arg(SUBCOMMAND)
            .arg(memory.to_string())
            .arg(time.as_secs().saturating_add(1).to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lost = || std::io::Error::other("a pipe to the process is missing");
        let mut to_child = child.stdin.take().ok_or_else(lost)?;
        let from_child = child.stdout.take().ok_or_else(lost)?;
        let mut complaints = child.stderr.take().ok_or_else(lost)?;
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
        let listen = async move {
            let mut complaint = Vec::new();
            let read = (&mut complaints).take(COMPLAINT_BYTES).read_to_end(&mut complaint).await;
            // The rest is of no use, but a pipe that is full would hold the process up.
            drop(tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await);
            read.map(|_| complaint)
        };
        let ((), output, complaint) = tokio::join!(feed, take, listen);
        Ok(Ended { status: child.wait().await?, output: output?, complaint: complaint? })
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
