//! Owns what may not leave: takes secrets out of text and records ([`Redactor`]) and makes hostile
//! characters visible ([`clean`]), before anything reaches a caller, a log, an error or a snapshot.
//!
//! A secret becomes `<secret:kind:tag>`. The tag is a keyed hash of the value, so that equal secrets
//! look equal and a changed one shows in a diff, and nobody without the key can guess it offline.
//!
//! **Invariants:** plain functions over text, no I/O and no async. Never panics, whatever the text.
//! Time is linear in the text. Redacting twice changes nothing more. A defect in the table of
//! patterns withholds text, it never lets it through.
//!
//! Which statements hold secrets is data: `patterns.toml`. One table serves all platforms, because
//! a pattern that does not belong to a platform seldom matches there, and missing one leaks.
//! This is a heuristic. It cannot see a password that nothing announces; the limits are tested in
//! `tests::limits`. Redact first and [`clean`] afterwards: a secret may hold the characters that
//! cleaning rewrites.

mod blocks;
mod clean;
mod hidden;
mod hits;
mod json;
mod line;
mod own;
mod pem;
mod placeholder;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::error::ErrorCode;
use crate::secret::Secret;

use self::blocks::Blocks;
pub use self::clean::clean;
pub use self::hidden::Hidden;
use self::line::Findings;
use self::own::{Known, Own};
use self::pem::{Body, Pem};
use self::placeholder::Tagger;
pub use self::placeholder::contains_placeholder;
use self::table::Table;

/// Why a [`Redactor`] cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// The secrets of the server are too many or too long to search for.
    #[error("cannot index the server's own secrets")]
    OwnSecrets(#[source] aho_corasick::BuildError),
}

impl RedactError {
    /// The stable word for this failure.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::OwnSecrets(_) => ErrorCode::Internal,
        }
    }
}

/// A text without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'t> {
    /// The text with placeholders; borrowed when nothing was found.
    pub text: Cow<'t, str>,
    /// How many values were replaced.
    pub secrets: usize,
}

/// Takes secrets out of text and records. A clone shares everything, also what is learned later.
#[derive(Clone)]
pub struct Redactor {
    inner: Arc<Inner>,
}

struct Inner {
    tagger: Tagger,
    /// What is searched for; replaced as a whole, so that readers wait for no building.
    own: RwLock<Arc<Own>>,
    /// Held while something is learned, so that two who learn the same wait for one another.
    known: Mutex<Known>,
}

impl Redactor {
    /// Makes a redactor whose tags are keyed with `key`, and which removes every secret of `own`
    /// wherever it occurs: as it is, in base64 and percent-encoded.
    ///
    /// A secret of fewer than four bytes is too common a text to search for and is left to the
    /// patterns.
    pub fn new<'s>(
        key: &Secret<[u8; 32]>,
        own: impl IntoIterator<Item = &'s Secret<String>>,
    ) -> Result<Self, RedactError> {
        let tagger = Tagger::new(key);
        let mut known = Known::default();
        let own = Own::new(own, &tagger, &mut known).map_err(RedactError::OwnSecrets)?;
        let own = RwLock::new(Arc::new(own));
        Ok(Self { inner: Arc::new(Inner { tagger, own, known: Mutex::new(known) }) })
    }

    /// Removes one more secret from now on, as [`new`](Self::new) says. Returns once it does, also
    /// where somebody else is teaching the same secret.
    pub fn learn(&self, secret: &Secret<String>) -> Result<(), RedactError> {
        let mut known = self.inner.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.add(secret) {
            return Ok(());
        }
        let own = self.own().with(secret, &self.inner.tagger).map_err(RedactError::OwnSecrets)?;
        *self.inner.own.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(own);
        Ok(())
    }

    /// What is searched for at this moment.
    fn own(&self) -> Arc<Own> {
        Arc::clone(&self.inner.own.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns `text` with a placeholder for each secret.
    ///
    /// Give it a whole text, not the pieces as they arrive: a secret may depend on lines above it.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.redact_counted(text).text
    }

    /// Like [`redact`](Self::redact), and says how many values were replaced.
    pub fn redact_counted<'t>(&self, text: &'t str) -> Redacted<'t> {
        let Some(table) = Table::shared() else {
            return self.withhold(text);
        };
        let mut run = Run::new(self, table, text);
        for line in text.split_inclusive('\n') {
            let end = line.trim_end_matches(['\n', '\r']).len();
            let (content, ending) = line.split_at_checked(end).unwrap_or((line, ""));
            // A lone carriage return starts a line on a screen, so it starts one here.
            for piece in content.split_inclusive('\r') {
                let stripped = piece.strip_suffix('\r').unwrap_or(piece);
                run.line(stripped);
                run.skip(piece.len() - stripped.len());
            }
            run.skip(ending.len());
        }
        run.finish()
    }

    /// Replaces the secrets of a record in place: each string as text, and by the name of the field
    /// that holds it. Returns how many values were replaced.
    pub fn redact_json(&self, value: &mut serde_json::Value) -> usize {
        json::redact(self, value)
    }

    /// Stands for text that cannot be searched, because the table of patterns is broken.
    fn withhold<'t>(&self, text: &'t str) -> Redacted<'t> {
        if text.is_empty() || placeholder::is_placeholder(text) {
            return Redacted { text: Cow::Borrowed(text), secrets: 0 };
        }
        Redacted { text: Cow::Owned(self.placeholder("withheld", text)), secrets: 1 }
    }

    fn placeholder(&self, kind: &str, value: &str) -> String {
        self.inner.tagger.placeholder(kind, value)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// One pass over one text: the context of the current line and the output so far.
struct Run<'r, 't> {
    redactor: &'r Redactor,
    /// One state for the whole text, since spans refer to it.
    own: Arc<Own>,
    table: &'static Table,
    text: &'t str,
    /// Where the current line starts.
    at: usize,
    /// Up to where `text` has been carried over to `out`.
    copied: usize,
    out: String,
    secrets: usize,
    blocks: Blocks,
    pem: Pem,
    findings: Findings,
}

impl<'r, 't> Run<'r, 't> {
    fn new(redactor: &'r Redactor, table: &'static Table, text: &'t str) -> Self {
        Self {
            redactor,
            own: redactor.own(),
            table,
            text,
            at: 0,
            copied: 0,
            out: String::new(),
            secrets: 0,
            blocks: Blocks::default(),
            pem: Pem::default(),
            findings: Findings::default(),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn line(&mut self, line: &str) {
        let start = self.at;
        self.at += line.len();
        if self.pem.is_open() {
            if self.pem.take(line, start) {
                return;
            }
            self.close_pem();
        }
        self.blocks.enter(line);
        let hits = self.table.hits(line, &self.blocks);
        self.own.find(line, &mut self.findings.spans);
        if hits.any() {
            line::find(self.table, &hits, &self.blocks, line, &mut self.findings);
        }
        if !self.findings.spans.is_empty() {
            let (new, count) = self.replace(line);
            self.emit(start, start + line.len(), &new, count);
        }
        if hits.any() {
            self.blocks.open(self.table, &hits, line);
            self.pem.open(line);
        }
    }

    /// Replaces the spans that were found, and then those that only the result shows, such as a
    /// trigger that was part of another one's value.
    fn replace(&mut self, line: &str) -> (String, usize) {
        let mut total = 0;
        let mut current = Cow::Borrowed(line);
        for _ in 0..4 {
            let (new, count) =
                line::apply(self.redactor, &self.own, &current, &mut self.findings.spans);
            total += count;
            let hits = self.table.hits(&new, &self.blocks);
            line::find(self.table, &hits, &self.blocks, &new, &mut self.findings);
            if self.findings.spans.is_empty() {
                return (new, total);
            }
            current = Cow::Owned(new);
        }
        self.findings.spans.clear();
        (self.redactor.placeholder("line", line), total.max(1))
    }

    fn close_pem(&mut self) {
        if let Some(Body { start, end, value }) = self.pem.close() {
            let new = self.redactor.placeholder("private-key", &value);
            self.emit(start, end, &new, 1);
        }
    }

    fn emit(&mut self, start: usize, end: usize, new: &str, count: usize) {
        self.out.push_str(self.text.get(self.copied..start).unwrap_or_default());
        self.out.push_str(new);
        self.copied = end;
        self.secrets += count;
    }

    fn finish(mut self) -> Redacted<'t> {
        self.close_pem();
        if self.secrets == 0 {
            return Redacted { text: Cow::Borrowed(self.text), secrets: 0 };
        }
        self.out.push_str(self.text.get(self.copied..).unwrap_or_default());
        Redacted { text: Cow::Owned(self.out), secrets: self.secrets }
    }
}
