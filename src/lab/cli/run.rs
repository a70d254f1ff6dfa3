//! Runs a command: finds it, and asks its questions.

use super::super::faults::Enable;
use super::super::filter::Filter;
use super::super::grammar::{self, Pattern, Resolved};
use super::super::personality::{Ask, Command, Condition, Endless};
use super::print::columns;
use super::{Action, Cli, State};

/// A command on its way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) line: String,
    pub(super) command: Command,
    /// The mode it was found in: the session's or one that inherits from.
    pub(super) found_in: String,
    pub(super) arguments: Vec<String>,
    pub(super) argument: String,
    pub(super) filters: Vec<(Filter, String)>,
    pub(super) variant: Option<String>,
    /// The last word of the variant as it was typed.
    pub(super) variant_argument: String,
    pub(super) asked: usize,
    pub(super) authenticated: bool,
}

impl Pending {
    pub(super) fn endless_text(&self, count: u64, which: impl Fn(&Endless) -> &String) -> String {
        self.command.endless.as_ref().map(which).map_or_else(String::new, |text| {
            text.replace("{arg}", &self.argument).replace("{n}", &count.to_string())
        })
    }
}

impl Cli {
    /// Takes a command line that is not empty.
    pub(super) fn run(&mut self, line: &str) {
        if self.faults.hang.iter().any(|start| line.trim_start().starts_with(start)) {
            self.state = State::Hung;
            return;
        }
        if !self.faults.answer_delay.is_zero() {
            self.actions.push(Action::Wait(self.faults.answer_delay));
        }
        let mode = self.mode.clone();
        if let Some(text) = self.rejection(line) {
            self.output(line.trim().to_owned(), &text);
            return self.prompt_after_command();
        }
        self.run_in(&mode, line, line);
    }

    /// Runs `line` as if in `mode`; `typed` is the whole line it is part of.
    fn run_in(&mut self, mode: &str, line: &str, typed: &str) {
        let (head, pipe) = match line.split_once('|') {
            Some((head, pipe)) => (head, Some(pipe)),
            None => (line, None),
        };
        let (mut found_in, mut resolved) = self.resolve(mode, head);
        let mut filters_text = pipe;
        if let Resolved::Command { key, .. } = &resolved
            && self
                .command(*key)
                .is_some_and(|command| command.pattern.takes_rest() && !command.pipes)
        {
            (found_in, resolved) = self.resolve(mode, line);
            filters_text = None;
        }
        let offset = typed.chars().count().saturating_sub(line.chars().count());
        let (key, arguments) = match resolved {
            Resolved::Command { key, arguments } => (key, arguments),
            error => return self.refuse(&error, offset, typed),
        };
        let Some(command) = self.command(key).cloned() else { return self.prompt_after_command() };
        let argument = arguments.last().cloned().unwrap_or_default();
        if let Some(mode) = &command.run_in {
            return self.run_in(mode, &argument, typed);
        }
        let mut command = command;
        command.asks.splice(..0, self.asked_in_front(typed));
        let mut pending = Pending {
            line: typed.trim().to_owned(),
            command,
            found_in: found_in.to_owned(),
            arguments,
            argument,
            filters: Vec::new(),
            variant: None,
            variant_argument: String::new(),
            asked: 0,
            authenticated: false,
        };
        let mut column = offset + head.chars().count() + 1;
        // A pipe without blanks around it belongs to the pattern of the filter before it.
        for stage in filters_text.into_iter().flat_map(|text| text.split(" | ")) {
            if !self.add_stage(&mut pending, stage) {
                let leading = stage.chars().count() - stage.trim_start().chars().count();
                let error = Resolved::Invalid {
                    column: column + leading,
                    position: 1,
                    token: stage.trim().to_owned(),
                };
                return self.refuse(&error, 0, typed);
            }
            column += stage.chars().count() + 3;
        }
        self.print_header(&pending, mode);
        self.proceed(pending);
    }

    /// The questions that a fault puts in front of a command.
    fn asked_in_front(&self, line: &str) -> Vec<Ask> {
        let asks = self.faults.asks.iter();
        let meant = asks.filter(|question| line.trim_start().starts_with(&question.command));
        meant
            .map(|question| Ask {
                prompt: question.prompt.clone(),
                key: question.key,
                yes: question.yes.clone(),
                refused: String::new(),
                when: None,
            })
            .collect()
    }

    /// Prints what stands before every output, such as the time on IOS-XR.
    fn print_header(&mut self, pending: &Pending, mode: &str) {
        let is_operational = self.personality.operational.iter().any(|known| known == mode);
        let has_header = is_operational && pending.command.leave.is_none();
        if self.header && (has_header || pending.command.header) {
            let header = self.expand(&self.personality.output_header);
            self.output(pending.line.clone(), &header);
        }
    }

    fn command(&self, key: usize) -> Option<&Command> {
        self.personality.commands.get(key)
    }

    fn patterns_of<'a>(&'a self, mode: &'a str) -> impl Iterator<Item = (usize, &'a Pattern)> {
        let commands = self.personality.commands.iter().enumerate();
        commands
            .filter(|(_, command)| !command.in_session || self.session.is_some())
            .filter(move |(_, command)| command.modes.iter().any(|known| known == mode))
            .map(|(key, command)| (key, &command.pattern))
    }

    /// Finds the command in the mode or, failing that, in the modes it inherits from; with the mode.
    pub(super) fn resolve<'a>(&'a self, mode: &'a str, line: &str) -> (&'a str, Resolved) {
        let found = grammar::resolve(self.patterns_of(mode), line);
        if !matches!(found, Resolved::Invalid { .. }) {
            return (mode, found);
        }
        let inherits = self.personality.modes.get(mode).and_then(|mode| mode.inherits.as_ref());
        match inherits.map(|mode| self.resolve(mode, line)) {
            None | Some((_, Resolved::Invalid { .. })) => (mode, found),
            Some(inherited) => inherited,
        }
    }

    pub(super) fn completion(&self, line: &str) -> Option<String> {
        grammar::completion(self.patterns_of(&self.mode), line)
    }

    /// Adds what stands behind a pipe: another form of the output, or a filter.
    fn add_stage(&self, pending: &mut Pending, stage: &str) -> bool {
        let fits = |known: &str| {
            let (known, typed) = (known.split_whitespace(), stage.split_whitespace());
            known.clone().count() == typed.clone().count()
                && known.zip(typed).all(|(known, typed)| match known {
                    "<num>" => typed.bytes().all(|byte| byte.is_ascii_digit()),
                    _ => known.starts_with(typed),
                })
        };
        if let Some(name) = pending.command.variants.keys().find(|name| fits(name)) {
            pending.variant = Some(name.clone());
            let last = stage.split_whitespace().next_back();
            last.unwrap_or_default().clone_into(&mut pending.variant_argument);
            return true;
        }
        let stage = stage.trim_start();
        let (word, argument) = stage.split_once(' ').unwrap_or((stage, ""));
        let mut known = self.personality.filters.iter();
        let found = known.find(|(name, _)| !word.is_empty() && name.starts_with(word));
        if let Some((_, filter)) = found {
            pending.filters.push((*filter, argument.trim().to_owned()));
        }
        found.is_some()
    }

    /// Takes an unknown first word for a host name; whether this device does.
    fn looks_up(&mut self, error: &Resolved) -> bool {
        let Resolved::Invalid { position: 0, token, .. } = error else { return false };
        let is_operational = self.personality.operational.contains(&self.mode);
        let said = self.personality.errors.lookup.as_ref();
        let said = said.filter(|_| is_operational && self.faults.dns_lookup);
        let Some(said) = said.map(|text| text.replace("{token}", token)) else { return false };
        self.say(&said);
        self.state = State::LookingUp;
        true
    }

    pub(super) fn refuse(&mut self, error: &Resolved, offset: usize, line: &str) {
        if self.looks_up(error) {
            return;
        }
        let errors = &self.personality.errors;
        let (template, column, token, position, completions) = match error {
            Resolved::Invalid { column, position, token } => {
                let unknown = errors.unknown.as_ref().filter(|_| *position == 0);
                (unknown.unwrap_or(&errors.invalid), *column, token.as_str(), *position, &[][..])
            }
            Resolved::Ambiguous { column, token, completions } => {
                (&errors.ambiguous, *column, token.as_str(), 0, completions.as_slice())
            }
            Resolved::Incomplete { column } => (&errors.incomplete, *column, "", 0, &[][..]),
            Resolved::Command { .. } => return,
        };
        let (_, prompt) = self.prompt_text();
        let caret = format!("{}^", " ".repeat(columns(&prompt) + offset + column));
        let completions: String =
            completions.iter().flat_map(|word| ["  ", word.as_str(), "\n"]).collect();
        let text = template
            .replace("{caret}", &caret)
            .replace("{token}", token)
            .replace("{position}", &position.to_string())
            .replace("{completions}", &completions)
            .replace("{line}", line.trim());
        self.output(line.trim().to_owned(), &text);
        self.prompt_after_command();
    }

    /// The next step of a command: a question, the password, or the answer.
    pub(super) fn proceed(&mut self, mut pending: Pending) {
        let is_idle = |ask: &Ask| match ask.when {
            Some(Condition::Uncommitted) => !self.is_uncommitted(),
            None => false,
        };
        while pending.command.asks.get(pending.asked).is_some_and(is_idle) {
            pending.asked += 1;
        }
        if let Some(ask) = pending.command.asks.get(pending.asked) {
            let prompt = self.expand(&ask.prompt).replace("{arg}", &pending.argument);
            self.show_prompt(&prompt);
            self.state = State::Asking(pending);
            return;
        }
        let wanted = match self.faults.enable {
            Enable::Normal => self.identity.enable_secret.is_some(),
            Enable::Rejects => true,
            Enable::AsksNothing => false,
        };
        if pending.command.password && wanted && !pending.authenticated {
            let prompt = self.personality.password.prompt.clone();
            self.show_prompt(&prompt);
            self.state = State::Password(pending, 1);
            return;
        }
        self.finish(pending);
    }
}
