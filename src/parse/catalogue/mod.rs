//! Owns [`Catalogue`]: which template answers a command of a platform, and the templates themselves.
//!
//! Templates come from several places, which are asked in order; the first whose index knows the command
//! answers. The layout of each is that of ntc-templates: `*.textfsm` files with an `index`, in a
//! directory or a wheel, so a copy of theirs can stand before ours. Of a place only the header of its index
//! is read when it is opened, so that no question fails for the sake of a file that is no index; the rest
//! waits for the first question, since most starts of the program never parse anything.
//!
//! **Invariants:** at most [`CACHED_TEMPLATES`] compiled templates are held; no lock is held while a
//! template compiles or runs; an answer names its template and the place it came from.

mod cache;
mod index;
mod inspect;
mod library;
mod merge;
mod places;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::textfsm::Template;
use super::{ParseError, Parsed};
use cache::Cache;
use index::{Index, Row};
pub use inspect::{Finding, Inspection, clash};
pub use library::BUILT_IN_LABEL;
use library::{INDEX, Library};
pub use merge::{alike, lower_cased};
pub use places::{Roots, installed};

/// How many compiled templates a catalogue holds. A large one takes several megabytes.
pub const CACHED_TEMPLATES: usize = 64;

/// Templates with their indexes.
#[derive(Debug)]
pub struct Catalogue {
    places: Vec<Place>,
    /// Guards the order of use as well as the templates; held for a look-up only.
    cache: Mutex<Cache>,
}

#[derive(Debug)]
struct Place {
    library: Library,
    /// Read when first asked for.
    index: OnceLock<Result<Index, ParseError>>,
}

/// The template that answers a command, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As the index names it; several are joined by `:`.
    pub template: String,
    /// Where it comes from: a directory, a wheel, or [`BUILT_IN_LABEL`].
    pub source: String,
    /// The row of the index, from 1.
    pub line: usize,
    place: usize,
}

/// A row of an index, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Where it comes from.
    pub source: String,
    /// The line of the index, from 1.
    pub line: usize,
    /// The pattern of the platform; empty for every platform.
    pub platform: String,
    /// The pattern of the command; empty for every command.
    pub command: String,
    /// The template, several joined by `:`.
    pub template: String,
}

impl Catalogue {
    /// The templates that come with the program. Costs nothing until it is asked.
    pub fn built_in() -> Self {
        Self::new(vec![Library::built_in()])
    }

    /// The templates of these directories and wheels, in this order, and the built-in ones behind them.
    ///
    /// # Errors
    ///
    /// Every place without an index that has a header.
    pub fn with_places<P: AsRef<Path>>(places: &[P]) -> Result<Self, Vec<ParseError>> {
        let mut libraries = Vec::new();
        let mut problems = Vec::new();
        for path in places {
            match open(path.as_ref()) {
                Ok(library) => libraries.push(library),
                Err(error) => problems.push(error),
            }
        }
        libraries.push(Library::built_in());
        if problems.is_empty() { Ok(Self::new(libraries)) } else { Err(problems) }
    }

    /// A catalogue over one directory or wheel alone. Its index may be invalid, so that it can be
    /// inspected.
    ///
    /// # Errors
    ///
    /// There is no index.
    pub fn only(path: &Path) -> Result<Self, ParseError> {
        Ok(Self::new(vec![Library::open(path)?]))
    }

    /// A catalogue over an index and files from elsewhere.
    pub fn from_files(
        index: impl Into<String>,
        file: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let index = index.into();
        let read = move |name: &str| if name == INDEX { Some(index.clone()) } else { file(name) };
        Self::new(vec![Library::given("given", Box::new(read))])
    }

    /// Whether the templates of a place can be asked: there is an index, and it has a header.
    ///
    /// # Errors
    ///
    /// What is wrong with it; [`ParseError::PlaceUnusable`] if there is no index at all.
    pub fn look_at(path: &Path) -> Result<(), ParseError> {
        open(path).map(|_| ())
    }

    fn new(libraries: Vec<Library>) -> Self {
        let place = |library| Place { library, index: OnceLock::new() };
        Self {
            places: libraries.into_iter().map(place).collect(),
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
        self.parse_with(&self.find(&[platform], command)?, output)
    }

    /// Turns an output into records with a template that was found here.
    ///
    /// # Errors
    ///
    /// As [`Catalogue::parse`].
    pub fn parse_with(&self, found: &Found, output: &str) -> Result<Parsed, ParseError> {
        let mut merged = merge::Table::new(&found.template);
        for template in self.templates_of(found)? {
            merged.add(&template, template.run(output)?)?;
        }
        Ok(Parsed { source: found.source.clone(), ..merged.finish() })
    }

    /// The template of the first row that fits a command on a platform, which may have several
    /// names, the most specific first. The places are asked in their order.
    ///
    /// # Errors
    ///
    /// [`ParseError::TemplateNotFound`] if no row fits, [`ParseError::IndexInvalid`] if a pattern on
    /// the way there is invalid.
    pub fn find(&self, platforms: &[&str], command: &str) -> Result<Found, ParseError> {
        for (at, place) in self.places.iter().enumerate() {
            if let Some(found) = place.find(at, platforms, command.trim())? {
                return Ok(found);
            }
        }
        Err(ParseError::TemplateNotFound {
            platform: platforms.first().copied().unwrap_or_default().to_owned(),
            command: command.trim().to_owned(),
        })
    }

    /// What each place has for a command on a platform, in the order in which they are asked; the
    /// first that has something answers.
    pub fn find_in_each(
        &self,
        platforms: &[&str],
        command: &str,
    ) -> Vec<(&str, Result<Option<Found>, ParseError>)> {
        let places = self.places.iter().enumerate();
        let found = places
            .map(|(at, place)| (place.library.label(), place.find(at, platforms, command.trim())));
        found.collect()
    }

    /// The rows of all indexes, in the order in which they are asked.
    ///
    /// # Errors
    ///
    /// An index has no usable header.
    pub fn list(&self) -> Result<Vec<Listed>, ParseError> {
        let mut listed = Vec::new();
        for place in &self.places {
            listed.extend(place.index()?.rows().map(|row| place.listed(row)));
        }
        Ok(listed)
    }

    /// The rows that may answer a command on a platform, which may have several names, in the order in
    /// which they are asked.
    ///
    /// # Errors
    ///
    /// An index has no usable header, or a pattern of a platform is invalid.
    pub fn list_for(&self, platforms: &[&str]) -> Result<Vec<Listed>, ParseError> {
        let mut listed = Vec::new();
        for place in &self.places {
            listed.extend(place.index()?.rows_for(platforms)?.map(|row| place.listed(row)));
        }
        Ok(listed)
    }

    /// The file of the index in which a template was found here.
    pub fn index_of(&self, found: &Found) -> String {
        self.places.get(found.place).map(|place| place.library.path_of(INDEX)).unwrap_or_default()
    }

    /// The file of a template beside the index in which a row was found here.
    pub fn file_of(&self, found: &Found, name: &str) -> String {
        self.places.get(found.place).map(|place| place.library.path_of(name)).unwrap_or_default()
    }

    /// Looks at every file of every place, as [`Catalogue::check`] does, and tells where what is wrong
    /// stands.
    pub fn inspect(&self) -> Vec<Inspection> {
        self.places.iter().map(inspect::inspect).collect()
    }

    /// Where templates come from, in the order in which they are asked.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.library.label())
    }

    /// The names of all templates in the indexes, in their order, each once.
    ///
    /// # Errors
    ///
    /// An index has no usable header.
    pub fn names(&self) -> Result<Vec<String>, ParseError> {
        let mut names: Vec<String> = Vec::new();
        for place in &self.places {
            for name in place.index()?.templates().flat_map(|templates| templates.split(':')) {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        Ok(names)
    }

    /// Compiles the indexes and every template they name, and gives everything that is wrong.
    /// Templates are dropped again at once, so the cache is left as it was.
    pub fn check(&self) -> Vec<ParseError> {
        self.places.iter().flat_map(Place::check).collect()
    }

    /// The text of a template that was found here; several one after the other.
    ///
    /// # Errors
    ///
    /// A template does not exist.
    pub fn text_of(&self, found: &Found) -> Result<String, ParseError> {
        let Some(place) = self.places.get(found.place) else { return Ok(String::new()) };
        found.template.split(':').map(|name| place.library.text(name)).collect()
    }

    /// The templates of a row, from the cache or read and put there.
    ///
    /// # Errors
    ///
    /// A template does not exist or is invalid.
    pub fn templates_of(&self, found: &Found) -> Result<Vec<Arc<Template>>, ParseError> {
        found.template.split(':').map(|name| self.template(found.place, name)).collect()
    }

    fn template(&self, at: usize, name: &str) -> Result<Arc<Template>, ParseError> {
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).find(at, name);
        if let Some(template) = cached {
            return Ok(template);
        }
        let missing =
            || ParseError::TemplateMissing { template: name.to_owned(), place: String::new() };
        let place = self.places.get(at).ok_or_else(missing)?;
        // Two threads may both read it. That costs a little and spares every other look-up the wait.
        let template = Arc::new(place.read(name)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(at, Arc::clone(&template));
        Ok(template)
    }
}

/// Opens a place that is to answer.
fn open(path: &Path) -> Result<Library, ParseError> {
    let library = Library::open(path)?;
    Index::check_header(library.label(), &library.beginning_of_index()?)?;
    Ok(library)
}

impl Place {
    fn index(&self) -> Result<&Index, ParseError> {
        let read = || Index::read(self.library.label(), &self.library.text(INDEX)?);
        self.index.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    fn find(
        &self,
        at: usize,
        platforms: &[&str],
        command: &str,
    ) -> Result<Option<Found>, ParseError> {
        for platform in platforms {
            if let Some((line, templates)) = self.index()?.find(platform, command)? {
                return Ok(Some(Found {
                    template: templates.to_owned(),
                    source: self.library.label().to_owned(),
                    line,
                    place: at,
                }));
            }
        }
        Ok(None)
    }

    fn listed(&self, row: Row<'_>) -> Listed {
        Listed {
            source: self.library.label().to_owned(),
            line: row.line,
            platform: row.platform.to_owned(),
            command: row.command.to_owned(),
            template: row.templates.to_owned(),
        }
    }

    fn read(&self, name: &str) -> Result<Template, ParseError> {
        Template::read(name, &self.library.text(name)?)
    }

    fn check(&self) -> Vec<ParseError> {
        let index = match self.index() {
            Ok(index) => index,
            Err(error) => return vec![error],
        };
        let mut errors = index.check();
        let mut seen = std::collections::HashSet::new();
        for name in index.templates().flat_map(|templates| templates.split(':')) {
            if !seen.insert(name) {
                continue;
            }
            match self.read(name) {
                Ok(template) => errors.extend(template.check()),
                Err(error) => errors.push(error),
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests;
