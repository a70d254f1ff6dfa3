//! Turns the change section of a platform file into [`ChangeRules`].

use super::dialect::{
    Capture, ChangeRules, Dialect, Health, Input, Layout, SafetyClass, Script, Step,
};
use super::file_change::{
    CaptureFile, ChangeFile, ClassFile, DialectFile, HealthFile, LayoutFile, StepFile,
};
use super::validate::{Problems, convert_dialog};
use super::{Mode, ModeName};

/// The words in braces that a step may have.
const PLACEHOLDERS: &[&str] = &["{session}", "{minutes}", "{hhmmss}", "{comment}"];

pub(super) fn convert_change(
    problems: &mut Problems,
    file: ChangeFile,
    modes: &[Mode],
) -> ChangeRules {
    let mut convert = Converter { problems, modes };
    convert.known("change.mode", &file.mode);
    if file.dialects.is_empty() {
        convert.problems.add("change.dialects: there is no way to change anything");
    }
    ChangeRules {
        running: file.running,
        startup: file.startup,
        candidate: convert.script("change.candidate", file.candidate),
        rollback_diff: file.rollback_diff,
        layout: match file.layout {
            LayoutFile::Indented => Layout::Indented,
            LayoutFile::Set => Layout::Set,
        },
        mode: ModeName::new(file.mode),
        leave: file.leave,
        verbs: file.verbs,
        forbidden: file.forbidden,
        max_length: file.max_length,
        literals: convert.problems.patterns("change.literals", &file.literals),
        ignore: convert.problems.patterns("change.ignore", &file.ignore),
        singles: convert.problems.patterns("change.singles", &file.singles),
        health: file.health.into_iter().filter_map(|health| convert.health(health)).collect(),
        dialects: file.dialects.into_iter().map(|dialect| convert.dialect(dialect)).collect(),
    }
}

struct Converter<'a> {
    problems: &'a mut Problems,
    modes: &'a [Mode],
}

impl Converter<'_> {
    fn known(&mut self, place: &str, mode: &str) {
        if !self.modes.iter().any(|known| known.name.as_str() == mode) {
            self.problems.add(format!("{place}: mode `{mode}` does not exist"));
        }
    }

    fn health(&mut self, file: HealthFile) -> Option<Health> {
        let healthy = self.problems.pattern("change.health", &file.healthy)?;
        let HealthFile { name, command, column, .. } = file;
        Some(Health { name, command, column, healthy })
    }

    fn dialect(&mut self, file: DialectFile) -> Dialect {
        let class = match file.class {
            ClassFile::Transactional => SafetyClass::Transactional,
            ClassFile::Timed => SafetyClass::Timed,
            ClassFile::Unprotected => SafetyClass::Unprotected,
        };
        let place = format!("change.dialects {}", class.as_str());
        let reverts = class != SafetyClass::Unprotected;
        if reverts != file.timer_minutes.is_some() || reverts == file.undo.is_empty() {
            self.problems
                .add(format!("{place}: `timer_minutes` and `undo` go with a revert timer"));
        }
        if !file.trial.iter().any(|step| step.lines) {
            self.problems.add(format!("{place}: the trial types no lines"));
        }
        Dialect {
            class,
            requires: file.requires.and_then(|source| self.problems.pattern(&place, &source)),
            timer_minutes: file.timer_minutes.map(|[least, most]| (least, most)),
            plan: self.script(&place, file.plan),
            trial: self.script(&place, file.trial),
            abandon: self.script(&place, file.abandon),
            clean_up: self.script(&place, file.clean_up),
            confirm: self.script(&place, file.confirm),
            undo: self.script(&place, file.undo),
            save: self.script(&place, file.save),
        }
    }

    fn script(&mut self, place: &str, steps: Vec<StepFile>) -> Script {
        steps.into_iter().map(|step| self.step(place, step)).collect()
    }

    fn step(&mut self, place: &str, file: StepFile) -> Step {
        let input = match (file.send, file.lines) {
            (Some(line), false) => Input::Line(line),
            (None, true) => Input::Lines,
            _ => {
                self.problems.add(format!("{place}: a step has either `send` or `lines`"));
                Input::Lines
            }
        };
        if let Input::Line(line) = &input {
            let bare = PLACEHOLDERS.iter().fold(line.clone(), |line, name| line.replace(name, ""));
            if bare.contains(['{', '}', '\n', '\r']) {
                self.problems.add(format!("{place}: `{line}` has an unknown placeholder"));
            }
        }
        if let Some(mode) = &file.to {
            self.known(place, mode);
        }
        Step {
            input,
            to: file.to.map(ModeName::new),
            expect: file.expect.and_then(|source| self.problems.pattern(place, &source)),
            capture: file.capture.map(|capture| match capture {
                CaptureFile::Diff => Capture::Diff,
                CaptureFile::Candidate => Capture::Candidate,
            }),
            dialog: convert_dialog(self.problems, place, &file.dialog),
        }
    }
}
