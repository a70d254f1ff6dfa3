//! Finds where the echo of our own line ends and the device's answer begins.
//!
//! Blanks are ignored in the comparison, because line editors wrap and repaint them. Only the
//! first lines are searched: an echo comes first or not at all.

use super::terminal::Scrollback;

/// How many lines may precede the echo: log messages that arrived while we typed.
const SEARCHED: usize = 40;
/// How much of a long line must be left when its head gave way to `$`.
const LEAST_TAIL: usize = 8;

/// Removes blanks, so that wrapped and repainted text compares equal.
pub(super) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What we typed and where; both without blanks.
#[derive(Debug)]
pub(super) struct Typed {
    prompt: String,
    line: String,
}

impl Typed {
    pub(super) fn new(prompt: &str, line: &str) -> Self {
        Self { prompt: squeeze(prompt), line: squeeze(line) }
    }

    /// Whether a line without blanks is the prompt alone.
    pub(super) fn is_prompt(&self, line: &str) -> bool {
        line == self.prompt
    }

    /// Returns the number of the first line after the echo. A line that a slow device echoes twice
    /// is skipped twice. `raw` is the beginning of what came, for devices that wrap at a width of
    /// their own, which paints over what a screen of ours shows.
    pub(super) fn end_of_echo(
        &self,
        lines: &Scrollback,
        raw: &[u8],
        is_log: impl Fn(&str) -> bool,
    ) -> Option<usize> {
        let painted =
            (0..lines.count().min(SEARCHED)).find_map(|at| self.echo_at(lines, at, &is_log));
        let mut end = painted.or_else(|| self.end_in_raw(raw))?;
        while let Some(again) = self.echo_at(lines, end, &is_log) {
            end = again;
        }
        Some(end)
    }

    /// Returns the line after the echo where one starts at this line; it may be wrapped over
    /// several, and a log message may stand in its middle.
    fn echo_at(
        &self,
        lines: &Scrollback,
        at: usize,
        is_log: &impl Fn(&str) -> bool,
    ) -> Option<usize> {
        let mut seen = String::new();
        let typed = self.line.len().saturating_add(self.prompt.len());
        let longest = typed.saturating_mul(8).saturating_add(1024);
        for index in at..lines.count() {
            let shown = lines.line(index)?;
            // A line of output may have megabytes; an echo has what we typed, and blanks.
            if shown.len() > longest {
                return None;
            }
            let line = squeeze(shown);
            // The prompt stands before what was typed, unless the device echoed before it drew it.
            let typed =
                if index == at { line.strip_prefix(&self.prompt).unwrap_or(&line) } else { &line };
            if index > at && is_log(shown) {
                continue;
            }
            seen.push_str(typed);
            if seen == self.line || (index == at && self.is_scrolled(typed)) {
                return index.checked_add(1);
            }
            if seen.is_empty() || !self.line.starts_with(&seen) {
                return None;
            }
        }
        None
    }

    /// Whether this is the end of our line, whose head gave way to `$`.
    fn is_scrolled(&self, typed: &str) -> bool {
        typed
            .strip_prefix('$')
            .is_some_and(|tail| tail.len() >= LEAST_TAIL && self.line.ends_with(tail))
    }

    /// Finds the echo in the bytes, controls and blanks left out.
    fn end_in_raw(&self, raw: &[u8]) -> Option<usize> {
        if self.line.is_empty() {
            return None;
        }
        let mut line = Vec::new();
        let mut number = 0_usize;
        for byte in raw {
            match byte {
                b'\n' => {
                    number = number.checked_add(1)?;
                    let typed = line.strip_prefix(self.prompt.as_bytes()).unwrap_or(&line);
                    if typed == self.line.as_bytes() {
                        return Some(number);
                    }
                    line.clear();
                }
                0..=b' ' => {}
                _ => line.push(*byte),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::terminal::Terminal;
    use super::*;

    fn check(screen: &str, expected: Option<usize>) {
        let mut terminal = Terminal::new(1 << 16);
        terminal.feed(screen.as_bytes());
        let typed = Typed::new("sw1#", "show ip route");
        let is_log = |line: &str| line.starts_with("%LINK-");
        let end = typed.end_of_echo(terminal.lines(), screen.as_bytes(), is_log);
        assert_eq!(end, expected, "{screen:?}");
    }

    #[test]
    fn an_echo_is_found_however_it_was_drawn() {
        check("sw1#show ip route\r\nanswer\r\n", Some(1));
        check("sw1# show ip route \r\n", Some(1));
        check("show ip route\r\nanswer", Some(1));
        check("sw1#show ip \r\nroute\r\nanswer", Some(2));
        check("sw1#show ip route\r\nsw1#show ip route\r\nanswer", Some(2));
        check("sw1#\r\n%LINK-3-UPDOWN: down\r\nsw1#show ip route\r\nanswer", Some(3));
        check("sw1#show ip\r\n%LINK-3-UPDOWN: down\r\n route\r\nanswer", Some(3));
        check("sw1#show ip r \route\r\nanswer\r\n", Some(1));
        check("sw1#$w ip route\r\nanswer\r\n", Some(1));
    }

    #[test]
    fn an_echo_that_is_not_finished_or_not_ours_is_not_found() {
        check("sw1#show ip rou", None);
        check("sw1#\r\nanswer\r\n", None);
        check("sw1#show ip interface\r\n", None);
        check("sw1#$route\r\n", None);
    }
}
