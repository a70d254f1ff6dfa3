//! The platforms by name: the files embedded in the binary and those of the operator's directory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use toml::{Table, Value};

use super::file::PlatformFile;
use super::overlay::{INHERITS, overlay};
use super::{Platform, PlatformName, validate};
use crate::error::ErrorCode;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/platforms");

/// The largest platform file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// How many files may inherit from each other in a row.
const DEEPEST: usize = 8;

/// A platform file that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// The file is no valid TOML or has unknown or missing keys.
    #[error("platform file `{file}` cannot be read: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the TOML reader said, with line and column.
        message: String,
    },
    /// The file can be read and contradicts itself.
    #[error("platform file `{file}` is invalid: {}", problems.join("; "))]
    Invalid {
        /// The file.
        file: String,
        /// Every problem found.
        problems: Vec<String>,
    },
    /// The file or the directory cannot be opened.
    #[error("{} cannot be read: {message}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        message: String,
    },
    /// No platform has this name.
    #[error("no platform is called `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
    },
}

impl PlatformError {
    pub(super) fn unreadable(name: &PlatformName, message: impl std::fmt::Display) -> Self {
        Self::Unreadable { file: file_name(name), message: message.to_string() }
    }

    /// A file that can be read and contradicts itself, in these ways.
    pub fn invalid(name: &PlatformName, problems: Vec<String>) -> Self {
        Self::Invalid { file: file_name(name), problems }
    }

    /// The stable code of this failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown { .. } => ErrorCode::InvalidArgument,
            Self::Unreadable { .. } | Self::Invalid { .. } | Self::Io { .. } => ErrorCode::Internal,
        }
    }
}

fn file_name(name: &PlatformName) -> String {
    format!("{name}.toml")
}

/// Where a platform file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It is embedded in the binary.
    BuiltIn,
    /// It lies in the operator's directory.
    File(PathBuf),
}

/// All platforms that this program knows.
#[derive(Debug)]
pub struct Platforms {
    entries: BTreeMap<String, Entry>,
    aliases: BTreeMap<String, PlatformName>,
}

#[derive(Debug)]
struct Entry {
    name: PlatformName,
    source: Cow<'static, str>,
    origin: Origin,
    loaded: OnceLock<Result<Arc<Platform>, PlatformError>>,
}

impl Platforms {
    /// Lists the platform files embedded in the binary; each is read when it is first used.
    pub fn embedded() -> Self {
        let mut platforms = Self { entries: BTreeMap::new(), aliases: BTreeMap::new() };
        for (stem, source) in built_in() {
            platforms.insert(stem, Cow::Borrowed(source), Origin::BuiltIn);
        }
        platforms
    }

    /// Adds the platform files of a directory. A file with the name of a built-in one takes its
    /// place. Every file is validated, and every problem is reported.
    pub fn with_directory(directory: &Path) -> Result<Self, Vec<PlatformError>> {
        let mut platforms = Self::embedded();
        let io = |error: std::io::Error| {
            vec![PlatformError::Io { path: directory.to_owned(), message: error.to_string() }]
        };
        let mut problems = Vec::new();
        let mut added = Vec::new();
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(io)? {
            paths.push(entry.map_err(io)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        let mut aliases: BTreeMap<String, PlatformName> = BTreeMap::new();
        for path in paths {
            match read(&path) {
                Ok((stem, text)) => {
                    let name = PlatformName::new(&stem);
                    for alias in aliases_of(&text) {
                        if let Some(other) = aliases.insert(alias.clone(), name.clone()) {
                            let problem = format!("its alias `{alias}` is also that of {other}");
                            problems.push(PlatformError::invalid(&name, vec![problem]));
                        }
                    }
                    added.push(platforms.insert(&stem, Cow::Owned(text), Origin::File(path)));
                }
                Err(error) => problems.push(error),
            }
        }
        problems.extend(added.iter().filter_map(|name| platforms.get(name).err()));
        if problems.is_empty() { Ok(platforms) } else { Err(problems) }
    }

    fn insert(&mut self, stem: &str, source: Cow<'static, str>, origin: Origin) -> PlatformName {
        let name = PlatformName::new(stem);
        for alias in aliases_of(&source) {
            self.aliases.insert(alias, name.clone());
        }
        let entry = Entry { name: name.clone(), source, origin, loaded: OnceLock::new() };
        self.entries.insert(stem.to_owned(), entry);
        name
    }

    /// Finds the platform that a name or alias means.
    pub fn resolve(&self, name: &str) -> Option<PlatformName> {
        let wanted = name.trim().to_ascii_lowercase();
        if wanted == PlatformName::AUTO {
            return Some(PlatformName::new(PlatformName::AUTO));
        }
        let own = self.entries.get(&wanted).map(|entry| entry.name.clone());
        own.or_else(|| self.aliases.get(&wanted).cloned())
    }

    /// Loads a platform, validating its file on first use.
    pub fn get(&self, name: &PlatformName) -> Result<Arc<Platform>, PlatformError> {
        let Some(entry) = self.entries.get(name.as_str()) else {
            return Err(PlatformError::Unknown { name: name.to_string() });
        };
        let load = || self.parse(&entry.name, &entry.source, DEEPEST).map(Arc::new);
        entry.loaded.get_or_init(load).clone()
    }

    /// Reads a platform file that is not part of the list; what it inherits from is.
    pub fn read_file(&self, path: &Path) -> Result<Platform, PlatformError> {
        let (stem, text) = read(path)?;
        self.parse(&PlatformName::new(stem), &text, DEEPEST)
    }

    /// Names every platform, sorted.
    pub fn names(&self) -> impl Iterator<Item = &PlatformName> {
        self.entries.values().map(|entry| &entry.name)
    }

    /// Every platform whose file can be used.
    pub fn usable(&self) -> impl Iterator<Item = Arc<Platform>> {
        self.names().filter_map(|name| self.get(name).ok())
    }

    /// The key that sends on the pager of any platform whose prompt this line is.
    pub fn pager_key(&self, line: &str) -> Option<String> {
        self.usable().find_map(|platform| {
            let pager = platform.pagers.iter().find(|pager| pager.prompt.is_match(line))?;
            Some(pager.key.clone())
        })
    }

    /// Says where a platform's file comes from.
    pub fn origin(&self, name: &PlatformName) -> Option<&Origin> {
        self.entries.get(name.as_str()).map(|entry| &entry.origin)
    }

    /// The text of a platform file as it was written.
    pub fn source(&self, name: &PlatformName) -> Option<&str> {
        self.entries.get(name.as_str()).map(|entry| entry.source.as_ref())
    }

    fn parse(
        &self,
        name: &PlatformName,
        text: &str,
        depth: usize,
    ) -> Result<Platform, PlatformError> {
        if !inherits(text) {
            return Platform::parse(name, text);
        }
        let table = self.merged(name, text, depth)?;
        let platform = PlatformFile::deserialize(Value::Table(table))
            .map_err(|error| PlatformError::unreadable(name, error))?;
        let platform = validate::convert(name, platform)
            .map_err(|problems| PlatformError::invalid(name, problems))?;
        Ok(Platform { inherits: self.ancestors(name, text), ..platform })
    }

    /// What a file inherits from, the nearest first, each once and without its own name.
    fn ancestors(&self, name: &PlatformName, text: &str) -> Vec<PlatformName> {
        let mut ancestors: Vec<PlatformName> = Vec::new();
        let (mut current, mut text) = (name.to_string(), text);
        for _ in 0..DEEPEST {
            let Some(base) = base_of(text) else { break };
            let Some((found, source)) = self.base(&current, &base) else { break };
            let ancestor = PlatformName::new(found);
            if ancestor != *name && !ancestors.contains(&ancestor) {
                ancestors.push(ancestor);
            }
            (current, text) = (found.to_owned(), source);
        }
        ancestors
    }

    /// The name and the text of the file that one of this name inherits from by this name. A file that
    /// takes a built-in one's place may still inherit from it.
    fn base(&self, name: &str, base: &str) -> Option<(&str, &str)> {
        if base == name {
            return built_in().find(|(stem, _)| *stem == base);
        }
        let entry = self.resolve(base).and_then(|base| self.entries.get(base.as_str()))?;
        Some((entry.name.as_str(), entry.source.as_ref()))
    }

    /// The file with what it inherits.
    fn merged(
        &self,
        name: &PlatformName,
        text: &str,
        depth: usize,
    ) -> Result<Table, PlatformError> {
        let unreadable = |message: &str| PlatformError::unreadable(name, message);
        let over: Table = text
            .parse()
            .map_err(|error: toml::de::Error| PlatformError::unreadable(name, error))?;
        let Some(base) = over.get(INHERITS) else { return Ok(over) };
        let base = base.as_str().unwrap_or_default();
        let Some(depth) = depth.checked_sub(1) else {
            return Err(unreadable("the files inherit from each other in a circle"));
        };
        let Some((base, source)) = self.base(name.as_str(), base) else {
            return Err(unreadable(&format!("it inherits from `{base}`, which does not exist")));
        };
        Ok(overlay(self.merged(&PlatformName::new(base), source, depth)?, over))
    }
}

/// The embedded files by the stems of their names.
fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.files().filter_map(|file| {
        let path = file.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str())?;
        let toml = path.extension().is_some_and(|extension| extension == "toml");
        Some((stem, file.contents_utf8()?)).filter(|_| toml)
    })
}

/// Reads a file of the operator and the platform's name from its own.
fn read(path: &Path) -> Result<(String, String), PlatformError> {
    let failed = |message: String| PlatformError::Io { path: path.to_owned(), message };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if stem.is_empty() || !stem.bytes().all(plain) || stem == PlatformName::AUTO {
        let rule = "its name must be the platform's: small letters, digits and `_`, not `auto`";
        return Err(failed(rule.to_owned()));
    }
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > MOST_BYTES {
        return Err(failed("it is larger than 1 MiB".to_owned()));
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the loader, and its error names the path"
    )]
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok((stem.to_owned(), text))
}

/// Says whether a file inherits, reading only the lines before its first table.
fn inherits(source: &str) -> bool {
    source
        .lines()
        .take_while(|line| !line.trim_start().starts_with('['))
        .any(|line| line.split('=').next().is_some_and(|key| key.trim() == INHERITS))
}

/// The platform that a file names as the one it inherits from.
fn base_of(source: &str) -> Option<String> {
    let table: Table = source.parse().ok().filter(|_| inherits(source))?;
    Some(table.get(INHERITS)?.as_str()?.to_owned())
}

/// Reads only the `aliases` line, so that a start does not parse every file; the whole file only
/// where they stand on several lines.
fn aliases_of(source: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Aliases {
        aliases: Vec<String>,
    }
    let Some(line) = source.lines().find(|line| line.starts_with("aliases")) else {
        return Vec::new();
    };
    let read = |text: &str| toml::from_str::<Aliases>(text).ok();
    read(line).or_else(|| read(source)).map_or_else(Vec::new, |found| found.aliases)
}
