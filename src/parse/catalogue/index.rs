//! Owns the index: rows of `Template, Hostname, Platform, Command`, of which the first that fits
//! counts.
//!
//! Read as Python's `CliTable` reads it. Platform and Command are patterns matched at the start only,
//! so a command may go on after its pattern and `aruba_os` serves `aruba_osswitch`. `sh[[ow]]` stands
//! for `sh(o(w)?)?`. The Hostname is not looked at, since `parse_output` never gives one. A row with
//! too few or too many commas never fits; [`Index::check`] names it.

use crate::parse::ParseError;
use crate::parse::textfsm::pattern::{NoMatch, Pattern};

#[derive(Debug)]
pub(super) struct Index {
    /// Where it lies.
    place: String,
    rows: Vec<StoredRow>,
    /// The different platform patterns. There are far fewer than rows.
    platforms: Vec<PlatformPattern>,
    /// The rows with a wrong number of fields.
    malformed: Vec<usize>,
}

#[derive(Debug)]
struct StoredRow {
    line: usize,
    templates: String,
    /// A place in `platforms`; None fits every platform.
    platform: Option<usize>,
    /// None fits every command.
    command: Option<Result<Pattern, String>>,
    /// The command as it is written.
    written: String,
}

#[derive(Debug)]
struct PlatformPattern {
    line: usize,
    text: String,
    /// None if the text holds nothing special, as most do.
    pattern: Option<Result<Pattern, String>>,
}

/// A row as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row<'i> {
    /// The line of the index, from 1.
    pub(super) line: usize,
    pub(super) platform: &'i str,
    pub(super) command: &'i str,
    pub(super) templates: &'i str,
}

/// Where the columns stand.
struct Header {
    fields: usize,
    template: usize,
    platform: Option<usize>,
    command: Option<usize>,
}

impl Index {
    /// Reads an index.
    pub(super) fn read(place: &str, text: &str) -> Result<Self, ParseError> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let header = Header::find(place, &mut lines)?;
        let (rows, platforms, malformed) = (Vec::new(), Vec::new(), Vec::new());
        let mut index = Self { place: place.to_owned(), rows, platforms, malformed };
        for (number, line) in lines {
            if !line.starts_with('#') && !line.trim().is_empty() {
                index.add(&header, number, line);
            }
        }
        Ok(index)
    }

    /// Reads the header alone, of the beginning of an index.
    pub(super) fn check_header(place: &str, beginning: &str) -> Result<(), ParseError> {
        let mut lines = beginning.lines().enumerate().map(|(at, line)| (at + 1, line));
        Header::find(place, &mut lines).map(|_| ())
    }

    fn add(&mut self, header: &Header, line: usize, text: &str) {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let template = fields.get(header.template).filter(|_| fields.len() == header.fields);
        let Some(templates) = template else {
            self.malformed.push(line);
            return;
        };
        let field =
            |column: Option<usize>| fields.get(column?).copied().filter(|text| !text.is_empty());
        let platform = field(header.platform).map(|text| {
            let known = self.platforms.iter().position(|platform| platform.text == text);
            known.unwrap_or_else(|| {
                self.platforms.push(PlatformPattern::new(line, text));
                self.platforms.len() - 1
            })
        });
        let written = field(header.command).unwrap_or_default().to_owned();
        let command = (!written.is_empty()).then(|| Pattern::new(&complete(&written)));
        let templates = (*templates).to_owned();
        self.rows.push(StoredRow { line, templates, platform, command, written });
    }

    /// The first row that fits, by its line and its templates.
    pub(super) fn find(
        &self,
        platform: &str,
        command: &str,
    ) -> Result<Option<(usize, &str)>, ParseError> {
        let mut fits: Vec<Option<bool>> = vec![None; self.platforms.len()];
        for row in &self.rows {
            if let Some(at) = row.platform {
                let known = fits.get(at).copied().flatten();
                let fit = match (known, self.platforms.get(at)) {
                    (Some(known), _) => known,
                    (None, Some(pattern)) => pattern
                        .fits(platform)
                        .map_err(|error| self.invalid(pattern.line, &error))?,
                    (None, None) => false,
                };
                if let Some(slot) = fits.get_mut(at) {
                    *slot = Some(fit);
                }
                if !fit {
                    continue;
                }
            }
            let fit = match &row.command {
                None => true,
                Some(pattern) => {
                    matches(pattern, command).map_err(|error| self.invalid(row.line, &error))?
                }
            };
            if fit {
                return Ok(Some((row.line, &row.templates)));
            }
        }
        Ok(None)
    }

    /// The template column of every row.
    pub(super) fn templates(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.templates.as_str())
    }

    /// Every row.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|row| self.written(row))
    }

    /// The rows that fit a platform by any of its names.
    pub(super) fn rows_for(
        &self,
        platforms: &[&str],
    ) -> Result<impl Iterator<Item = Row<'_>>, ParseError> {
        let mut fits: Vec<bool> = Vec::with_capacity(self.platforms.len());
        for pattern in &self.platforms {
            let mut fit = false;
            for platform in platforms {
                let fitting = pattern.fits(platform);
                fit |= fitting.map_err(|error| self.invalid(pattern.line, &error))?;
            }
            fits.push(fit);
        }
        let fitting = move |row: &&StoredRow| {
            row.platform.is_none_or(|at| fits.get(at).copied().unwrap_or_default())
        };
        Ok(self.rows.iter().filter(fitting).map(|row| self.written(row)))
    }

    fn written<'i>(&'i self, row: &'i StoredRow) -> Row<'i> {
        let platform = row.platform.and_then(|at| self.platforms.get(at));
        Row {
            line: row.line,
            platform: platform.map_or("", |platform| platform.text.as_str()),
            command: &row.written,
            templates: &row.templates,
        }
    }

    fn invalid(&self, line: usize, message: &str) -> ParseError {
        invalid(&self.place, line, message)
    }

    /// Compiles every pattern and gives what is wrong with any row.
    pub(super) fn check(&self) -> Vec<ParseError> {
        let malformed = self.malformed.iter();
        let malformed = malformed.map(|line| self.invalid(*line, "a wrong number of commas"));
        let platforms = self.platforms.iter().filter_map(|p| Some((p.line, p.pattern.as_ref()?)));
        let commands = self.rows.iter().filter_map(|row| Some((row.line, row.command.as_ref()?)));
        let patterns = platforms.chain(commands).filter_map(|(line, pattern)| {
            let checked = match pattern {
                Ok(pattern) => pattern.check(),
                Err(message) => Err(message.clone()),
            };
            Some(self.invalid(line, &checked.err()?))
        });
        malformed.chain(patterns).collect()
    }
}

impl Header {
    /// Reads the first line that is neither empty nor a comment.
    fn find<'i>(
        place: &str,
        lines: &mut impl Iterator<Item = (usize, &'i str)>,
    ) -> Result<Self, ParseError> {
        for (number, line) in lines {
            let fields = line.split('#').next().unwrap_or_default().trim();
            if !fields.is_empty() {
                return Self::read(fields).map_err(|message| invalid(place, number, message));
            }
        }
        Err(invalid(place, 1, "there is no header"))
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let column = |wanted: &str| names.iter().position(|name| *name == wanted);
        let template = column("Template").ok_or("the header has no column `Template`")?;
        Ok(Self {
            fields: names.len(),
            template,
            platform: column("Platform"),
            command: column("Command"),
        })
    }
}

impl PlatformPattern {
    fn new(line: usize, text: &str) -> Self {
        let is_plain = text.chars().all(|c| c.is_alphanumeric() || c == '_');
        let pattern = (!is_plain).then(|| Pattern::new(text));
        Self { line, text: text.to_owned(), pattern }
    }

    fn fits(&self, platform: &str) -> Result<bool, String> {
        match &self.pattern {
            None => Ok(platform.starts_with(&self.text)),
            Some(pattern) => matches(pattern, platform),
        }
    }
}

fn matches(pattern: &Result<Pattern, String>, text: &str) -> Result<bool, String> {
    pattern.as_ref().map_err(Clone::clone)?.is_match(text).map_err(|reason| match reason {
        NoMatch::Invalid(message) => message,
        NoMatch::Undecided => "a pattern needs too much backtracking".to_owned(),
    })
}

fn invalid(place: &str, line: usize, message: &str) -> ParseError {
    ParseError::IndexInvalid { place: place.to_owned(), line, message: message.to_owned() }
}

/// Writes out the abbreviations: `sh[[ow]]` becomes `sh(o(w)?)?`.
fn complete(command: &str) -> String {
    let mut written = String::with_capacity(command.len() * 2);
    let mut rest = command;
    while let Some((before, after)) = rest.split_once("[[") {
        // At least one character stands between the brackets, even if it is a `]`.
        let first = after.chars().next().map_or(0, char::len_utf8);
        let end = after.get(first..).and_then(|tail| tail.find("]]")).map(|at| at + first);
        let Some((word, tail)) = end.and_then(|end| after.split_at_checked(end)) else { break };
        written.push_str(before);
        for c in word.chars() {
            written.push('(');
            written.push(c);
        }
        written.push_str(&")?".repeat(word.chars().count()));
        rest = tail.strip_prefix("]]").unwrap_or(tail);
    }
    written.push_str(rest);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
# a comment
Template, Hostname, Platform, Command

long.textfsm, .*, cisco_(ios|xe), sh[[ow]] ip int[[erface]] br[[ief]]
short.textfsm, .*, cisco_ios, sh[[ow]] ip int[[erface]]
a.textfsm:b.textfsm, .*, aruba_os, sh[[ow]] x
bad.textfsm, .*, cisco_ios, show, this
any.textfsm, .*, , show any
broken.textfsm, .*, broken, show (
";

    fn check(platform: &str, command: &str, templates: Option<&str>) {
        let index = Index::read("here", INDEX).unwrap();
        let found = index.find(platform, command).unwrap().map(|(_, templates)| templates);
        assert_eq!(found, templates, "{platform}: {command}");
    }

    #[test]
    fn the_first_row_that_fits_counts() {
        check("cisco_ios", "show ip interface brief", Some("long.textfsm"));
        check("cisco_ios", "sho ip int br", Some("long.textfsm"));
        check("cisco_xe", "sh ip interf bri", Some("long.textfsm"));
        check("cisco_ios", "show ip interface", Some("short.textfsm"));
        check("cisco_xe", "show ip interface", None);
    }

    #[test]
    fn patterns_bind_at_the_start_only() {
        check("cisco_ios", "show ip interface Vlan1", Some("short.textfsm"));
        check("aruba_osswitch", "show x", Some("a.textfsm:b.textfsm"));
        check("my_aruba_os", "show x", None);
        check("cisco_ios", "do show ip interface", None);
    }

    #[test]
    fn an_empty_field_fits_everything() {
        check("whatever", "show any", Some("any.textfsm"));
    }

    #[test]
    fn a_row_with_surplus_commas_never_fits_and_is_named() {
        check("cisco_ios", "show", None);
        let errors = Index::read("here", INDEX).unwrap().check();
        let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "the template index of here is invalid at line 7: a wrong number of commas",
                "the template index of here is invalid at line 9: a `(` is not closed",
            ]
        );
    }

    #[test]
    fn a_broken_row_is_an_error_only_for_its_platform() {
        let index = Index::read("here", INDEX).unwrap();
        assert!(index.find("broken", "show").is_err());
        check("cisco_ios", "show x", None);
    }

    #[test]
    fn an_index_needs_a_header() {
        assert!(Index::read("here", "").is_err());
        assert!(Index::read("here", "Hostname, Platform\n").is_err());
    }

    #[test]
    fn abbreviations_are_written_out() {
        assert_eq!(complete("sh[[ow]] v[[er]]"), "sh(o(w)?)? v(e(r)?)?");
        assert_eq!(complete("a[[b"), "a[[b");
        assert_eq!(complete("a[[]]]b"), "a(])?b");
        assert_eq!(complete("[[]]"), "[[]]");
    }
}
