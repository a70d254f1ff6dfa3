//! The tasks of a device: they end with it, and their panics are kept.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

use tokio::task::{JoinError, JoinSet};

/// The tasks of one device. The lock is held for moments only, never across an await.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    running: JoinSet<()>,
    panic: Option<String>,
}

impl Tasks {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = state.running.try_join_next() {
            keep_panic(&mut state.panic, ended);
        }
        state.running.spawn(task);
    }

    /// Notes a panic of a task that is not one of ours.
    pub(super) fn note_panic(&self, message: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.panic.get_or_insert_with(|| message.to_owned());
    }

    /// Waits until every task has ended; the message of the first panic, if there was one.
    pub(super) async fn join(&self) -> Option<String> {
        loop {
            let mut running = {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if state.running.is_empty() {
                    return state.panic.clone();
                }
                std::mem::take(&mut state.running)
            };
            let mut panic = None;
            while let Some(ended) = running.join_next().await {
                keep_panic(&mut panic, ended);
            }
            if let Some(panic) = panic {
                self.note_panic(&panic);
            }
        }
    }
}

fn keep_panic(kept: &mut Option<String>, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(payload) = error.try_into_panic()
    {
        kept.get_or_insert_with(|| message(payload.as_ref()));
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_panic_survives_until_the_end() {
        let tasks = Tasks::default();
        tasks.spawn(async { panic!("the fixture is wrong") });
        tasks.spawn(async {});
        assert_eq!(tasks.join().await.as_deref(), Some("the fixture is wrong"));
        assert_eq!(tasks.join().await.as_deref(), Some("the fixture is wrong"));
    }
}
