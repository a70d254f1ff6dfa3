//! Other people's outputs with the records that ntc-templates makes of them. They lie beside the
//! repository, or where `NTC_CORPUS_DIR` says.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// One record.
pub(crate) type Record = Map<String, Value>;

/// One output with what ntc-templates makes of it.
#[derive(serde::Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) platform: String,
    pub(crate) command: String,
    pub(crate) expected: Vec<Record>,
    #[serde(skip)]
    pub(crate) raw: String,
}

/// Reads a file that must be there.
pub(crate) fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8(bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads the corpus, in a fixed order. None where it does not exist.
pub(crate) fn corpus() -> Option<Vec<Case>> {
    let root = std::env::var_os("NTC_CORPUS_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/ntc"),
        PathBuf::from,
    );
    let mut paths = Vec::new();
    for platform in std::fs::read_dir(root).ok()? {
        for file in std::fs::read_dir(platform.unwrap().path()).unwrap() {
            paths.push(file.unwrap().path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let case = |path: &PathBuf| {
        let raw = read(&path.with_extension("raw"));
        Case { raw, ..serde_json::from_str(&read(path)).unwrap() }
    };
    Some(paths.iter().map(case).collect())
}
