//! Holds our templates against ntc-templates': on every output of the corpus whose command we have a
//! template for, the fields that both sides have must agree, but for the deviations of
//! `tests/data/deviations/<platform>.toml`, each with its reason.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use vty_mcp::parse::Catalogue;
use vty_mcp::parse::catalogue::Found;

use crate::support::corpus::{Case, corpus, read};

/// How many values are compared at least, so that a comparison that passes everything by is seen.
const LEAST_VALUES: usize = 30_000;

/// The deviations of one platform.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Deviations {
    /// Fields of one name whose values differ.
    #[serde(rename = "field")]
    fields: Vec<Differing>,
    /// Their names for our fields.
    renamed: Vec<Renamed>,
    /// Outputs whose records cannot be compared one by one.
    case: Vec<Skipped>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Differing {
    template: String,
    #[serde(rename = "field")]
    ours: String,
    relation: Relation,
    reason: String,
    /// Whether it explained any value.
    #[serde(skip)]
    needed: Cell<bool>,
}

/// How our value stands to theirs.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Relation {
    TheirsIsEmpty,
    OursIsEmpty,
    TheirsStartsWithOurs,
    OursStartsWithTheirs,
    OursEndsWithTheirs,
    TheirsContainsOurs,
    OursContainsTheirs,
    Different,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Renamed {
    template: String,
    #[serde(rename = "field")]
    ours: String,
    theirs: String,
    #[serde(default)]
    #[expect(dead_code, reason = "read by people")]
    reason: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    id: String,
    reason: String,
    /// Whether its records differ.
    #[serde(skip)]
    needed: Cell<bool>,
}

impl Relation {
    fn holds(&self, ours: &Value, theirs: &Value) -> bool {
        let (ours, theirs) = (text(ours), text(theirs));
        match self {
            Self::TheirsIsEmpty => theirs.is_empty(),
            Self::OursIsEmpty => ours.is_empty(),
            Self::TheirsStartsWithOurs => theirs.starts_with(&ours),
            Self::OursStartsWithTheirs => ours.starts_with(&theirs),
            Self::OursEndsWithTheirs => ours.ends_with(&theirs),
            Self::TheirsContainsOurs => theirs.contains(&ours),
            Self::OursContainsTheirs => ours.contains(&theirs),
            Self::Different => true,
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

fn deviations(platform: &str) -> Deviations {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/deviations");
    let path = root.join(format!("{platform}.toml"));
    if !path.exists() {
        return Deviations::default();
    }
    let deviations: Deviations =
        toml::from_str(&read(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reasons = deviations.fields.iter().map(|field| &field.reason);
    for reason in reasons.chain(deviations.case.iter().map(|case| &case.reason)) {
        assert!(reason.len() > 10, "{}: a deviation without a reason", path.display());
    }
    deviations
}

impl Deviations {
    /// Those that explain nothing, whatever the reason says.
    fn stale(&self, platform: &str) -> Vec<String> {
        let fields = self.fields.iter().filter(|field| !field.needed.get());
        let fields = fields.map(|Differing { template, ours, relation, .. }| {
            format!("{platform}: no output needs {template}, {ours}, {relation:?}")
        });
        let cases = self.case.iter().filter(|case| !case.needed.get());
        let cases = cases.map(|case| format!("{platform}: {} can be compared", case.id));
        fields.chain(cases).collect()
    }
}

/// Compares the records of one output: how many values were compared, and what differs without being
/// explained. The explanations that were needed are given to `explained`.
fn compare<'d>(
    catalogue: &Catalogue,
    found: &Found,
    case: &Case,
    known: &'d Deviations,
    mut explained: impl FnMut(&'d Differing),
) -> (usize, Vec<String>) {
    let parsed = catalogue.parse_with(found, &case.raw);
    let records = match parsed.and_then(|parsed| parsed.to_objects(None)) {
        Ok(records) => records,
        Err(error) => return (0, vec![format!("{}: {error}", case.id)]),
    };
    let (mut compared, mut failures) = (0, Vec::new());
    if records.len() != case.expected.len() {
        let (ours, theirs) = (records.len(), case.expected.len());
        failures.push(format!("{}: {ours} records instead of {theirs}", case.id));
    }
    for (ours, theirs) in records.iter().zip(&case.expected) {
        for (field, ours) in ours {
            let is_it = |template: &str, name: &str| template == found.template && name == field;
            let renamed = known.renamed.iter().find(|known| is_it(&known.template, &known.ours));
            let name = renamed.map_or(field, |renamed| &renamed.theirs);
            let Some(theirs) = theirs.get(name) else { continue };
            compared += 1;
            if ours == theirs {
                continue;
            }
            let mut own = known.fields.iter().filter(|known| is_it(&known.template, &known.ours));
            match own.find(|known| known.relation.holds(ours, theirs)) {
                Some(known) => explained(known),
                None => {
                    failures.push(format!("{}: {field} is {ours} instead of {theirs}", case.id));
                }
            }
        }
    }
    (compared, failures)
}

#[test]
fn our_templates_agree_with_ntc_templates_where_both_have_a_field() {
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus");
        return;
    };
    let catalogue = Catalogue::built_in();
    let (mut compared, mut cases, mut skipped) = (0, 0, 0);
    let mut failures = Vec::new();
    let mut all: BTreeMap<&str, Deviations> = BTreeMap::new();
    for case in &corpus {
        let Ok(found) = catalogue.find(&[case.platform.as_str()], &case.command) else { continue };
        let known = all.entry(&case.platform).or_insert_with(|| deviations(&case.platform));
        if let Some(one) = known.case.iter().find(|skipped| skipped.id == case.id) {
            let (_, different) = compare(&catalogue, &found, case, known, |_| ());
            one.needed.set(!different.is_empty());
            skipped += 1;
            continue;
        }
        cases += 1;
        let (values, different) =
            compare(&catalogue, &found, case, known, |known| known.needed.set(true));
        compared += values;
        failures.extend(different);
    }
    println!("{compared} values of {cases} outputs compared, {skipped} outputs are not comparable");
    failures.extend(all.iter().flat_map(|(platform, known)| known.stale(platform)));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared >= LEAST_VALUES, "only {compared} values were compared");
}

/// A deviation of a template that is gone explains nothing.
#[test]
fn every_deviation_belongs_to_a_template() {
    let names = Catalogue::built_in().names().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/deviations");
    for file in std::fs::read_dir(root).unwrap() {
        let path = file.unwrap().path();
        let known = deviations(&path.file_stem().unwrap().to_string_lossy());
        let fields = known.fields.iter().map(|field| &field.template);
        for template in fields.chain(known.renamed.iter().map(|renamed| &renamed.template)) {
            assert!(names.contains(template), "{}: {template}", path.display());
        }
    }
}
