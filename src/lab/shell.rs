//! One shell: moves bytes between an SSH channel and a [`Cli`].
//!
//! Reading never waits for writing, so an interrupt is seen while output is slow or stalled.

use std::sync::Arc;
use std::time::Duration;

use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect};
use tokio::sync::{mpsc, watch};

use super::cli::{Action, Cli, Note};
use super::link::Cutter;
use super::observed::Recorder;
use super::wire::{Step, Wire};

/// How long a device that hushes is still heard, so that its last packet is on the network.
const LAST_WORD: Duration = Duration::from_millis(100);

/// What a shell needs besides its channel.
pub(super) struct Shell {
    pub(super) cli: Cli,
    pub(super) wire: Wire,
    /// Whether each packet must be on the network before the next: exact cuts need it.
    pub(super) flushes: bool,
    /// Whether nothing below the shell is answered while it waits for a command.
    pub(super) hushes: bool,
    pub(super) cutter: Cutter,
    pub(super) server: Handle,
    pub(super) recorder: Arc<Recorder>,
}

/// Counts a shell as open while it lives, however it ends.
struct Open(Arc<Recorder>);

impl Open {
    fn new(recorder: Arc<Recorder>) -> Self {
        recorder.note(|seen| {
            seen.sessions_opened += 1;
            seen.open_sessions += 1;
        });
        Self(recorder)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.note(|seen| seen.open_sessions = seen.open_sessions.saturating_sub(1));
    }
}

/// Runs a shell until either side closes it.
pub(super) async fn run(shell: Shell, channel: Channel<Msg>) {
    let Shell { cli, wire, flushes, hushes, cutter, server, recorder } = shell;
    let open = Open::new(Arc::clone(&recorder));
    let (reader, writer) = channel.split();
    let (queue, steps) = mpsc::unbounded_channel();
    let interrupts = watch::Sender::new(0);
    let listening = interrupts.subscribe();
    let pump = Pump { writer, interrupts: listening, flushes, hushes, cutter, server };
    tokio::select! {
        () = read(reader, cli, Outgoing { wire, queue, interrupts, recorder }) => {}
        () = pump.run(steps) => {}
    }
    drop(open);
}

struct Outgoing {
    wire: Wire,
    /// Each step with the number of interrupts before it.
    queue: mpsc::UnboundedSender<(u64, Step)>,
    interrupts: watch::Sender<u64>,
    recorder: Arc<Recorder>,
}

impl Outgoing {
    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match &action {
                Action::Interrupted => self.interrupts.send_modify(|count| *count += 1),
                Action::Note(Note::Interrupt) => self.recorder.note(|seen| seen.interrupts += 1),
                Action::Note(Note::PagerAnswer) => {
                    self.recorder.note(|seen| seen.pager_answers += 1);
                }
                Action::Note(Note::Line(line)) => {
                    self.recorder.note(|seen| seen.lines.push(line.clone()));
                }
                _ => {}
            }
            let age = *self.interrupts.borrow();
            for step in self.wire.steps(action) {
                if self.queue.send((age, step)).is_err() {
                    return;
                }
            }
        }
    }
}

async fn read(mut reader: ChannelReadHalf, mut cli: Cli, mut outgoing: Outgoing) {
    outgoing.perform(cli.start());
    loop {
        let due = cli.tick_interval();
        tokio::select! {
            message = reader.wait() => match message {
                Some(ChannelMsg::Data { data }) => outgoing.perform(cli.feed(&data)),
                Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                    cli.resize(col_width, row_height);
                }
                // The client may still want what was asked for before.
                Some(ChannelMsg::Eof) => outgoing.perform(vec![Action::Close]),
                Some(ChannelMsg::Close) | None => return,
                Some(_) => {}
            },
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => {
                outgoing.perform(cli.tick());
            }
        }
    }
}

struct Pump {
    writer: ChannelWriteHalf<Msg>,
    interrupts: watch::Receiver<u64>,
    flushes: bool,
    hushes: bool,
    cutter: Cutter,
    server: Handle,
}

impl Pump {
    async fn run(mut self, mut steps: mpsc::UnboundedReceiver<(u64, Step)>) {
        while let Some((age, step)) = steps.recv().await {
            match step {
                Step::Send { interruptible: true, .. } if self.is_stale(age) => {}
                Step::Send { bytes, .. } => {
                    self.cutter.speak();
                    let reached = self.cutter.written().saturating_add(bytes.len() as u64);
                    if self.writer.data_bytes(bytes).await.is_err() {
                        return;
                    }
                    if self.flushes {
                        self.cutter.wait_written(reached).await;
                    }
                    if self.hushes && steps.is_empty() {
                        tokio::time::sleep(LAST_WORD).await;
                        self.cutter.hush();
                    }
                }
                Step::Wait { time, interruptible: false } => tokio::time::sleep(time).await,
                Step::Wait { time, interruptible: true } => tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    _ = self.interrupts.wait_for(|now| *now > age) => {}
                },
                Step::Stall => std::future::pending().await,
                Step::Drop => return self.cutter.cut(),
                Step::Vanish => {
                    self.cutter.vanish();
                    std::future::pending().await
                }
                Step::Disconnect => return self.disconnect().await,
                Step::DropAll => return self.cutter.cut_all(),
                Step::Close => return self.close().await,
            }
        }
    }

    fn is_stale(&self, age: u64) -> bool {
        *self.interrupts.borrow() > age
    }

    async fn disconnect(self) {
        let reason = Disconnect::ByApplication;
        let words = "this line is going down".to_owned();
        if self.server.disconnect(reason, words, String::new()).await.is_err() {
            tracing::debug!("the client was gone before it was disconnected");
        }
    }

    async fn close(self) {
        let closed = async {
            self.writer.exit_status(0).await?;
            self.writer.eof().await?;
            self.writer.close().await
        };
        if let Err(error) = closed.await {
            tracing::debug!(%error, "the client was gone before its shell was closed");
        }
    }
}
