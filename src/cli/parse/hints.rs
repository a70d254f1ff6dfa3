//! What may be wrong with an output that a template does not understand. Nothing is taken away on its
//! own: what looks like a prompt may be a line of the answer.
//!
//! All of it is a heuristic. A prompt counts as one word of at most [`PROMPT_CHARS`] characters that ends
//! in `#`, `>`, `$` or `%`, so prompts with blanks in them are not seen.

/// The longest prompt.
const PROMPT_CHARS: usize = 80;

/// What the pagers of most devices write.
const PAGERS: [&str; 4] = ["--more--", "-- more --", "---- more ----", "---(more"];

/// What to look at in a text, each with its remedy.
pub(super) fn hints(text: &str, command: Option<&str>) -> Vec<String> {
    let mut hints = Vec::new();
    let body = text.strip_prefix('\u{feff}');
    if body.is_some() {
        hints.push("line 1 begins with a byte order mark, U+FEFF; save the file without it".into());
    }
    let body = body.unwrap_or(text);
    if body.trim().is_empty() {
        hints.push("there is nothing in it".into());
    }
    let mut lines = body.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if let Some((at, line)) = lines.next() {
        let number = at.saturating_add(1);
        if is_echo(line, command) {
            hints.push(format!(
                "line {number} looks like a prompt with the command; a template expects what \
                 follows it, so delete the line"
            ));
        }
        if let Some((at, last)) = lines.last().filter(|(_, line)| is_prompt(line.trim())) {
            let number = at.saturating_add(1);
            let last = last.trim();
            hints.push(format!("line {number}, `{last}`, looks like a prompt; delete it"));
        }
    }
    let lower = body.to_lowercase();
    if PAGERS.iter().any(|pager| lower.contains(pager)) {
        hints.push("the pager's `--More--` stands in it; record the output without paging".into());
    }
    if body.contains("\r\r\n") {
        hints.push("lines end in CR CR LF, so each is followed by an empty one; make it LF".into());
    }
    hints
}

/// Whether a line is the command that was typed, behind a prompt or alone.
fn is_echo(line: &str, command: Option<&str>) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let line = words(line);
    if let Some(command) = command.map(words).filter(|command| !command.is_empty()) {
        return line
            .strip_suffix(command.as_str())
            .is_some_and(|before| before.is_empty() || before.trim_end().ends_with(is_mark));
    }
    let behind = line.split_once(is_mark).map(|(_, behind)| behind.trim_start());
    behind.is_some_and(|behind| {
        let end = line.len().saturating_sub(behind.len());
        behind.starts_with(|c: char| c.is_ascii_lowercase())
            && line.get(..end).is_some_and(|prompt| is_prompt(prompt.trim()))
    })
}

fn is_prompt(line: &str) -> bool {
    let name = line.strip_suffix(is_mark).unwrap_or_default();
    name.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '[' | '<' | '('))
        && line.chars().count() <= PROMPT_CHARS
        // A percentage is none.
        && name.contains(char::is_alphabetic)
        && !name.contains(char::is_whitespace)
}

fn is_mark(c: char) -> bool {
    matches!(c, '#' | '>' | '$' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, command: Option<&str>, parts: &[&str]) {
        let hints = hints(text, command);
        assert_eq!(hints.len(), parts.len(), "{text:?}: {hints:?}");
        for (hint, part) in hints.iter().zip(parts) {
            assert!(hint.contains(part), "{text:?}: {hints:?}");
        }
    }

    #[test]
    fn an_echo_is_seen_behind_any_prompt_and_alone() {
        for line in ["r1#show  version", "me@r1> Show version", "[edit] me@r1# show version"] {
            check(&format!("{line}\nx\n"), Some("show version"), &["line 1 looks like a prompt"]);
        }
        check("\nshow version\nx\n", Some("show version"), &["line 2 looks like a prompt"]);
        check("r1#show version\nx\n", None, &["line 1 looks like a prompt"]);
        check("A:leaf1# info\nx\n", None, &["line 1 looks like a prompt"]);
    }

    #[test]
    fn lines_of_an_answer_are_no_echo() {
        check("Output of show version\nx\n", Some("show version"), &[]);
        check("Load is 100% of all\nx\n", None, &[]);
        check("x\n", Some(""), &[]);
        check("", Some("show version"), &["nothing in it"]);
    }

    #[test]
    fn what_a_terminal_leaves_behind_is_named() {
        check("x\nr1#", None, &["line 2, `r1#`, looks like a prompt"]);
        check("\u{feff}x\n --More-- \ny\n", None, &["byte order mark", "--More--"]);
        check("x\r\r\ny\r\r\n", None, &["CR CR LF"]);
        check("x\r\ny\r\nr1>\r\n", None, &["line 3, `r1>`"]);
        check("a\n50%\n", None, &[]);
    }
}
