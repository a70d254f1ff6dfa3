//! Holds the engine and our templates against the outputs of other people.
//!
//! Two things are measured, each only where its material exists:
//!
//! - **The engine**: with `NTC_TEMPLATES_DIR` naming a directory of ntc-templates 9.3.0 (`index` and
//!   `*.textfsm`), every case of the corpus must give exactly the records that Python gives.
//! - **Our templates**: on every output of a command that we have a template for, the fields that both
//!   sides have must agree, but for the deviations listed and explained here.
//!
//! The corpus lies beside the repository, or where `NTC_CORPUS_DIR` says.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use vty_mcp::parse::Catalogue;

type Record = Map<String, Value>;

/// One output of the corpus with what ntc-templates makes of it.
#[derive(serde::Deserialize)]
struct Case {
    id: String,
    platform: String,
    command: String,
    expected: Vec<Record>,
    #[serde(skip)]
    raw: String,
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8(bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads the corpus, in a fixed order. None where it does not exist.
fn corpus() -> Option<Vec<Case>> {
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

/// A catalogue over a directory of ntc-templates.
fn foreign(directory: PathBuf) -> Catalogue {
    let index = read(&directory.join("index"));
    let file = move |name: &str| String::from_utf8(std::fs::read(directory.join(name)).ok()?).ok();
    Catalogue::from_files(index, file)
}

#[test]
fn the_engine_agrees_with_python_on_the_corpus() {
    let Some(directory) = std::env::var_os("NTC_TEMPLATES_DIR").map(PathBuf::from) else {
        println!("skipped: NTC_TEMPLATES_DIR is not set");
        return;
    };
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus");
        return;
    };
    let catalogue = foreign(directory);
    let mut failures = Vec::new();
    for case in &corpus {
        let records = catalogue
            .parse(&case.platform, &case.command, &case.raw)
            .and_then(|parsed| parsed.to_objects(None));
        match records {
            Ok(records) if records == case.expected => {}
            Ok(_) => failures.push(format!("{}: other records", case.id)),
            Err(error) => failures.push(format!("{}: {error}", case.id)),
        }
    }
    println!("corpus {}/{}", corpus.len() - failures.len(), corpus.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_template_of_ntc_templates_compiles() {
    let Some(directory) = std::env::var_os("NTC_TEMPLATES_DIR").map(PathBuf::from) else {
        println!("skipped: NTC_TEMPLATES_DIR is not set");
        return;
    };
    let catalogue = foreign(directory);
    let errors: Vec<String> = catalogue.check().iter().map(ToString::to_string).collect();
    println!("{} templates", catalogue.names().unwrap().len());
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Why one of our fields differs from ntc-templates' field of the same name.
struct Deviation {
    template: &'static str,
    field: &'static str,
    /// Whether ours may stand beside theirs.
    fits: fn(ours: &Value, theirs: &Value) -> bool,
    #[expect(dead_code, reason = "read by people")]
    reason: &'static str,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        template: "arista_eos_show_interfaces.textfsm",
        field: "ip_address",
        fits: |ours, theirs| text(theirs).starts_with(&format!("{}/", text(ours))),
        reason: "the length stands in prefix_length, as in ntc-templates' own cisco_ios template",
    },
    Deviation {
        template: "cisco_ios_show_interfaces.textfsm",
        field: "media_type",
        fits: |_, theirs| text(theirs).is_empty(),
        reason: "`Full-duplex, 100Mb/s, 100BaseTX/FX` names the medium too",
    },
    Deviation {
        template: "cisco_ios_show_interfaces.textfsm",
        field: "input_packets",
        fits: |_, theirs| text(theirs).is_empty(),
        reason: "`packets input, n bytes` counts without `no buffer` behind it too",
    },
    Deviation {
        template: "cisco_ios_show_interfaces.textfsm",
        field: "output_errors",
        fits: |_, theirs| text(theirs).is_empty(),
        reason: "`output errors, n interface resets` counts without collisions too",
    },
    Deviation {
        template: "juniper_junos_show_bgp_summary.textfsm",
        field: "up_down",
        fits: |ours, theirs| text(ours).ends_with(text(theirs)),
        reason: "the weeks and days belong to the time",
    },
];

/// Outputs whose records cannot be compared one by one.
const SKIPPED: &[(&str, &str)] = &[
    (
        "cisco_ios__show_ip_bgp_summary__cisco_ios_show_ip_bgp_summary_with_dot_peer_as",
        "ends with a prompt, which ours refuses: the session takes prompts off",
    ),
    (
        "juniper_junos__show_version__juniper_junos_show_version_ex",
        "ours gives one record per member, theirs one in all",
    ),
    (
        "juniper_junos__show_version__juniper_junos_show_version_srx_cluster",
        "ours gives one record per member, theirs one in all",
    ),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn our_templates_agree_with_ntc_templates_where_both_have_a_field() {
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus");
        return;
    };
    let catalogue = Catalogue::built_in();
    let mut compared = 0;
    let mut failures = Vec::new();
    for case in &corpus {
        let Ok(template) = catalogue.template_for(&case.platform, &case.command) else { continue };
        if SKIPPED.iter().any(|(id, _)| *id == case.id) {
            continue;
        }
        let parsed = catalogue.parse_with(&template, &case.raw);
        let records = match parsed.and_then(|parsed| parsed.to_objects(None)) {
            Ok(records) => records,
            Err(error) => {
                failures.push(format!("{}: {error}", case.id));
                continue;
            }
        };
        if records.len() != case.expected.len() {
            let (ours, theirs) = (records.len(), case.expected.len());
            failures.push(format!("{}: {ours} records instead of {theirs}", case.id));
        }
        for (ours, theirs) in records.iter().zip(&case.expected) {
            for (field, ours) in ours {
                let Some(theirs) = theirs.get(field) else { continue };
                let known = DEVIATIONS
                    .iter()
                    .find(|known| known.template == template && known.field == field);
                compared += 1;
                if ours != theirs && !known.is_some_and(|known| (known.fits)(ours, theirs)) {
                    failures.push(format!("{}: {field} is {ours} instead of {theirs}", case.id));
                }
            }
        }
    }
    println!("{compared} values compared");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
