//! Finds where the echo of our own command ends and the device's answer begins.
//!
//! Blanks are ignored in the comparison, because line editors wrap and repaint them. Only the
//! first lines are searched: an echo comes first or not at all.

use super::terminal::Scrollback;

/// How many lines may precede the echo: log messages that arrived while we typed.
const SEARCHED: usize = 40;

/// Removes blanks, so that wrapped and repainted text compares equal.
pub(super) fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Returns the number of the first line after the echo of `command`, typed at `prompt`; both are
/// squeezed. A command that a slow device echoes twice is skipped twice.
pub(super) fn end_of_echo(lines: &Scrollback, prompt: &str, command: &str) -> Option<usize> {
    let mut end =
        (0..lines.count().min(SEARCHED)).find_map(|at| echo_at(lines, at, prompt, command))?;
    while let Some(again) = echo_at(lines, end, prompt, command) {
        end = again;
    }
    Some(end)
}

/// Returns the line after the echo where one starts at this line; it may be wrapped over several.
fn echo_at(lines: &Scrollback, at: usize, prompt: &str, command: &str) -> Option<usize> {
    let mut seen = String::new();
    for (number, index) in (at..lines.count()).enumerate() {
        let line = squeeze(lines.line(index)?);
        // The prompt stands before what was typed, unless the device echoed before it drew it.
        let typed =
            if number == 0 { line.strip_prefix(prompt).unwrap_or(&line) } else { line.as_str() };
        seen.push_str(typed);
        if seen == command {
            return index.checked_add(1);
        }
        if seen.is_empty() || !command.starts_with(&seen) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::terminal::Terminal;
    use super::*;

    fn check(screen: &str, expected: Option<usize>) {
        let mut terminal = Terminal::new(1 << 16);
        terminal.feed(screen.as_bytes());
        let end = end_of_echo(terminal.lines(), "sw1#", &squeeze("show ip route"));
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
    }

    #[test]
    fn an_echo_that_is_not_finished_or_not_ours_is_not_found() {
        check("sw1#show ip rou", None);
        check("sw1#\r\nanswer\r\n", None);
        check("sw1#show ip interface\r\n", None);
    }
}
