//! Which templates a platform's name and a command stand for, and what to say where they stand for none.

use std::sync::Arc;

use crate::cli::CliError;
use crate::error::chain;
use crate::parse::catalogue::{Finding, Found, Listed};
use crate::parse::{Catalogue, ParseError};
use crate::platform::{Platform, Platforms};
use crate::server;
use crate::settings::Settings;

/// How many near names a message lists.
const NEAR: usize = 5;

/// The platforms and the templates, as the settings name them.
pub(in crate::cli) struct Lookup {
    platforms: Platforms,
    pub(in crate::cli) catalogue: Catalogue,
}

/// A platform as templates know it.
pub(in crate::cli) struct Known {
    /// The names under which the indexes are asked, the most specific first.
    names: Vec<String>,
    /// Its file; none where only an index knows the name.
    pub(in crate::cli) platform: Option<Arc<Platform>>,
}

impl Known {
    pub(in crate::cli) fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

impl Lookup {
    pub(in crate::cli) fn load(settings: &Settings) -> Result<Self, CliError> {
        let platforms = server::load_platforms(settings).map_err(CliError::Platforms)?;
        let catalogue = server::load_templates(&settings.templates).map_err(CliError::Templates)?;
        Ok(Self { platforms, catalogue })
    }

    /// The platform that a name or an alias means, or a name that only the indexes know.
    pub(in crate::cli) fn platform(&self, typed: &str) -> Result<Known, CliError> {
        let typed = typed.trim();
        match self.platforms.resolve(typed) {
            Some(name) if name.is_auto() => Err(CliError::Usage(
                "`auto` is found out at a device, and here is none; name the platform".to_owned(),
            )),
            Some(name) => {
                let platform = self.platforms.get(&name);
                let platform = platform.map_err(|error| CliError::Platforms(vec![error]))?;
                let names = platform.template_names().into_iter().map(str::to_owned).collect();
                Ok(Known { names, platform: Some(platform) })
            }
            None => {
                let rows = self.catalogue.list_for(&[typed]).map_err(|error| unusable(&error))?;
                if typed.is_empty() || rows.iter().all(|row| row.platform.is_empty()) {
                    return Err(self.unknown_platform(typed));
                }
                Ok(Known { names: vec![typed.to_owned()], platform: None })
            }
        }
    }

    fn unknown_platform(&self, typed: &str) -> CliError {
        let mut names: Vec<String> = self.platforms.names().map(ToString::to_string).collect();
        names.extend(self.platforms.usable().flat_map(|platform| platform.aliases.clone()));
        let rows = self.catalogue.list().unwrap_or_default();
        names.extend(rows.iter().filter_map(|row| plain_platform(&row.platform)));
        names.sort();
        names.dedup();
        let near = nearest(typed, &names, Clone::clone);
        let near = if near.is_empty() {
            "the names are in: vty-mcp platform list; vty-mcp templates list".to_owned()
        } else {
            format!("did you mean {}?", list(&near))
        };
        CliError::Usage(format!(
            "no platform is called `{typed}`; neither a platform file nor a row of an index knows \
             the name\n{near}"
        ))
    }

    /// The template that answers a command. Where there is none, the error names commands that the
    /// platform's rows know.
    pub(in crate::cli) fn find(&self, known: &Known, command: &str) -> Result<Found, CliError> {
        match self.catalogue.find(&known.names(), command) {
            Ok(found) => Ok(found),
            Err(error @ ParseError::TemplateNotFound { .. }) => {
                let rows = self.catalogue.list_for(&known.names()).unwrap_or_default();
                Err(CliError::Failed(self.not_found(&error, known, command, &rows)))
            }
            Err(error) => Err(unusable(&error)),
        }
    }

    /// What to say of a template that was found and cannot be used.
    pub(in crate::cli) fn broken(&self, found: &Found, error: &ParseError) -> CliError {
        CliError::Usage(match error {
            ParseError::TemplateInvalid { template, line, message } => {
                invalid(&self.catalogue.file_of(found, template), *line, message)
            }
            other => {
                let row = format!("{}:{}", self.catalogue.index_of(found), found.line);
                format!("{row}: {}", chain(other))
            }
        })
    }

    fn not_found(
        &self,
        error: &ParseError,
        known: &Known,
        command: &str,
        rows: &[Listed],
    ) -> String {
        let platform = known.names.first().map(String::as_str).unwrap_or_default();
        let near = nearest(command, rows, |row| plain_command(&row.command));
        let near = if rows.is_empty() {
            "no row of an index is for this platform; docs/templates.md says how to get or write \
             templates"
                .to_owned()
        } else if near.is_empty() {
            format!("its commands are listed by: vty-mcp templates list --platform {platform}")
        } else {
            format!("near are {}; all: vty-mcp templates list --platform {platform}", list(&near))
        };
        let sources: Vec<&str> = self.catalogue.sources().collect();
        format!("{}\n{near}\nasked: {}", chain(error), sources.join(", "))
    }
}

/// Templates that cannot be used, as an error of whoever names them.
pub(in crate::cli) fn unusable(error: &ParseError) -> CliError {
    CliError::Usage(match error {
        ParseError::TemplateInvalid { template, line, message } => {
            invalid(template, *line, message)
        }
        other => chain(other),
    })
}

/// What is wrong with a template that lies in this file.
fn invalid(file: &str, line: usize, message: &str) -> String {
    let finding = Finding { file: file.to_owned(), line, message: message.to_owned() };
    format!("{finding}\nall that is wrong is named by: vty-mcp templates check {file}")
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The candidates most like a word, the best first. Case, and `-` for `_`, do not count.
fn nearest<T>(word: &str, candidates: &[T], text: impl Fn(&T) -> String) -> Vec<String> {
    let even = |text: &str| text.to_lowercase().replace('-', "_");
    let word = even(word.trim());
    let mut scored: Vec<(f64, String)> = candidates
        .iter()
        .map(text)
        .map(|name| (strsim::normalized_damerau_levenshtein(&word, &even(&name)), name))
        .filter(|(score, _)| *score >= 0.6)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut near: Vec<String> = Vec::new();
    for (_, name) in scored {
        if near.len() < NEAR && !near.contains(&name) {
            near.push(name);
        }
    }
    near
}

/// The name that a pattern of an index stands for, where it stands for one.
fn plain_platform(pattern: &str) -> Option<String> {
    let name = pattern.trim_end_matches('$');
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_plain.then(|| name.to_owned())
}

/// A command as somebody would type it, made of a pattern of an index: in full, and without what may be
/// left out. A heuristic for messages: of alternatives it keeps the first.
fn plain_command(pattern: &str) -> String {
    let mut out = String::new();
    // Where each open group began, and whether it is in a second alternative.
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let is_skipped = open.iter().any(|(_, second)| *second);
        match c {
            '[' | ']' | '^' | '$' | '*' | '+' | '?' => {}
            '(' => {
                // `(?:` only groups.
                if chars.next_if_eq(&'?').is_some() {
                    chars.next();
                }
                open.push((out.len(), false));
            }
            '|' => {
                if let Some((_, second)) = open.last_mut() {
                    *second = true;
                }
            }
            ')' => {
                let start = open.pop().map_or(0, |(start, _)| start);
                if chars.next_if(|c| matches!(c, '?' | '*')).is_some() {
                    out.truncate(start);
                }
            }
            '\\' => match chars.next() {
                // What any character may stand for is left to the reader.
                Some('s') if !is_skipped => out.push(' '),
                Some('S' | 'w' | 'd') if !is_skipped => out.push('…'),
                Some(c) if !is_skipped && !c.is_alphanumeric() => out.push(c),
                _ => {}
            },
            '.' if !is_skipped => out.push('…'),
            c if !is_skipped => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_shown_as_commands() {
        for (pattern, command) in [
            (r"sh[[ow]] ver[[sion]]\s*$", "show version"),
            (r"sh[[ow]] (ip )?bgp( \S+)* sum[[mary]]\s*$", "show bgp summary"),
            (r"sh[[ow]] int[[erfaces]]( [A-Za-z-]+ ?\d\S*)?\s*$", "show interfaces"),
            ("show ip (route|rib) all", "show ip route all"),
            ("show ip (?:route|rib)", "show ip route"),
            (r"dis[[play]] cpu\-usage", "display cpu-usage"),
        ] {
            assert_eq!(plain_command(pattern), command, "{pattern}");
        }
    }

    #[test]
    fn the_best_candidates_come_first_and_strangers_not_at_all() {
        let names = ["cisco_nxos", "cisco_ios", "linux", "cisco_ios"].map(str::to_owned);
        assert_eq!(nearest("Cisco-iso", &names, Clone::clone), ["cisco_ios", "cisco_nxos"]);
        assert_eq!(nearest("quux", &names, Clone::clone), Vec::<String>::new());
    }
}
