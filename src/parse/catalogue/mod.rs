//! Owns [`Catalogue`]: which template answers a command of a platform, and the templates themselves.
//!
//! The layout is that of ntc-templates: a directory of `*.textfsm` files with an `index`, so a copy of
//! theirs can stand in for ours. Nothing is read until the first question, since most starts of the
//! program never parse anything.
//!
//! **Invariants:** at most [`CACHED_TEMPLATES`] compiled templates are held; no lock is held while a
//! template compiles or runs. Where files come from is the caller's business: this module only asks
//! for them by name.

mod cache;
mod index;
mod merge;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use include_dir::{Dir, include_dir};

use super::textfsm::Template;
use super::{ParseError, Parsed};
use cache::Cache;
use index::Index;

/// The templates of this project.
static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// How many compiled templates a catalogue holds. A large one takes several megabytes.
pub const CACHED_TEMPLATES: usize = 64;

/// The name of the index among the files.
const INDEX: &str = "index";

/// Gives the text of a file by its name.
type ReadFile = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Templates with their index.
pub struct Catalogue {
    file: Box<ReadFile>,
    /// Read when first asked for.
    index: OnceLock<Result<Index, ParseError>>,
    /// Guards the order of use as well as the templates; held for a look-up only.
    cache: Mutex<Cache>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Catalogue {
    /// The templates that come with the program. Costs nothing until it is asked.
    pub fn built_in() -> Self {
        Self::new(|name| Some(BUILT_IN.get_file(name)?.contents_utf8()?.to_owned()))
    }

    /// A catalogue over an index and files from elsewhere, such as a copy of ntc-templates.
    pub fn from_files(
        index: impl Into<String>,
        file: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let index = index.into();
        Self::new(move |name| if name == INDEX { Some(index.clone()) } else { file(name) })
    }

    fn new(file: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            file: Box::new(file),
            index: OnceLock::new(),
            cache: Mutex::new(Cache::new(CACHED_TEMPLATES)),
        }
    }

    /// Turns the output of a command into records.
    ///
    /// An understood output without entries gives a [`Parsed`] without records.
    ///
    /// # Errors
    ///
    /// No template is known, the index or the template is invalid, or the template refuses the output.
    pub fn parse(&self, platform: &str, command: &str, output: &str) -> Result<Parsed, ParseError> {
        self.parse_with(&self.template_for(platform, command)?, output)
    }

    /// Turns an output into records with a template of this catalogue, or several joined by `:`.
    ///
    /// # Errors
    ///
    /// As [`Catalogue::parse`].
    pub fn parse_with(&self, templates: &str, output: &str) -> Result<Parsed, ParseError> {
        let mut merged = merge::Table::new(templates);
        for name in templates.split(':') {
            let template = self.template(name)?;
            merged.add(&template, template.run(output)?)?;
        }
        Ok(merged.finish())
    }

    /// The template of the first row of the index that fits, as it stands there.
    ///
    /// # Errors
    ///
    /// [`ParseError::TemplateNotFound`] if no row fits, [`ParseError::IndexInvalid`] if a pattern on
    /// the way there is invalid.
    pub fn template_for(&self, platform: &str, command: &str) -> Result<String, ParseError> {
        match self.index()?.find(platform, command)? {
            Some(templates) => Ok(templates.to_owned()),
            None => Err(ParseError::TemplateNotFound {
                platform: platform.to_owned(),
                command: command.to_owned(),
            }),
        }
    }

    /// The names of all templates in the index, in its order, each once.
    ///
    /// # Errors
    ///
    /// The index has no usable header.
    pub fn names(&self) -> Result<Vec<String>, ParseError> {
        let mut names: Vec<String> = Vec::new();
        for name in self.index()?.templates().flat_map(|templates| templates.split(':')) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Compiles the index and every template it names, and gives everything that is wrong. Templates
    /// are dropped again at once, so the cache is left as it was.
    pub fn check(&self) -> Vec<ParseError> {
        let (index, names) = match (self.index(), self.names()) {
            (Ok(index), Ok(names)) => (index, names),
            (Err(error), _) | (_, Err(error)) => return vec![error],
        };
        let mut errors = index.check();
        for name in names {
            match self.read(&name) {
                Ok(template) => errors.extend(template.check()),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    fn index(&self) -> Result<&Index, ParseError> {
        let index = self.index.get_or_init(|| Index::read(&self.text(INDEX)?));
        index.as_ref().map_err(Clone::clone)
    }

    /// A template from the cache, or read and put there.
    fn template(&self, name: &str) -> Result<Arc<Template>, ParseError> {
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).find(name);
        if let Some(template) = cached {
            return Ok(template);
        }
        // Two threads may both read it. That costs a little and spares every other look-up the wait.
        let template = Arc::new(self.read(name)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(Arc::clone(&template));
        Ok(template)
    }

    fn read(&self, name: &str) -> Result<Template, ParseError> {
        Template::read(name, &self.text(name)?)
    }

    fn text(&self, name: &str) -> Result<String, ParseError> {
        (self.file)(name).ok_or_else(|| ParseError::TemplateMissing { template: name.to_owned() })
    }
}

#[cfg(test)]
mod tests;
