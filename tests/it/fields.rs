//! The names of fields: one name for one thing on every platform, and the tables of
//! `docs/templates.md` that say so.
//!
//! The tables are made of the templates and `tests/data/fields.toml`. `VTY_WRITE_DOCS=1 cargo test
//! fields` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use regex::Regex;
use vty_mcp::parse::textfsm;

/// The platforms that we write templates for, with the heading of their column.
const PLATFORMS: [(&str, &str); 8] = [
    ("cisco_ios", "IOS"),
    ("cisco_nxos", "NX-OS"),
    ("cisco_xr", "XR"),
    ("arista_eos", "EOS"),
    ("juniper_junos", "Junos"),
    ("nokia_srl", "SR Linux"),
    ("vyatta_vyos", "VyOS"),
    ("frr", "FRR"),
];

const BEGIN: &str = "<!-- fields: generated -->";
const END: &str = "<!-- fields: end -->";

/// `tests/data/fields.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Vocabulary {
    /// Names that are refused, with the names to use.
    instead: BTreeMap<String, String>,
    meaning: BTreeMap<String, String>,
    subject: Vec<Subject>,
}

/// What several platforms tell with commands of their own.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    title: String,
    /// Matches the template's name behind `<platform>_show_`.
    commands: String,
    /// Templates of such a name that tell something else.
    #[serde(default)]
    except: Vec<String>,
    fields: Vec<String>,
}

impl Subject {
    /// The templates that tell of it.
    fn templates<'t>(&self, templates: &'t [Template]) -> Vec<&'t Template> {
        let commands = Regex::new(&format!("^(?:{})$", self.commands)).unwrap();
        let ours = templates.iter().filter(|template| commands.is_match(&template.command));
        ours.filter(|template| !self.except.contains(&template.name)).collect()
    }
}

/// One of our templates.
struct Template {
    /// Without the ending.
    name: String,
    platform: &'static str,
    /// What follows the platform, without `show`.
    command: String,
    /// The fields, each with whether it is a list.
    fields: Vec<(String, bool)>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn vocabulary() -> Vocabulary {
    toml::from_str(&read(&root().join("tests/data/fields.toml"))).unwrap()
}

fn templates() -> Vec<Template> {
    let value = Regex::new(r"(?m)^Value (?:(\S+) )?(\w+) \(").unwrap();
    let mut templates = Vec::new();
    for file in std::fs::read_dir(root().join("templates")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "textfsm") {
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let platform = PLATFORMS.iter().map(|(platform, _)| *platform);
        let platform = platform.filter(|platform| name.starts_with(*platform)).max().unwrap();
        let command = name.strip_prefix(platform).unwrap().trim_start_matches("_show_").to_owned();
        let text = read(&path);
        let fields = value.captures_iter(&text).map(|found| {
            let options = found.get(1).map_or("", |options| options.as_str());
            (found[2].to_lowercase(), options.split(',').any(|option| option == "List"))
        });
        let fields: Vec<(String, bool)> = fields.collect();
        // The engine does not tell which are lists, but it knows the names.
        let read = textfsm::Template::read(&name, &text).unwrap();
        let names: Vec<String> = read.columns().map(str::to_lowercase).collect();
        assert!(fields.iter().map(|(name, _)| name).eq(&names), "{name}: {fields:?} {names:?}");
        templates.push(Template { name, platform, command, fields });
    }
    templates.sort_by(|a, b| a.name.cmp(&b.name));
    templates
}

fn shown(fields: &[(String, bool)]) -> String {
    let shown = fields
        .iter()
        .map(|(name, is_list)| if *is_list { format!("`{name}`[]") } else { format!("`{name}`") });
    shown.collect::<Vec<_>>().join(", ")
}

/// The text between the markers.
fn tables() -> String {
    let (vocabulary, templates) = (vocabulary(), templates());
    let mut out = String::from("\n");
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for subject in &vocabulary.subject {
        let ours = subject.templates(&templates);
        writeln!(out, "### {}\n", subject.title).unwrap();
        let names: Vec<String> = ours.iter().map(|t| format!("`{}`", t.name)).collect();
        writeln!(out, "{}.\n", names.join(", ")).unwrap();
        let platforms: Vec<&(&str, &str)> = PLATFORMS
            .iter()
            .filter(|(platform, _)| ours.iter().any(|template| template.platform == *platform))
            .collect();
        let titles: Vec<&str> = platforms.iter().map(|(_, title)| *title).collect();
        writeln!(out, "| field | meaning | {} |", titles.join(" | ")).unwrap();
        writeln!(out, "|---|---|{}", "---|".repeat(platforms.len())).unwrap();
        for field in &subject.fields {
            let meaning = &vocabulary.meaning[field];
            let marks = platforms.iter().map(|(platform, _)| {
                let mut own = ours.iter().filter(|template| template.platform == *platform);
                let gives =
                    own.any(|template| template.fields.iter().any(|(name, _)| name == field));
                if gives { " ● |" } else { "   |" }
            });
            writeln!(out, "| `{field}` | {meaning} |{}", marks.collect::<String>()).unwrap();
        }
        out.push('\n');
        for template in &ours {
            let more: Vec<(String, bool)> = template
                .fields
                .iter()
                .filter(|(name, _)| !subject.fields.contains(name))
                .cloned()
                .collect();
            if !more.is_empty() && told.insert(&template.name) {
                writeln!(out, "- `{}` also gives {}", template.name, shown(&more)).unwrap();
            }
            told.insert(&template.name);
        }
        if !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
    writeln!(out, "### Everything else\n").unwrap();
    writeln!(out, "| template | fields |\n|---|---|").unwrap();
    for template in templates.iter().filter(|template| !told.contains(template.name.as_str())) {
        writeln!(out, "| `{}` | {} |", template.name, shown(&template.fields)).unwrap();
    }
    out.push('\n');
    out
}

#[test]
fn the_tables_of_fields_are_those_of_the_templates() {
    let path = root().join("docs/templates.md");
    let text = read(&path);
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let tables = tables();
    if std::env::var_os("VTY_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}\n{tables}{END}{after}")).unwrap();
        return;
    }
    assert!(
        written.trim() == tables.trim(),
        "docs/templates.md is not what the templates give; run VTY_WRITE_DOCS=1 cargo test fields"
    );
}

#[test]
fn one_thing_has_one_name_on_every_platform() {
    let vocabulary = vocabulary();
    for template in templates() {
        for (field, _) in &template.fields {
            if let Some(better) = vocabulary.instead.get(field) {
                panic!("{}: `{field}` is called `{better}` everywhere else", template.name);
            }
        }
    }
}

/// A subject whose fields nobody gives, or only one platform's template fits, is a mistake.
#[test]
fn every_subject_is_told_by_several_platforms() {
    let (vocabulary, templates) = (vocabulary(), templates());
    for subject in &vocabulary.subject {
        let ours = subject.templates(&templates);
        let platforms: BTreeSet<&str> = ours.iter().map(|template| template.platform).collect();
        assert!(platforms.len() >= 3, "{}: {platforms:?}", subject.title);
        for field in &subject.fields {
            let given = ours.iter().any(|t| t.fields.iter().any(|(name, _)| name == field));
            assert!(given, "{}: nobody gives `{field}`", subject.title);
            assert!(vocabulary.meaning.contains_key(field), "`{field}` has no meaning");
        }
        for template in ours {
            let known = template.fields.iter().any(|(name, _)| subject.fields.contains(name));
            assert!(known, "{} gives nothing of {}", template.name, subject.title);
        }
    }
}
