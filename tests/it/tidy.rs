//! The tree keeps its own rules: modules lean only on those above them, outside protocols stay in
//! their rooms, and files stay short.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module may use every module above it.
const ALL_ABOVE: &[&str] = &["*"];

/// A module and the modules it may use. The order is that of `docs/architecture.md`.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("secret", &[]),
    ("settings", &["error", "secret"]),
    ("store", &["error", "secret"]),
    ("platform", &["error"]),
    ("inventory", &["error", "secret", "platform"]),
    ("credential", &["error", "secret", "settings", "inventory"]),
    ("parse", &["error"]),
    ("caller", &["error"]),
    ("policy", &["error", "platform", "inventory"]),
    ("redact", &["error", "secret"]),
    ("token", &["error", "secret", "caller", "store"]),
    ("transport", &["error", "secret", "inventory", "credential"]),
    ("session", &["error", "secret", "platform", "policy", "transport"]),
    (
        "pool",
        &[
            "error",
            "secret",
            "settings",
            "store",
            "inventory",
            "credential",
            "platform",
            "policy",
            "transport",
            "session",
        ],
    ),
    ("change", &["error", "platform", "policy"]),
    ("operations", ALL_ABOVE),
    ("mcp", &["error", "caller", "change", "settings", "operations"]),
    (
        "server",
        &[
            "error",
            "secret",
            "settings",
            "store",
            "platform",
            "inventory",
            "parse",
            "caller",
            "policy",
            "redact",
            "token",
            "operations",
            "mcp",
        ],
    ),
    ("lab", &["error"]),
    ("cli", ALL_ABOVE),
];

/// The composition root wires the SSH rooms into the use cases, so this one file may name them.
const COMPOSITION_ROOT: (&str, &[&str]) =
    ("server/builder.rs", &["credential", "pool", "transport"]);

/// The modules that stand above this one in the table.
fn above(module: &str) -> Vec<&'static str> {
    LAYERS.iter().map(|(name, _)| *name).take_while(|name| *name != module).collect()
}

/// Crates that only some modules may name.
const CONFINED: &[(&str, &[&str])] = &[
    ("russh", &["transport", "lab"]),
    ("rmcp", &["mcp", "server", "cli/demo.rs"]),
    (
        "tokio",
        &[
            "credential",
            "session",
            "transport",
            "pool",
            "operations",
            "mcp",
            "server",
            "lab",
            "cli",
        ],
    ),
    ("rusqlite", &["store"]),
    ("axum", &["server"]),
    ("hyper_util", &["server"]),
    ("clap", &["cli"]),
    ("fancy_regex", &["parse"]),
    ("regex_automata", &["parse"]),
    ("zip", &["parse"]),
    ("jaq_core", &["parse"]),
    ("jaq_json", &["parse"]),
    ("jaq_std", &["parse"]),
    ("schemars", &["mcp", "operations"]),
    ("indicatif", &["cli"]),
    ("rlimit", &["cli"]),
    ("keyring", &["credential"]),
    ("ssh2_config", &["inventory"]),
];

/// The longest file, in lines. Beyond it there is a second idea in the file.
const LONGEST: usize = 560;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every source file outside tests, with the module it belongs to.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    let is_test = |path: &Path| {
        path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy();
            part == "tests" || part == "tests.rs"
        })
    };
    files(&src, "rs")
        .into_iter()
        .filter(|path| !is_test(path.strip_prefix(&src).unwrap()))
        .map(|path| {
            let inside = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
            let module = inside.split(['/', '\\', '.']).next().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            // Unit tests may use what they like.
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            (module, path, code)
        })
        .filter(|(module, _, _)| module != "lib" && module != "main")
        .collect()
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The names that stand behind `crate::` in a file, also inside braces.
fn uses(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in without_comments(code).split("crate::").skip(1) {
        let list = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        for word in list.unwrap_or(rest).split(',').take(if list.is_some() { 99 } else { 1 }) {
            let name = word.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next();
            names.insert(name.unwrap().to_owned());
        }
    }
    names
}

#[test]
fn modules_lean_only_on_those_above_them() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let known: BTreeSet<&str> = layers.keys().copied().collect();
    for (module, path, code) in sources() {
        let row = layers.get(module.as_str()).unwrap_or_else(|| panic!("{module} has no row"));
        let mut allowed = if *row == ALL_ABOVE { above(&module) } else { row.to_vec() };
        if path.ends_with(COMPOSITION_ROOT.0) {
            allowed.extend(COMPOSITION_ROOT.1);
        }
        for used in uses(&code) {
            let fine = used == module
                || allowed.contains(&used.as_str())
                || !known.contains(used.as_str());
            assert!(fine, "{} uses `{used}`, which `{module}` may not", path.display());
        }
    }
}

#[test]
fn the_table_has_an_order() {
    for (module, allowed) in LAYERS.iter().filter(|(_, allowed)| *allowed != ALL_ABOVE) {
        let above = above(module);
        for name in *allowed {
            assert!(above.contains(name), "{module} leans on {name}, which is not above it");
        }
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for (module, allowed) in LAYERS {
        let start = format!("| `{module}` |");
        let row = text.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/architecture.md has no row for {module}"));
        let cell = row.split('|').nth(2).unwrap();
        if *allowed == ALL_ABOVE {
            assert_eq!(cell.trim(), "all above", "docs/architecture.md, row {module}");
            continue;
        }
        let named: BTreeSet<&str> = cell.split('`').skip(1).step_by(2).collect();
        let expected: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(named, expected, "docs/architecture.md, row {module}");
    }
}

#[test]
fn outside_protocols_stay_in_their_rooms() {
    let src = root().join("src");
    for (module, path, code) in sources() {
        let inside = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        let code = without_comments(&code);
        for (name, rooms) in CONFINED {
            let named =
                code.contains(&format!("{name}::")) || code.contains(&format!("use {name};"));
            let fine = rooms.iter().any(|room| *room == module || inside == *room);
            assert!(!named || fine, "{inside} names `{name}`, which belongs to {rooms:?}");
        }
    }
}

#[test]
fn no_code_asks_for_a_platform_by_name() {
    let platforms = vty_mcp::platform::Platforms::embedded();
    for (module, path, code) in sources() {
        // The flat inventory form means one platform, and the lab models each one.
        if module == "lab" || module == "inventory" || module == "mcp" {
            continue;
        }
        let code = without_comments(&code);
        for name in platforms.names() {
            assert!(!code.contains(&format!("\"{name}\"")), "{} names {name}", path.display());
        }
    }
}

#[test]
fn every_file_opens_with_what_it_owns_and_stays_short() {
    for path in
        files(&root().join("src"), "rs").into_iter().chain(files(&root().join("tests"), "rs"))
    {
        let text = std::fs::read_to_string(&path).unwrap();
        let inside = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        assert!(
            text.starts_with("//!") || inside.ends_with("tests.rs"),
            "{inside} opens without //!"
        );
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{inside} has {lines} lines; look for the second idea in it");
    }
}

#[test]
fn nothing_is_ignored_and_nothing_sleeps_in_the_library() {
    for (_, path, code) in sources() {
        // The pool closes what nobody asked for in a while, a held change has its deadline, and a
        // recording is played by a device that takes its time; nothing else waits for time to pass.
        let may = path.ends_with("pool/parked.rs")
            || path.ends_with("pool/jumps.rs")
            || path.ends_with("session/replay.rs")
            || path.ends_with("operations/change/drive.rs")
            || path.to_string_lossy().contains("lab");
        let module_sleeps = code.contains("sleep(") && !may;
        assert!(!module_sleeps, "{} sleeps", path.display());
    }
    let everywhere =
        files(&root().join("tests"), "rs").into_iter().chain(files(&root().join("src"), "rs"));
    for path in everywhere {
        let text = std::fs::read_to_string(&path).unwrap();
        let ignored = ["#[ign", "ore"].concat();
        assert!(!text.contains(&ignored), "{} ignores a test", path.display());
    }
}
