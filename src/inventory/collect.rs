//! Owns how problems are gathered while a file is read: [`At`] says where the reader stands,
//! [`Problems`] keeps what it found.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::json::{Entry, Node};
use super::problem::{Place, Position, Problem, Severity, push_index, push_key};

/// A place in the tree. It is turned into text only when there is something to say about it.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    up: Option<&'a Self>,
    segment: Segment<'a>,
    position: Position,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    pub(super) fn root(node: &Node) -> Self {
        Self { up: None, segment: Segment::Root, position: node.position }
    }

    /// The value of an entry.
    pub(super) fn value(&'a self, entry: &'a Entry) -> Self {
        Self { up: Some(self), segment: Segment::Key(&entry.key), position: entry.value.position }
    }

    /// The same path, but the position of an entry's key in it. For keys that should not be there:
    /// they are pointed at and not made part of the path.
    pub(super) fn key(self, entry: &Entry) -> Self {
        Self { position: entry.position, ..self }
    }

    /// An item of a list.
    pub(super) fn item(&'a self, index: usize, node: &Node) -> Self {
        Self { up: Some(self), segment: Segment::Index(index), position: node.position }
    }

    fn write(&self, path: &mut String) {
        if let Some(up) = self.up {
            up.write(path);
        }
        match self.segment {
            Segment::Root => {}
            Segment::Key(key) => push_key(path, key),
            Segment::Index(index) => push_index(path, index),
        }
    }
}

/// What was found so far.
#[derive(Debug)]
pub(super) struct Problems {
    file: PathBuf,
    list: Vec<Problem>,
    /// For problems said once: which entry of the list, and in how many further places it is.
    repeated: HashMap<(&'static str, String), (usize, usize)>,
}

impl Problems {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), list: Vec::new(), repeated: HashMap::new() }
    }

    /// The place as it is shown.
    pub(super) fn place(&self, at: At<'_>) -> Place {
        let mut path = String::new();
        at.write(&mut path);
        Place { file: self.file.clone(), position: Some(at.position), path }
    }

    pub(super) fn error(
        &mut self,
        reason: &'static str,
        at: At<'_>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let place = self.place(at);
        self.add(Severity::Error, reason, place, what, remedy);
    }

    pub(super) fn add(
        &mut self,
        severity: Severity,
        reason: &'static str,
        place: Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (what, remedy) = (what.into(), remedy.into());
        self.list.push(Problem { place, what, remedy, severity, reason });
    }

    /// Adds a problem once for each `subject`; its repetitions are only counted, so that one habit
    /// of a file with a thousand devices is one line.
    pub(super) fn add_once(
        &mut self,
        severity: Severity,
        reason: &'static str,
        subject: &str,
        place: Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if let Some((_, more)) = self.repeated.get_mut(&(reason, subject.to_owned())) {
            *more += 1;
            return;
        }
        self.repeated.insert((reason, subject.to_owned()), (self.list.len(), 0));
        self.add(severity, reason, place, what, remedy);
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// All problems in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for &(index, more) in self.repeated.values() {
            if let Some(problem) = self.list.get_mut(index).filter(|_| more > 0) {
                let places = if more == 1 { "place" } else { "places" };
                // Writing to a `String` cannot fail.
                let _infallible = write!(problem.what, " (and in {more} more {places})");
            }
        }
        self.list.sort_by_key(|problem| problem.place.position);
        self.list
    }
}
