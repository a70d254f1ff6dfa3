//! Texts that are loaded into the candidate, up to Ctrl-D.

use super::super::configuration::{Rule, Statements, words};
use super::super::keys::Key;
use super::super::observed::LineKind;
use super::{Cli, State};

/// What a loaded text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `set` and `delete` lines.
    Set,
    /// Statements in curly form, which are added.
    Merge,
    /// The same, in place of everything.
    Override,
}

/// A text on its way.
#[derive(Debug)]
pub(super) struct Load {
    form: Form,
    text: String,
}

impl Load {
    pub(super) const fn new(form: Form) -> Self {
        Self { form, text: String::new() }
    }
}

impl Cli {
    pub(super) fn start_loading(&mut self, load: Load) {
        self.say("[Type ^D at a new line to end input]\n");
        self.editor.start(0);
        self.state = State::Loading(load);
    }

    pub(super) fn press_while_loading(&mut self, key: Key, mut load: Load) {
        match key {
            Key::EndOfText => {
                if !self.editor.text().is_empty() {
                    load.text.push_str(&self.take_line(LineKind::Text));
                }
                self.raw.clear();
                let errors = self.load(&load);
                self.say(&match errors {
                    Ok(0) => "load complete\n".to_owned(),
                    Ok(errors) => format!("load complete ({errors} errors)\n"),
                    Err(text) => text,
                });
                self.prompt_after_command();
            }
            Key::Enter => {
                self.say("\n");
                load.text.push_str(&self.take_line(LineKind::Text));
                load.text.push('\n');
                self.state = State::Loading(load);
            }
            _ => {
                self.state = State::Loading(load);
                self.edit(key);
            }
        }
    }

    /// Puts the text into the candidate; how many errors it has, or why it cannot.
    fn load(&self, load: &Load) -> Result<usize, String> {
        let configuration = &self.chassis.configuration;
        let loaded = configuration.candidate(&self.identity.user, |candidate, context| {
            candidate.edit(self.id, context, |statements, schema| {
                let merged = match load.form {
                    Form::Set => return self.load_lines(&load.text, statements, schema),
                    Form::Merge => statements.merge(&load.text, schema),
                    Form::Override => {
                        Statements::parse(&load.text, schema).map(|parsed| *statements = parsed)
                    }
                };
                usize::from(merged.is_err())
            })
        });
        loaded.unwrap_or(Ok(0))
    }

    fn load_lines(&self, text: &str, statements: &mut Statements, schema: &Rule) -> usize {
        let mut errors = 0;
        for line in text.lines() {
            let line = words(line);
            let Some((verb, line)) = line.split_first() else { continue };
            let whole: Vec<String> = self.levels.iter().flatten().chain(line).cloned().collect();
            let taken = match verb.as_str() {
                "set" => statements.set(&whole, schema).is_ok(),
                "delete" => statements.delete(&whole, schema).is_ok(),
                _ => false,
            };
            errors += usize::from(!taken);
        }
        errors
    }
}
