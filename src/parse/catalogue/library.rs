//! Owns [`Library`]: one place with an index and templates. It may be built in, a directory, or a wheel of
//! the Python package `ntc_templates`, which is a zip file.
//!
//! **Invariants:** a file is asked for by its plain name, so that no index can lead out of its
//! directory; none is read beyond [`limits::TEMPLATE_BYTES`] or [`INDEX_BYTES`].

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use include_dir::{Dir, include_dir};
use zip::ZipArchive;

use crate::parse::ParseError;
use crate::parse::textfsm::limits;

/// The templates of this project.
static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// What the built-in templates are called.
pub const BUILT_IN_LABEL: &str = "built-in";

/// The name of the index among the files.
pub(super) const INDEX: &str = "index";

/// How the names of templates end.
const SUFFIX: &str = ".textfsm";

/// The largest index that is read.
const INDEX_BYTES: u64 = 8 << 20;

/// How far the header of an index is looked for, in bytes; comments may stand before it.
const HEADER_BYTES: u64 = 64 << 10;

/// Where the templates lie below a directory that somebody names: in it, or as in a copy of
/// ntc-templates' repository or in an installed package.
const BELOW: [&str; 4] = ["", "ntc_templates/templates", "templates", "ntc-templates/templates"];

/// Gives the text of a file by its name.
type ReadFile = dyn Fn(&str) -> Option<String> + Send + Sync;

/// One place with an index and templates.
pub(super) struct Library {
    /// What people know it as.
    label: String,
    files: Files,
}

enum Files {
    BuiltIn,
    Directory(PathBuf),
    /// The archive, and what stands before the name of a template in it. The lock is held while one
    /// file is read.
    Wheel(Mutex<ZipArchive<File>>, String),
    Given(Box<ReadFile>),
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Library {
    pub(super) fn built_in() -> Self {
        Self { label: BUILT_IN_LABEL.to_owned(), files: Files::BuiltIn }
    }

    pub(super) fn given(label: &str, file: Box<ReadFile>) -> Self {
        Self { label: label.to_owned(), files: Files::Given(file) }
    }

    /// Opens a directory or a wheel. Only looks whether there is an index; nothing of it is read.
    pub(super) fn open(path: &Path) -> Result<Self, ParseError> {
        let label = path.display().to_string();
        let unusable = |message: String| ParseError::PlaceUnusable {
            place: path.display().to_string(),
            message,
        };
        if path.is_dir() {
            let found =
                BELOW.iter().map(|below| path.join(below)).find(|d| d.join(INDEX).is_file());
            let message = "no file `index` in it, nor below `ntc_templates/templates`";
            let directory = found.ok_or_else(|| unusable(message.to_owned()))?;
            return Ok(Self { label, files: Files::Directory(directory) });
        }
        let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
        let archive = ZipArchive::new(file).map_err(|_| {
            unusable("neither a directory nor a wheel (a zip file) of ntc-templates".to_owned())
        })?;
        let names = archive.file_names().flatten();
        let index = names
            .filter_map(|name| Some(name.strip_suffix(INDEX)?.to_owned()))
            .find(|before| BELOW.iter().any(|below| before.trim_end_matches('/') == *below));
        let message = "no `ntc_templates/templates/index` in the archive";
        let before = index.ok_or_else(|| unusable(message.to_owned()))?;
        Ok(Self { label, files: Files::Wheel(Mutex::new(archive), before) })
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Where a file lies, for people.
    pub(super) fn path_of(&self, name: &str) -> String {
        match &self.files {
            Files::Directory(directory) => directory.join(name).display().to_string(),
            Files::Wheel(_, before) => format!("{}/{before}{name}", self.label),
            Files::BuiltIn | Files::Given(_) => format!("{}/{name}", self.label),
        }
    }

    /// The names of the templates that lie here, sorted, whether or not the index names them. None
    /// where that cannot be told.
    pub(super) fn templates(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.files {
            Files::Given(_) => Vec::new(),
            Files::BuiltIn => {
                let paths = BUILT_IN.files().filter_map(|file| file.path().to_str());
                paths.map(str::to_owned).collect()
            }
            Files::Directory(directory) => {
                let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
                entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Files::Wheel(archive, before) => {
                let archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let names = archive.file_names().flatten();
                let inside =
                    names.filter_map(|name| Some(name.strip_prefix(before.as_str())?.to_owned()));
                inside.filter(|name| !name.contains('/')).collect()
            }
        };
        names.retain(|name| name.ends_with(SUFFIX));
        names.sort();
        names
    }

    /// The beginning of the index, far enough for its header.
    pub(super) fn beginning_of_index(&self) -> Result<String, ParseError> {
        let missing = || ParseError::TemplateMissing {
            template: INDEX.to_owned(),
            place: self.label.clone(),
        };
        let mut bytes = Vec::new();
        let read = match &self.files {
            Files::BuiltIn | Files::Given(_) => return self.text(INDEX),
            Files::Directory(directory) => {
                let file = File::open(directory.join(INDEX)).map_err(|_| missing())?;
                file.take(HEADER_BYTES).read_to_end(&mut bytes)
            }
            Files::Wheel(archive, before) => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let file = archive.by_name(&format!("{before}{INDEX}")).map_err(|_| missing())?;
                file.take(HEADER_BYTES).read_to_end(&mut bytes)
            }
        };
        read.map_err(|error| self.unusable(INDEX, error.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn unusable(&self, name: &str, message: String) -> ParseError {
        ParseError::PlaceUnusable { place: format!("{} ({name})", self.label), message }
    }

    /// The text of a file.
    pub(super) fn text(&self, name: &str) -> Result<String, ParseError> {
        let missing =
            || ParseError::TemplateMissing { template: name.to_owned(), place: self.label.clone() };
        let is_plain =
            !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':']);
        if !is_plain {
            return Err(missing());
        }
        let bytes = match &self.files {
            Files::Given(file) => return file(name).ok_or_else(missing),
            Files::BuiltIn => {
                let file = BUILT_IN.get_file(name).ok_or_else(missing)?;
                return Ok(file.contents_utf8().ok_or_else(missing)?.to_owned());
            }
            Files::Directory(directory) => {
                let file = File::open(directory.join(name)).map_err(|_| missing())?;
                self.read(name, file)?
            }
            Files::Wheel(archive, before) => {
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let file = archive.by_name(&format!("{before}{name}")).map_err(|_| missing())?;
                self.read(name, file)?
            }
        };
        // Templates are UTF-8; a stray byte of another encoding must not cost the whole template.
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Reads a file that may be larger than it says.
    fn read(&self, name: &str, file: impl Read) -> Result<Vec<u8>, ParseError> {
        let most = if name == INDEX { INDEX_BYTES } else { limits::TEMPLATE_BYTES as u64 };
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.unusable(name, error.to_string()))?;
        if bytes.len() as u64 > most {
            return Err(self.unusable(name, format!("the file is longer than {most} bytes")));
        }
        Ok(bytes)
    }
}
