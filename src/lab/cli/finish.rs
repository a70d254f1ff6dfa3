//! The last step of a command: it changes the session or the configuration, and prints.

use std::time::Duration;

use super::super::faults::LogPlace;
use super::super::filter::{self, Filter};
use super::super::personality::{Act, Leave, Setting};
use super::configure::Refusal;
use super::pager::Pager;
use super::run::Pending;
use super::{Action, Cli, State};

impl Cli {
    pub(super) fn finish(&mut self, pending: Pending) {
        self.change_settings(&pending);
        if !pending.command.delay.is_zero() {
            self.actions.push(Action::Wait(pending.command.delay));
        }
        if self.faults.commit_delay > Duration::ZERO
            && pending.command.does.is_some_and(Act::commits)
        {
            self.actions.push(Action::Wait(self.faults.commit_delay));
        }
        let shown = match self.act(&pending) {
            Ok(shown) => shown,
            Err(Refusal::Said(text)) => {
                self.output(pending.line, &text);
                return self.prompt_after_command();
            }
            Err(Refusal::Invalid(error)) => return self.refuse(&error, 0, &pending.line),
            Err(Refusal::Loading(load)) => return self.start_loading(load),
        };
        if let Some(mode) = &pending.command.enter
            && pending.command.does != Some(Act::Edit)
        {
            self.enter_mode(mode.clone(), pending.argument.clone());
        }
        let closes = match pending.command.leave {
            None => false,
            Some(Leave::Close) => true,
            Some(way) => self.leave_mode(way),
        };
        let unpaged = pending.filters.iter().any(|(filter, _)| *filter == Filter::NoMore);
        let text = self.output_of(&pending, shown);
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
            Some(Setting::HeaderOff) => self.header = false,
            Some(Setting::HeaderOn) => self.header = true,
            Some(Setting::Prompt) => {
                let behind = pending.line.split_once("PS1='").map(|(_, text)| text);
                let prompt = behind.and_then(|text| text.split_once('\'')).map(|(text, _)| text);
                self.own_prompt = prompt.map(str::to_owned);
            }
            None => {}
        }
    }

    /// Leaves the mode; true when that ends the session.
    pub(super) fn leave_mode(&mut self, way: Leave) -> bool {
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

    /// The output; `shown` stands for the personality's own where there is something to show.
    fn output_of(&self, pending: &Pending, shown: Option<String>) -> String {
        let command = &pending.command;
        let variant = pending.variant.as_ref().and_then(|name| command.variants.get(name));
        let text = variant.unwrap_or(&command.output);
        let mut text = match shown {
            Some(shown) => shown,
            None => self.expand(text).replace("{arg}", &pending.argument),
        };
        if text.contains("{prompt}") {
            let prompt = self.prompt_text().1;
            text = text.replace("{prompt}", prompt.rsplit('\n').next().unwrap_or_default());
        }
        if variant.is_none() {
            text = self.chassis.configuration.shown_in(&command.words, text);
        }
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
