//! The TOML form of a personality and its one conversion.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::super::configuration::ConfigurationSpec;
use super::super::error::LabError;
use super::super::filter::Filter;
use super::super::grammar::Pattern;
use super::{
    Act, Ask, Command, Editor, Endless, Errors, Leave, LoginQuestion, Mode, Paging, PasswordDialog,
    Personality, Setting,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonalityFile {
    ident: String,
    #[serde(default)]
    motd: String,
    auth_banner: Option<String>,
    login_mode: String,
    #[serde(default = "default_max_channels")]
    max_channels: usize,
    #[serde(default = "default_newline")]
    newline: String,
    #[serde(default)]
    output_header: String,
    #[serde(default)]
    login: Vec<LoginQuestion>,
    username_options: Option<char>,
    /// The modes of commands that name none.
    operational: Vec<String>,
    editor: Editor,
    paging: Paging,
    errors: Errors,
    #[serde(default)]
    password: PasswordDialog,
    #[serde(default)]
    filters: BTreeMap<String, Filter>,
    #[serde(default)]
    count_text: String,
    modes: BTreeMap<String, Mode>,
    commands: Vec<CommandFile>,
    #[serde(default)]
    configuration: ConfigurationSpec,
}

fn default_newline() -> String {
    "\r\n".to_owned()
}

const fn default_max_channels() -> usize {
    10
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about a command")]
struct CommandFile {
    words: String,
    #[serde(rename = "in")]
    modes: Option<Vec<String>>,
    #[serde(default)]
    output: String,
    repeat: Option<RepeatFile>,
    #[serde(default)]
    variants: BTreeMap<String, String>,
    #[serde(default)]
    asks: Vec<Ask>,
    #[serde(default)]
    password: bool,
    enter: Option<String>,
    leave: Option<Leave>,
    set: Option<Setting>,
    run_in: Option<String>,
    endless: Option<EndlessFile>,
    does: Option<Act>,
    #[serde(default)]
    in_session: bool,
    #[serde(default)]
    pipes: bool,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    header: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepeatFile {
    count: u32,
    line: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndlessFile {
    line: String,
    every_ms: u64,
    #[serde(default)]
    summary: String,
}

impl PersonalityFile {
    pub(super) fn check(self, name: &str) -> Result<Personality, LabError> {
        let known = |mode: &String, place: &str| {
            if self.modes.contains_key(mode) {
                return Ok(());
            }
            Err(LabError::UnknownMode {
                name: name.to_owned(),
                place: place.to_owned(),
                mode: mode.clone(),
            })
        };
        known(&self.login_mode, "login_mode")?;
        for mode in &self.operational {
            known(mode, "operational")?;
        }
        for (key, mode) in &self.modes {
            for target in [&mode.exit, &mode.end, &mode.inherits].into_iter().flatten() {
                known(target, key)?;
            }
        }
        let mut commands = Vec::with_capacity(self.commands.len());
        for file in self.commands {
            let modes = file.modes.unwrap_or_else(|| self.operational.clone());
            for mode in modes.iter().chain(&file.enter).chain(&file.run_in) {
                known(mode, &file.words)?;
            }
            commands.push(Command {
                pattern: Pattern::parse(&file.words),
                words: file.words,
                modes,
                output: with_repetition(file.output, file.repeat),
                variants: file.variants,
                asks: file.asks,
                password: file.password,
                enter: file.enter,
                leave: file.leave,
                set: file.set,
                run_in: file.run_in,
                endless: file.endless.map(|endless| Endless {
                    line: endless.line,
                    every: Duration::from_millis(endless.every_ms.max(1)),
                    summary: endless.summary,
                }),
                does: file.does,
                in_session: file.in_session,
                pipes: file.pipes,
                delay: Duration::from_millis(file.delay_ms),
                header: file.header,
            });
        }
        Ok(Personality {
            name: name.to_owned(),
            ident: self.ident,
            motd: self.motd,
            auth_banner: self.auth_banner,
            login_mode: self.login_mode,
            operational: self.operational,
            max_channels: self.max_channels,
            newline: self.newline,
            output_header: self.output_header,
            login: self.login,
            username_options: self.username_options,
            editor: self.editor,
            paging: self.paging,
            errors: self.errors,
            password: self.password,
            filters: self.filters,
            count_text: self.count_text,
            modes: self.modes,
            commands,
            configuration: Arc::new(self.configuration),
        })
    }
}

/// Long outputs are a head and one line, repeated with `{n}`, `{octet}` and `{mmss}` counted up.
fn with_repetition(mut output: String, repeat: Option<RepeatFile>) -> String {
    let Some(repeat) = repeat else { return output };
    for n in 1..=repeat.count {
        let line = repeat
            .line
            .replace("{n}", &n.to_string())
            .replace("{octet}", &(n % 256).to_string())
            .replace("{mmss}", &format!("{:02}:{:02}", n / 60 % 60, n % 60));
        output.push_str(&line);
        output.push('\n');
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_lines_are_counted() {
        let repeat = RepeatFile { count: 2, line: "{n} {mmss} {octet}".to_owned() };
        assert_eq!(
            with_repetition("head\n".to_owned(), Some(repeat)),
            "head\n1 00:01 1\n2 00:02 2\n"
        );
    }
}
