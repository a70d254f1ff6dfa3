//! Which lines are prompts, and which of them an exchange may end with.

use super::{Exchange, Kind, LAST, Prompt, Terminal};

impl Exchange<'_> {
    /// Whether a line ends with the learned prompt behind other text.
    pub(super) fn hides_prompt(&self, line: &str) -> bool {
        let learned = self.learned.filter(|learned| line.len() > learned.line.len());
        self.kind.stays()
            && learned
                .is_some_and(|learned| !learned.line.is_empty() && line.ends_with(&learned.line))
    }

    pub(super) fn prompt_of(&self, terminal: &Terminal, line: &str) -> Option<Prompt> {
        let lines = terminal.lines();
        // A device that draws its prompt again behind a log message may draw the last line alone.
        let drawn_before = |above: &&str| above.is_empty() || *above == line;
        let shown = (0..lines.count()).rev().filter_map(|index| lines.line(index));
        let mut shown = shown.map(str::trim_end).take(LAST);
        let mut above = shown.next().unwrap_or_default();
        if self.platform.is_log_line(above) {
            let is_log = |above: &&str| self.platform.is_log_line(above);
            above = shown.find(|a| !drawn_before(a) && !is_log(a)).unwrap_or_default();
        }
        if let Some(learned) = self.learned.filter(|learned| learned.line == line)
            && self.platform.mode(&learned.mode).is_some_and(|mode| mode.is_below(above))
            && self.platform.mode_of(above, line).is_none_or(|mode| mode.name == learned.mode)
        {
            return Some(learned.clone());
        }
        let mode = self.platform.mode_of(above, line)?;
        Some(Prompt { line: line.to_owned(), mode: mode.name.clone() })
    }

    /// Says whether this prompt is one that the exchange may end with, without a second look.
    pub(super) fn is_expected(&self, prompt: &Prompt) -> bool {
        let Some(learned) = self.learned else { return false };
        match &self.kind {
            Kind::Login => false,
            Kind::Line { .. } | Kind::BlockBegin { .. } | Kind::Block => {
                self.is_same_device(&prompt.line, &learned.line)
            }
            // The old prompt may be the first half of an echo that comes twice.
            Kind::Transition { to, .. } => {
                prompt.mode == **to && self.is_same_device(&prompt.line, &learned.line)
            }
            Kind::Setup(_) | Kind::Command(_) | Kind::Configuration(_) | Kind::Interrupt => {
                *prompt == *learned
            }
        }
    }

    /// Compares the parts of two prompts that name the device, one of which may be cut.
    fn is_same_device(&self, one: &str, two: &str) -> bool {
        let (one, two) = (host(one), host(two));
        let cut = |limit: usize| {
            let (short, long) = if one.len() < two.len() { (one, two) } else { (two, one) };
            short.len() >= limit && long.starts_with(short)
        };
        one == two || self.platform.hostname_limit.is_some_and(cut)
    }
}

/// The part of a prompt that names the device.
fn host(line: &str) -> &str {
    line.split(['(', '>', '#', '%', '$']).next().unwrap_or_default()
}
