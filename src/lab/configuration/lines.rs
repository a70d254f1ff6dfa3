//! A configuration in lines: sections by indentation.
//!
//! A line that was removed keeps its place unseen, so that it comes back where it was, as on a
//! device that prints everything in an order of its own.

use super::spec::{ConfigurationSpec, first_words, starts_like};

/// A line and the lines of its section.
#[derive(Debug, Clone)]
struct Line {
    text: String,
    children: Vec<Self>,
    /// The lines that close the section.
    ends: Vec<String>,
    live: bool,
}

impl Line {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), children: Vec::new(), ends: Vec::new(), live: true }
    }

    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with('!')
    }

    fn die(&mut self) {
        self.live = false;
        self.children.iter_mut().for_each(Self::die);
    }
}

/// A whole configuration.
#[derive(Debug, Clone)]
pub(super) struct Lines(Vec<Line>);

impl Lines {
    pub(super) fn parse(text: &str, spec: &ConfigurationSpec) -> Self {
        let raw: Vec<&str> = text.lines().collect();
        let mut rest = raw.as_slice();
        Self(parse_level(&mut rest, 0, spec))
    }

    pub(super) fn render(&self, spec: &ConfigurationSpec) -> String {
        let mut text = String::new();
        render_level(&self.0, 0, spec.indent, &mut text);
        text
    }

    /// Every line with the names of its sections before it, comments left out.
    pub(super) fn statements(&self) -> Vec<String> {
        let mut found = Vec::new();
        flatten(&self.0, "", &mut found);
        found
    }

    /// The name of the section that `header` stands for: that of an existing one where it is
    /// short for it.
    pub(super) fn section_name(
        &self,
        path: &[String],
        header: &str,
        spec: &ConfigurationSpec,
    ) -> String {
        let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
        let siblings = self.level(path).unwrap_or_default();
        if !spec.abbreviates || siblings.iter().any(|line| line.text == header) {
            return header;
        }
        let known = siblings.iter().find(|line| is_short_for(&header, &line.text));
        known.map_or(header, |line| line.text.clone())
    }

    /// Makes sure that a section exists.
    pub(super) fn open(&mut self, path: &[String], header: &str, spec: &ConfigurationSpec) {
        let mut path = path.to_vec();
        path.push(header.to_owned());
        at_level(&mut self.0, (&path, 0), spec, |_| {});
    }

    /// Takes a line.
    pub(super) fn add(&mut self, path: &[String], text: &str, spec: &ConfigurationSpec) {
        at_level(&mut self.0, (path, 0), spec, |level| add_to(level, text, spec));
    }

    /// Takes `no text`.
    pub(super) fn remove(&mut self, path: &[String], text: &str, spec: &ConfigurationSpec) {
        at_level(&mut self.0, (path, 0), spec, |level| negate_in(level, text, spec));
    }

    /// Whether a line starts like this in the section or in one around it.
    pub(super) fn has_near(&self, path: &[String], start: &str) -> bool {
        (0..=path.len()).any(|depth| {
            let level = path.get(..depth).and_then(|path| self.level(path)).unwrap_or_default();
            level.iter().any(|line| line.live && covers(start, &line.text))
        })
    }

    fn level(&self, path: &[String]) -> Option<&[Line]> {
        let mut level = self.0.as_slice();
        for name in path {
            level = &level.iter().find(|line| line.text == *name)?.children;
        }
        Some(level)
    }
}

/// Changes the lines of a section, which is made where it is not there.
fn at_level<R>(
    level: &mut Vec<Line>,
    (path, depth): (&[String], usize),
    spec: &ConfigurationSpec,
    change: impl FnOnce(&mut Vec<Line>) -> R,
) -> R {
    let Some((name, rest)) = path.split_first() else { return change(level) };
    if !level.iter().any(|line| line.text == *name) {
        let ends = ends_of(name, depth, spec).to_vec();
        level.insert(place_of(level, name, true), Line { ends, ..Line::new(name.as_str()) });
    }
    match level.iter_mut().find(|line| line.text == *name) {
        Some(line) => {
            line.live = true;
            at_level(&mut line.children, (rest, depth + 1), spec, change)
        }
        None => change(&mut Vec::new()),
    }
}

/// Adds a line to a section, or replaces the one whose place it takes.
fn add_to(level: &mut Vec<Line>, text: &str, spec: &ConfigurationSpec) {
    if let Some(line) = level.iter_mut().find(|line| line.text == text) {
        line.live = true;
        return;
    }
    let negated = format!("no {text}");
    let same = key(text, &spec.single).or_else(|| key(text, &spec.negatives));
    let replaced = level
        .iter_mut()
        .find(|line| line.text == negated || same.as_ref().is_some_and(|same| has_key(line, same)));
    if let Some(line) = replaced {
        text.clone_into(&mut line.text);
        line.live = true;
        return;
    }
    let place = place_of(level, text, false);
    level.insert(place, Line::new(text));
}

fn negate_in(level: &mut Vec<Line>, text: &str, spec: &ConfigurationSpec) {
    if let Some(key) = key(text, &spec.negatives) {
        let negated = format!("no {key}");
        match level.iter_mut().find(|line| has_key(line, &key)) {
            Some(line) => {
                line.text = negated;
                line.live = true;
            }
            None => level.insert(place_of(level, &key, false), Line::new(negated)),
        }
        return;
    }
    let cascades = spec
        .cascades
        .iter()
        .any(|pattern| starts_like(pattern, text) == Some(text.split_whitespace().count()));
    remove_from(level, text, cascades);
}

fn parse_level(rest: &mut &[&str], depth: usize, spec: &ConfigurationSpec) -> Vec<Line> {
    let mut level: Vec<Line> = Vec::new();
    while let [raw, after @ ..] = *rest {
        let blanks = raw.len() - raw.trim_start().len();
        let found = blanks / spec.indent.max(1);
        if found < depth {
            break;
        }
        if found > depth
            && let Some(last) = level.last_mut()
        {
            last.children.extend(parse_level(rest, depth + 1, spec));
            continue;
        }
        *rest = after;
        let text = raw.get(depth * spec.indent..).unwrap_or_default();
        let open = level.last_mut().filter(|last| {
            let is_section = !last.children.is_empty() || section(&last.text, spec).is_some();
            let next = ends_of(&last.text, depth, spec).get(last.ends.len());
            is_section && next.is_some_and(|end| end == text)
        });
        match open {
            Some(last) => last.ends.push(text.to_owned()),
            None => level.push(Line::new(text)),
        }
    }
    level
}

fn section<'s>(text: &str, spec: &'s ConfigurationSpec) -> Option<&'s super::spec::SectionSpec> {
    spec.sections.iter().find(|section| starts_like(&section.opens, text).is_some())
}

fn ends_of<'s>(text: &str, depth: usize, spec: &'s ConfigurationSpec) -> &'s [String] {
    match section(text, spec).and_then(|section| section.ends.as_ref()) {
        Some(ends) => ends,
        None if depth == 0 => &spec.ends,
        None => &[],
    }
}

fn render_level(level: &[Line], depth: usize, indent: usize, text: &mut String) {
    let push = |depth: usize, line: &str, text: &mut String| {
        text.push_str(&" ".repeat(depth * indent));
        text.push_str(line);
        text.push('\n');
    };
    for line in level.iter().filter(|line| line.live) {
        push(depth, &line.text, text);
        render_level(&line.children, depth + 1, indent, text);
        for end in &line.ends {
            push(depth, end, text);
        }
    }
}

fn flatten(level: &[Line], before: &str, found: &mut Vec<String>) {
    for line in level.iter().filter(|line| line.live && !line.is_comment()) {
        let whole = format!("{before}{}", line.text);
        flatten(&line.children, &format!("{whole} "), found);
        found.push(whole);
    }
}

fn remove_from(level: &mut [Line], text: &str, cascades: bool) {
    for line in level.iter_mut() {
        if covers(text, &line.text) {
            line.die();
        } else if cascades {
            remove_from(&mut line.children, text, cascades);
        }
    }
}

/// Whether `line` is `start` or goes on behind it.
fn covers(start: &str, line: &str) -> bool {
    line.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The words that say which statement this is, where it exists once.
fn key(text: &str, patterns: &[String]) -> Option<String> {
    let text = text.strip_prefix("no ").unwrap_or(text);
    let words = patterns.iter().find_map(|pattern| starts_like(pattern, text))?;
    Some(first_words(text, words))
}

fn has_key(line: &Line, key: &str) -> bool {
    covers(key, line.text.strip_prefix("no ").unwrap_or(&line.text))
}

/// Where a new line goes: behind its likes, or at the end of the plain lines.
fn place_of(level: &[Line], text: &str, opens: bool) -> usize {
    let fits = |line: &Line| opens != (line.children.is_empty() && line.ends.is_empty());
    for words in [2, 1] {
        let start = first_words(text, words);
        let like = |line: &Line| {
            fits(line) && covers(&start, line.text.strip_prefix("no ").unwrap_or(&line.text))
        };
        if let Some(at) = level.iter().rposition(like) {
            return at + 1;
        }
    }
    if opens {
        return level.len();
    }
    // Behind the last plain line that no section precedes, comments at the end left below.
    let plain = level.iter().take_while(|line| fits(line) && !line.is_comment()).count();
    if plain > 0 || level.is_empty() {
        return plain;
    }
    level.iter().rposition(|line| !line.is_comment()).map_or(level.len(), |at| at + 1)
}

/// Whether `typed` is `known` with its last name cut: `interface Gi1`.
fn is_short_for(typed: &str, known: &str) -> bool {
    let split = |text: &str| -> Option<(String, String, String)> {
        let (opener, name) = text.split_once(' ')?;
        let digits = name.find(|c: char| c.is_ascii_digit())?;
        let (letters, number) = name.split_at_checked(digits)?;
        Some((opener.to_owned(), letters.trim().to_ascii_lowercase(), number.to_owned()))
    };
    match (split(typed), split(known)) {
        (Some(typed), Some(known)) => {
            typed.0 == known.0 && known.1.starts_with(&typed.1) && typed.2 == known.2
        }
        _ => false,
    }
}
