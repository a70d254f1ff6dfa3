//! Turns what a CLI wants into steps on the wire, faults included. Pure.

use std::time::Duration;

use super::cli::Action;
use super::faults::{Cut, Faults};

/// One step of the writing side, carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Sends one packet.
    Send { bytes: Vec<u8>, interruptible: bool },
    /// Waits; an interrupt ends it.
    Wait { time: Duration, interruptible: bool },
    /// Sends nothing more, for good.
    Stall,
    /// Ends the connection without a word.
    Drop,
    /// Ends the connection in the words of SSH.
    Disconnect,
    /// Leaves the connection up and dead.
    Vanish,
    /// Ends every connection of the device.
    DropAll,
    /// Closes the channel in order.
    Close,
}

/// Counts a session's output and knows where its faults strike.
#[derive(Debug)]
pub(super) struct Wire {
    chunk_size: Option<usize>,
    chunk_delay: Duration,
    /// What ends the output, where.
    ends: Vec<(Cut, Step)>,
    crawl: Option<Cut>,
}

/// The time of a byte where output crawls.
const CRAWL: Duration = Duration::from_secs(1);

impl Wire {
    pub(super) fn new(faults: &Faults) -> Self {
        Self {
            chunk_size: faults.chunk_size.filter(|size| *size > 0),
            chunk_delay: faults.chunk_delay,
            ends: [
                (&faults.drop, Step::Drop),
                (&faults.disconnect, Step::Disconnect),
                (&faults.vanish, Step::Vanish),
                (&faults.stall, Step::Stall),
            ]
            .into_iter()
            .filter_map(|(cut, step)| Some((cut.clone()?, step)))
            .collect(),
            crawl: faults.crawl.clone(),
        }
    }

    /// The steps for one action.
    pub(super) fn steps(&mut self, action: Action) -> Vec<Step> {
        let mut steps = Vec::new();
        match action {
            Action::Write(bytes) => self.send(&bytes, false, &mut steps),
            Action::Output { command, bytes } => {
                let end = self
                    .ends
                    .iter_mut()
                    .filter_map(|(cut, step)| Some((strike(cut, &command, bytes.len())?, &*step)))
                    .min_by_key(|(at, _)| *at)
                    .map(|(at, step)| (at, step.clone()));
                let shown = end.as_ref().and_then(|(at, _)| bytes.get(..*at)).unwrap_or(&bytes);
                let crawl = self.crawl.as_mut();
                let crawl = crawl.and_then(|cut| strike(cut, &command, shown.len()));
                let (fast, slow) = shown.split_at(crawl.unwrap_or(shown.len()));
                self.send(fast, true, &mut steps);
                for byte in slow {
                    self.send(&[*byte], true, &mut steps);
                    steps.push(Step::Wait { time: CRAWL, interruptible: true });
                }
                steps.extend(end.map(|(_, step)| step));
            }
            Action::Wait(time) => steps.push(Step::Wait { time, interruptible: true }),
            Action::Cut { all: false } => steps.push(Step::Drop),
            Action::Cut { all: true } => steps.push(Step::DropAll),
            Action::Close => steps.push(Step::Close),
            Action::Interrupted | Action::Note(_) => {}
        }
        steps
    }

    fn send(&self, bytes: &[u8], interruptible: bool, steps: &mut Vec<Step>) {
        let size = self.chunk_size.unwrap_or(usize::MAX);
        for chunk in bytes.chunks(size) {
            steps.push(Step::Send { bytes: chunk.to_vec(), interruptible });
            if !self.chunk_delay.is_zero() {
                steps.push(Step::Wait { time: self.chunk_delay, interruptible });
            }
        }
    }
}

/// Where in `length` bytes of a command's output the fault strikes, if it does.
fn strike(cut: &mut Cut, command: &str, length: usize) -> Option<usize> {
    if cut.command.as_ref().is_some_and(|start| !command.starts_with(start)) {
        return None;
    }
    if cut.after < length {
        return Some(std::mem::take(&mut cut.after));
    }
    cut.after -= length;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(command: &str, length: usize) -> Action {
        Action::Output { command: command.to_owned(), bytes: vec![b'x'; length] }
    }

    fn check(faults: &Faults, actions: &[Action], expected: &str) {
        let mut wire = Wire::new(faults);
        let steps: Vec<String> = actions
            .iter()
            .flat_map(|action| wire.steps(action.clone()))
            .map(|step| match step {
                Step::Send { bytes, .. } => bytes.len().to_string(),
                Step::Wait { time, .. } => format!("wait {}", time.as_millis()),
                Step::Stall => "stall".to_owned(),
                Step::Drop => "drop".to_owned(),
                Step::Disconnect => "disconnect".to_owned(),
                Step::Vanish => "vanish".to_owned(),
                Step::DropAll => "drop all".to_owned(),
                Step::Close => "close".to_owned(),
            })
            .collect();
        assert_eq!(steps.join(" "), expected);
    }

    #[test]
    fn faults_strike_where_they_should() {
        check(&Faults::default(), &[Action::Write(vec![1; 5]), output("a", 9)], "5 9");
        let crawl = Faults { crawl: Some(Cut::after(3)), ..Faults::default() };
        check(&crawl, &[output("a", 5)], "3 1 wait 1000 1 wait 1000");
        let both = Faults { vanish: Some(Cut::after(3)), disconnect: Some(Cut::after(7)), ..crawl };
        check(&both, &[output("a", 5)], "3 vanish");
        let chunks = Faults {
            chunk_size: Some(2),
            chunk_delay: Duration::from_millis(3),
            ..Faults::default()
        };
        check(&chunks, &[output("a", 3), Action::Close], "2 wait 3 1 wait 3 close");
        let stall = Faults { stall: Some(Cut::after(10)), ..Faults::default() };
        check(
            &stall,
            &[Action::Write(vec![1; 50]), output("a", 8), output("b", 8)],
            "50 8 2 stall",
        );
        let drop = Faults { drop: Some(Cut::in_output_of("show v", 4)), ..Faults::default() };
        check(&drop, &[output("show clock", 8), output("show version", 8)], "8 4 drop");
    }
}
