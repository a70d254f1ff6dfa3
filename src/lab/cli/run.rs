//! Runs a command: finds it, asks its questions, prints its output, changes the session.

use super::super::faults::{Enable, LogPlace};
use super::super::filter::{self, Filter};
use super::super::grammar::{self, Pattern, Resolved};
use super::super::personality::{Command, Endless, Leave, Setting};
use super::pager::Pager;
use super::print::columns;
use super::{Action, Cli, State};

/// A command on its way.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) line: String,
    pub(super) command: Command,
    argument: String,
    filters: Vec<(Filter, String)>,
    variant: Option<String>,
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
        self.run_in(&mode, line, line);
    }

    /// Runs `line` as if in `mode`; `typed` is the whole line it is part of.
    fn run_in(&mut self, mode: &str, line: &str, typed: &str) {
        let (head, pipe) = match line.split_once('|') {
            Some((head, pipe)) => (head, Some(pipe)),
            None => (line, None),
        };
        let mut resolved = self.resolve(mode, head);
        let mut filters_text = pipe;
        if let Resolved::Command { key, .. } = &resolved
            && self.command(*key).is_some_and(|command| command.pattern.takes_rest())
        {
            resolved = self.resolve(mode, line);
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
        let mut pending = Pending {
            line: typed.trim().to_owned(),
            command,
            argument,
            filters: Vec::new(),
            variant: None,
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
        self.proceed(pending);
    }

    fn command(&self, key: usize) -> Option<&Command> {
        self.personality.commands.get(key)
    }

    fn patterns_of<'a>(&'a self, mode: &'a str) -> impl Iterator<Item = (usize, &'a Pattern)> {
        let commands = self.personality.commands.iter().enumerate();
        commands
            .filter(move |(_, command)| command.modes.iter().any(|known| known == mode))
            .map(|(key, command)| (key, &command.pattern))
    }

    /// Finds the command in the mode or, failing that, in the modes it inherits from.
    fn resolve(&self, mode: &str, line: &str) -> Resolved {
        let found = grammar::resolve(self.patterns_of(mode), line);
        if !matches!(found, Resolved::Invalid { .. }) {
            return found;
        }
        let inherits = self.personality.modes.get(mode).and_then(|mode| mode.inherits.as_ref());
        match inherits.map(|mode| self.resolve(mode, line)) {
            None | Some(Resolved::Invalid { .. }) => found,
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
                && known.zip(typed).all(|(known, typed)| known.starts_with(typed))
        };
        if let Some(name) = pending.command.variants.keys().find(|name| fits(name)) {
            pending.variant = Some(name.clone());
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

    fn refuse(&mut self, error: &Resolved, offset: usize, line: &str) {
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
    pub(super) fn proceed(&mut self, pending: Pending) {
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

    fn finish(&mut self, pending: Pending) {
        self.change_settings(&pending);
        if let Some(mode) = &pending.command.enter {
            self.enter_mode(mode.clone(), pending.argument.clone());
        }
        let closes = match pending.command.leave {
            None => false,
            Some(Leave::Close) => true,
            Some(way) => self.leave_mode(way),
        };
        let unpaged = pending.filters.iter().any(|(filter, _)| *filter == Filter::NoMore);
        let text = self.output_of(&pending);
        if pending.command.endless.is_some() {
            self.output(pending.line.clone(), &text);
            self.state = State::Endless(pending, 0);
            return;
        }
        if closes {
            self.output(pending.line, &text);
            return self.close();
        }
        let page = self.height.saturating_sub(1).max(1);
        if !self.paging || unpaged || self.height == 0 || text.lines().count() <= page {
            self.output(pending.line, &text);
            return self.prompt_after_command();
        }
        let pager = Pager::new(pending.line, &text);
        self.next_page(pager, page);
    }

    fn change_settings(&mut self, pending: &Pending) {
        let number = pending.argument.parse().unwrap_or(0);
        let keeps_paging = self.faults.paging_stays_on;
        match pending.command.set {
            Some(Setting::PagingOff) => self.paging = keeps_paging,
            Some(Setting::PagingOn) => self.paging = true,
            Some(Setting::Height) if number == 0 => self.paging = keeps_paging,
            Some(Setting::Height) => {
                self.height = number;
                self.paging = true;
            }
            Some(Setting::Width) => self.width = number,
            Some(Setting::CompleteOnSpaceOff) => self.complete_on_space = false,
            Some(Setting::CompleteOnSpaceOn) => self.complete_on_space = true,
            Some(Setting::Hostname) => self.identity.hostname.clone_from(&pending.argument),
            None => {}
        }
    }

    /// Leaves the mode; true when that ends the session.
    fn leave_mode(&mut self, way: Leave) -> bool {
        let target = self.mode().and_then(|mode| match way {
            Leave::End => mode.end.clone(),
            _ => mode.exit.clone(),
        });
        match target {
            Some(mode) => self.enter_mode(mode, String::new()),
            None => return way == Leave::Exit,
        }
        false
    }

    fn output_of(&self, pending: &Pending) -> String {
        let command = &pending.command;
        let variant = pending.variant.as_ref().and_then(|name| command.variants.get(name));
        let text = variant.unwrap_or(&command.output);
        let mut text = self.expand(text).replace("{arg}", &pending.argument);
        for (filter, argument) in &pending.filters {
            text = filter::apply(*filter, argument, &text, &self.personality.count_text);
        }
        let log = self.faults.log_line.as_ref().filter(|log| log.place == LogPlace::Output);
        if let Some(log) = log
            && let Some((head, tail)) = text.split_at_checked(log.after)
        {
            text = format!("{head}\n{}\n{tail}", log.text);
        }
        text
    }
}
