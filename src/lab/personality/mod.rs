//! A personality: how one kind of device talks, as data.
//!
//! The built-in ones are TOML files beside this module. This module checks them once, so that
//! the rest may rely on every mode a command names. **Invariant:** nothing here is shared with the
//! platform files of the driver; the two must agree only on the wire.

mod acts;
mod file;
mod login;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

pub(super) use self::acts::Act;
use self::file::PersonalityFile;
pub(super) use self::login::{LoginQuestion, Switch, Wants};
use super::configuration::ConfigurationSpec;
use super::error::LabError;
use super::filter::Filter;
use super::grammar::Pattern;
use super::keys::Wrap;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/lab/personalities");

/// The built-in personalities, by name, each with its text.
fn builtin_files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.files().filter_map(|file| {
        let name = file.path().to_str()?.strip_suffix(".toml")?;
        Some((name, file.contents_utf8()?))
    })
}

/// How one kind of device talks.
#[derive(Debug, Clone)]
pub struct Personality {
    pub(super) name: String,
    pub(super) ident: String,
    pub(super) motd: String,
    pub(super) auth_banner: Option<String>,
    pub(super) login_mode: String,
    /// The modes of commands that name none.
    pub(super) operational: Vec<String>,
    pub(super) max_channels: usize,
    /// What is sent for the end of a line.
    pub(super) newline: String,
    /// Printed before the output of every command in an operational mode.
    pub(super) output_header: String,
    /// What is asked inside the shell before the first prompt.
    pub(super) login: Vec<LoginQuestion>,
    /// From this character on a user name holds options of the console.
    pub(super) username_options: Option<char>,
    pub(super) editor: Editor,
    pub(super) paging: Paging,
    pub(super) errors: Errors,
    pub(super) password: PasswordDialog,
    pub(super) filters: BTreeMap<String, Filter>,
    pub(super) count_text: String,
    pub(super) modes: BTreeMap<String, Mode>,
    pub(super) commands: Vec<Command>,
    pub(super) configuration: Arc<ConfigurationSpec>,
}

impl Personality {
    /// The names of the built-in personalities.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        builtin_files().map(|(name, _)| name)
    }

    /// Loads a built-in personality.
    pub fn builtin(name: &str) -> Result<Self, LabError> {
        let text = Self::source(name)
            .ok_or_else(|| LabError::UnknownPersonality { name: name.to_owned() })?;
        Self::parse(name, text)
    }

    /// Reads a personality from TOML; `name` is the platform it stands for.
    pub fn parse(name: &str, text: &str) -> Result<Self, LabError> {
        let file: PersonalityFile = toml::from_str(text).map_err(|source| {
            LabError::PersonalityFile { name: name.to_owned(), source: Box::new(source) }
        })?;
        file.check(name)
    }

    /// The TOML of a built-in personality, to be changed and given to [`Self::parse`].
    pub fn source(name: &str) -> Option<&'static str> {
        builtin_files().find(|(known, _)| *known == name).map(|(_, text)| text)
    }

    /// The platform this personality stands for, such as `cisco_ios`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a command asks for the privileged password.
    pub fn asks_password(&self) -> bool {
        self.commands.iter().any(|command| command.password)
    }
}

/// How the device treats what is typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Editor {
    #[serde(default)]
    pub(super) wrap: Wrap,
    /// What Ctrl-C prints before the new line.
    #[serde(default)]
    pub(super) interrupt: String,
    #[serde(default)]
    pub(super) complete_on_space: bool,
    /// What Enter prints, where it is not the end of a line as in output.
    pub(super) enter: Option<String>,
    #[serde(default)]
    pub(super) repaint: Repaint,
    /// Turns bracketed paste on at each prompt and off behind each line, as bash 5 does.
    #[serde(default)]
    pub(super) bracketed_paste: bool,
}

/// What of a typed line the device paints again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Repaint {
    #[default]
    None,
    /// All of it, prompt included, at every key.
    Line,
    /// The last word at Enter, after going back over it.
    Backspace,
}

/// The pager.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// Whether a new session pages.
    pub(super) on: bool,
    /// Printed instead of the next page; `{percent}` is how much was shown.
    pub(super) prompt: String,
    /// The prompt below the first page, where it differs.
    pub(super) first_prompt: Option<String>,
    /// Takes the prompt off the screen.
    pub(super) erase: String,
    /// Printed after quitting.
    #[serde(default)]
    pub(super) quit: String,
    /// Whether any unknown key quits, as on IOS.
    #[serde(default)]
    pub(super) other_key_quits: bool,
    /// Lines of a new session's page, where the size of the terminal does not matter.
    pub(super) height: Option<usize>,
}

/// What the device says to a line it cannot take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Errors {
    /// For the first word; `invalid` where absent.
    pub(super) unknown: Option<String>,
    pub(super) invalid: String,
    pub(super) incomplete: String,
    pub(super) ambiguous: String,
    /// Said, without an end of line, while an unknown first word is looked up as a host name.
    pub(super) lookup: Option<String>,
    /// Said when that is interrupted.
    #[serde(default = "default_lookup_failed")]
    pub(super) lookup_failed: String,
}

fn default_lookup_failed() -> String {
    "\n% Unknown command or computer name, or unable to find computer address\n".to_owned()
}

/// How the device asks for the privileged password.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PasswordDialog {
    pub(super) prompt: String,
    pub(super) attempts: u32,
    /// Printed before it is asked for again.
    pub(super) retry: String,
    pub(super) failure: String,
    /// Printed for each character, on devices that show how many there are.
    pub(super) mask: String,
}

/// A mode of the CLI.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mode {
    pub(super) prompt: String,
    /// Printed before the prompt, such as Junos' `[edit]` line.
    #[serde(default)]
    pub(super) before: String,
    /// IOS and EOS cut the host name in configuration prompts.
    pub(super) hostname_limit: Option<usize>,
    /// Where `exit` leads; closes the session where absent.
    pub(super) exit: Option<String>,
    /// Where `end`, Ctrl-Z and, on IOS, Ctrl-C lead.
    pub(super) end: Option<String>,
    #[serde(default)]
    pub(super) interrupt_ends: bool,
    /// The mode whose commands are understood as well.
    pub(super) inherits: Option<String>,
    /// In how many sections of the configuration one is here; absent outside of it.
    pub(super) depth: Option<usize>,
    /// Whether the prompt is painted in colour.
    #[serde(default)]
    pub(super) prompt_color: bool,
}

/// A command and what it does, in this order: questions, password, output, effects.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about a command")]
pub(super) struct Command {
    /// As the personality spells it.
    pub(super) words: String,
    pub(super) pattern: Pattern,
    pub(super) modes: Vec<String>,
    pub(super) output: String,
    pub(super) variants: BTreeMap<String, String>,
    pub(super) asks: Vec<Ask>,
    pub(super) password: bool,
    pub(super) enter: Option<String>,
    pub(super) leave: Option<Leave>,
    pub(super) set: Option<Setting>,
    pub(super) run_in: Option<String>,
    pub(super) endless: Option<Endless>,
    /// What it does to the configuration, or shows of it.
    pub(super) does: Option<Act>,
    /// Known only in a configuration session.
    pub(super) in_session: bool,
    /// A pipe behind the rest of the line is a pipe.
    pub(super) pipes: bool,
    /// How long it takes.
    pub(super) delay: Duration,
    /// The header of outputs stands before it in every mode.
    pub(super) header: bool,
}

impl Command {
    /// A command that only prints.
    pub(super) fn plain(words: &str, modes: Vec<String>, output: String) -> Self {
        Self {
            words: words.to_owned(),
            pattern: Pattern::parse(words),
            modes,
            output,
            variants: BTreeMap::new(),
            asks: Vec::new(),
            password: false,
            enter: None,
            leave: None,
            set: None,
            run_in: None,
            endless: None,
            does: None,
            in_session: false,
            pipes: false,
            delay: Duration::ZERO,
            header: false,
        }
    }
}

/// Ways out of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Leave {
    Exit,
    End,
    Close,
}

/// Session settings a command can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Setting {
    PagingOff,
    PagingOn,
    /// The page height is the command's argument.
    Height,
    /// The terminal width is the command's argument.
    Width,
    CompleteOnSpaceOff,
    CompleteOnSpaceOn,
    HeaderOff,
    HeaderOn,
    /// The prompt is what the line puts between `PS1='` and the next quote.
    Prompt,
}

/// A question a command asks before it acts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) prompt: String,
    /// One key is the answer, without Enter.
    #[serde(default)]
    pub(super) key: bool,
    /// Answers that let the command go on; empty: any answer.
    #[serde(default)]
    pub(super) yes: Vec<String>,
    /// Printed when the command is given up.
    #[serde(default)]
    pub(super) refused: String,
    /// It is asked only then.
    pub(super) when: Option<Condition>,
}

/// What a question depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Condition {
    /// The candidate differs from the configuration.
    Uncommitted,
}

/// Output that goes on until it is interrupted.
#[derive(Debug, Clone)]
pub(super) struct Endless {
    pub(super) line: String,
    pub(super) every: Duration,
    pub(super) summary: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_personality_loads_and_has_a_way_out_of_each_mode() {
        for name in Personality::builtin_names() {
            let personality = Personality::builtin(name).unwrap();
            for key in personality.modes.keys() {
                let mut mode = key;
                for _ in 0..personality.modes.len() {
                    match &personality.modes[mode].exit {
                        Some(next) => mode = next,
                        None => break,
                    }
                }
                assert!(personality.modes[mode].exit.is_none(), "{name}: {key} has no way out");
            }
        }
    }

    #[test]
    fn a_mode_that_does_not_exist_is_named_in_the_error() {
        let text = include_str!("../personalities/frr.toml")
            .replace("enter = \"config\"", "enter = \"conf\"");
        let error = Personality::parse("frr", &text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "personality `frr`: `configure terminal` refers to mode `conf`, which does not exist"
        );
    }
}
