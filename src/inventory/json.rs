//! Owns the JSON reader of the inventory: a tree whose every value and key knows its line and
//! column, with the entries of an object in their order and repeated keys kept.
//!
//! `serde_json` forgets positions and silently keeps the last of two equal keys, and both are what
//! a message about a device file is made of.
//!
//! **Invariant:** no text or number of the file appears in an error or in a `Debug` print, because
//! any of them may be a password; a syntax error says what was expected and what kind of thing
//! stood there. The one exception are keys, which make up the path of the error.
//! It stops at the first syntax error: what follows one cannot be read reliably.

mod number;
mod string;

use super::problem::{Position, push_index, push_key};
use crate::secret::Secret;

/// How deeply objects and lists may be nested.
pub(super) const MAX_DEPTH: usize = 64;

/// A value and where it starts.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) position: Position,
}

/// What a value is. Numbers keep their digits, so that nothing is rounded before it is judged.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Secret<String>),
    Text(Secret<String>),
    Array(Vec<Node>),
    Object(Vec<Entry>),
}

/// A key of an object with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) position: Position,
    pub(super) value: Node,
}

impl Node {
    /// The kind of the value in words, for "expected a text, found …".
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// Why a text is not JSON.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) position: Position,
    /// The keys on the way to the place, innermost last.
    pub(super) path: String,
    pub(super) what: String,
    pub(super) remedy: &'static str,
    pub(super) reason: &'static str,
}

enum Segment {
    Key(String),
    Index(usize),
}

/// An error on its way up; each level adds its segment.
struct Failure {
    position: Position,
    segments: Vec<Segment>,
    what: String,
    remedy: &'static str,
    reason: &'static str,
}

impl Failure {
    fn inside(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }
}

/// Reads one JSON value that fills the whole text. A byte order mark in front is skipped.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cursor = Cursor { text, offset: 0, position: Position { line: 1, column: 1 } };
    cursor.document().map_err(|failure| {
        let mut path = String::new();
        for segment in failure.segments.iter().rev() {
            match segment {
                Segment::Key(key) => push_key(&mut path, key),
                Segment::Index(index) => push_index(&mut path, *index),
            }
        }
        let Failure { position, what, remedy, reason, .. } = failure;
        SyntaxError { position, path, what, remedy, reason }
    })
}

struct Cursor<'a> {
    text: &'a str,
    offset: usize,
    position: Position,
}

impl Cursor<'_> {
    fn document(&mut self) -> Result<Node, Failure> {
        self.skip_blanks();
        let node = self.value(0)?;
        self.skip_blanks();
        match self.peek() {
            None => Ok(node),
            Some(_) => Err(self.expected("the end of the file")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Failure> {
        let position = self.position;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                return Err(Failure {
                    position,
                    segments: Vec::new(),
                    what: format!("objects and lists are nested more than {MAX_DEPTH} deep"),
                    remedy: "a device file needs four levels; check what wrote this one",
                    reason: "inv_depth",
                });
            }
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Text(Secret::new(self.string()?)),
            Some(b'-' | b'0'..=b'9') => Value::Number(Secret::new(self.number()?)),
            _ if self.take_word("null") => Value::Null,
            _ if self.take_word("true") => Value::Bool(true),
            _ if self.take_word("false") => Value::Bool(false),
            _ => return Err(self.expected("a value")),
        };
        Ok(Node { value, position })
    }

    fn object(&mut self, depth: usize) -> Result<Value, Failure> {
        self.bump();
        let mut entries = Vec::new();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_blanks();
            let position = self.position;
            if self.peek() != Some(b'"') {
                let wanted =
                    if entries.is_empty() { "a key or `}`" } else { "a key after the comma" };
                return Err(self.expected(wanted));
            }
            let key = self.string()?;
            self.skip_blanks();
            // A key joins the path only after its colon: until then it may be a value that lost its
            // own key.
            if !self.take(b':') {
                return Err(self.expected("`:` after the key"));
            }
            self.skip_blanks();
            let value = match self.value(depth + 1) {
                Ok(value) => value,
                Err(failure) => return Err(failure.inside(Segment::Key(key))),
            };
            entries.push(Entry { key, position, value });
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(Value::Object(entries));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Failure> {
        self.bump();
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_blanks();
            let index = items.len();
            let item = self.value(depth + 1);
            items.push(item.map_err(|failure| failure.inside(Segment::Index(index)))?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn expected(&self, wanted: &str) -> Failure {
        let (found, remedy) = self.token();
        Failure {
            position: self.position,
            segments: Vec::new(),
            what: format!("expected {wanted}, found {found}"),
            remedy,
            reason: "inv_syntax",
        }
    }

    /// Names the kind of what stands here, never the thing itself.
    fn token(&self) -> (&'static str, &'static str) {
        const BALANCE: &str = "check commas, colons and brackets just before this place";
        match self.peek() {
            None => ("the end of the file", "the file is incomplete; close what is still open"),
            Some(b'"') => ("a text", BALANCE),
            Some(b'-' | b'0'..=b'9') => ("a number", BALANCE),
            Some(b'{') => ("`{`", BALANCE),
            Some(b'[') => ("`[`", BALANCE),
            Some(b'}') => ("`}`", "remove the comma before it, or add what is missing"),
            Some(b']') => ("`]`", "remove the comma before it, or add what is missing"),
            Some(b':') => ("`:`", BALANCE),
            Some(b',') => ("`,`", BALANCE),
            Some(b'/' | b'#') => ("a comment", "JSON has no comments; remove it"),
            Some(b'\'') => ("a single quote", "texts and keys stand in double quotes"),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                ("a word without quotes", "texts and keys stand in double quotes")
            }
            Some(_) => ("an unexpected character", "remove it; JSON allows it only inside a text"),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.bump();
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.bump();
        }
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Steps over one ASCII character.
    fn bump(&mut self) {
        self.advance(if self.peek() == Some(b'\n') { '\n' } else { ' ' });
    }

    fn advance(&mut self, character: char) {
        self.offset += character.len_utf8();
        if character == '\n' {
            self.position = Position { line: self.position.line.saturating_add(1), column: 1 };
        } else {
            self.position.column = self.position.column.saturating_add(1);
        }
    }
}
