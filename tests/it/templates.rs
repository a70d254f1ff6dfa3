//! Holds every template against recorded outputs.
//!
//! `tests/data/outputs/<platform>/<command, with _ for blanks>/<n>.raw` is an output and `<n>.json`
//! the records it must give. The expectations were made with Python's TextFSM and read through, so
//! they hold our engine and our templates at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use vty_mcp::parse::catalogue::Found;
use vty_mcp::parse::textfsm::Template;
use vty_mcp::parse::{Catalogue, ParseError};
use vty_mcp::server::load_templates;
use vty_mcp::settings::{TemplateSearch, TemplateSettings};

/// One recorded output.
struct Case {
    path: PathBuf,
    platform: String,
    command: String,
}

impl Case {
    fn raw(&self) -> String {
        read(&self.path)
    }

    fn expected(&self) -> Vec<Map<String, Value>> {
        let path = self.path.with_extension("json");
        serde_json::from_str(&read(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8(bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(directory)
        .unwrap_or_else(|e| panic!("{}: {e}", directory.display()))
        .map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = listed.collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn found(catalogue: &Catalogue, platform: &str, command: &str) -> Option<Found> {
    catalogue.find(&[platform], command).ok()
}

/// One of our templates.
fn template_of(name: &str) -> Template {
    Template::read(name, &read(&root().join("templates").join(name))).unwrap()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for platform in entries(&root().join("tests/data/outputs")) {
        for command in entries(&platform) {
            for path in entries(&command) {
                if path.extension().is_some_and(|extension| extension == "raw") {
                    let command = name(&command).replace('_', " ");
                    cases.push(Case { path, platform: name(&platform), command });
                }
            }
        }
    }
    cases
}

#[test]
fn every_recorded_output_gives_its_records() {
    let catalogue = Catalogue::built_in();
    for case in cases() {
        let shown = case.path.display();
        let parsed = catalogue
            .parse(&case.platform, &case.command, &case.raw())
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(parsed.to_objects(None).unwrap(), case.expected(), "{shown}");
    }
}

#[test]
fn carriage_returns_change_nothing() {
    let catalogue = Catalogue::built_in();
    for case in cases() {
        let raw = case.raw().replace('\n', "\r\n");
        let parsed = catalogue.parse(&case.platform, &case.command, &raw).unwrap();
        assert_eq!(parsed.to_objects(None).unwrap(), case.expected(), "{}", case.path.display());
    }
}

#[test]
fn every_template_is_in_the_index_and_has_two_cases() {
    let catalogue = Catalogue::built_in();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases() {
        *counts
            .entry(found(&catalogue, &case.platform, &case.command).unwrap().template)
            .or_default() += 1;
    }
    let indexed = catalogue.names().unwrap();
    for path in entries(&root().join("templates")) {
        let file = name(&path);
        if matches!(file.as_str(), "index" | "README.md") {
            continue;
        }
        assert!(indexed.contains(&file), "{file} is not in the index");
        assert!(counts.get(&file).is_some_and(|count| *count >= 2), "{file} has too few cases");
    }
}

#[test]
fn every_expectation_belongs_to_an_output() {
    for platform in entries(&root().join("tests/data/outputs")) {
        for path in entries(&platform).iter().flat_map(|command| entries(command)) {
            let (raw, json) = (path.with_extension("raw"), path.with_extension("json"));
            assert!(raw.exists() && json.exists(), "{} stands alone", path.display());
        }
    }
}

/// A refusal by the device, or anything else that a template does not know, must not look like an
/// output without entries.
#[test]
fn an_unknown_line_at_the_margin_is_refused() {
    let catalogue = Catalogue::built_in();
    for template in catalogue.names().unwrap() {
        for line in
            ["% Invalid input detected at '^' marker.\n", "syntax error, expecting <command>\n"]
        {
            let parsed = template_of(&template).run(line);
            assert!(matches!(parsed, Err(ParseError::Refused { .. })), "{template}: {parsed:?}");
        }
    }
}

#[test]
fn commands_may_be_abbreviated_but_not_extended() {
    let catalogue = Catalogue::built_in();
    for (platform, command, template) in [
        ("cisco_ios", "sh ver", Some("cisco_ios_show_version.textfsm")),
        ("cisco_ios", "show int Gi0/1", Some("cisco_ios_show_interfaces.textfsm")),
        (
            "cisco_ios",
            "show interface GigabitEthernet 0/1",
            Some("cisco_ios_show_interfaces.textfsm"),
        ),
        ("cisco_ios", "show interfaces status", Some("cisco_ios_show_interfaces_status.textfsm")),
        ("cisco_ios", "show interfaces nonsense", None),
        ("cisco_ios", "show interfaces | include up", None),
        ("cisco_ios", "show ip int br", Some("cisco_ios_show_ip_interface_brief.textfsm")),
        (
            "cisco_ios",
            "show bgp vpnv4 unicast all summary",
            Some("cisco_ios_show_ip_bgp_summary.textfsm"),
        ),
        ("cisco_xr", "show version nonsense", None),
        ("arista_eos", "show ip bgp sum vrf all", Some("arista_eos_show_ip_bgp_summary.textfsm")),
        ("arista_eos", "show interfaces status | json", None),
        ("frr", "show interface lo", Some("frr_show_interface.textfsm")),
        ("frr", "show interface description json", None),
        ("frr", "show bgp vrf blue ipv4 unicast summary", Some("frr_show_bgp_summary.textfsm")),
        ("frr", "show bgp summary json", None),
        (
            "juniper_junos",
            "show interfaces ge-0/0/0 terse",
            Some("juniper_junos_show_interfaces_terse.textfsm"),
        ),
        (
            "juniper_junos",
            "show bgp summary | no-more",
            Some("juniper_junos_show_bgp_summary.textfsm"),
        ),
        (
            "juniper_junos",
            "show version detail | no-more",
            Some("juniper_junos_show_version.textfsm"),
        ),
        ("juniper_junos", "show version | match Junos", None),
        ("cisco_nxos", "sh mac addr", Some("cisco_nxos_show_mac_address-table.textfsm")),
        ("cisco_nxos", "show ip route vrf blue", Some("cisco_nxos_show_ip_route.textfsm")),
        ("cisco_xr", "show route ipv6 unicast", Some("cisco_xr_show_route.textfsm")),
    ] {
        let found = found(&catalogue, platform, command).map(|found| found.template);
        assert_eq!(found.as_deref(), template, "{platform}: {command}");
    }
}

/// A stray file called `index` must not take the built-in templates away.
#[test]
fn a_place_that_was_found_by_search_is_left_out_where_its_index_is_none() {
    let home = tempfile::tempdir().unwrap();
    for (directory, index) in [
        ("ntc-templates", "hello"),
        ("bad", "goodbye"),
        ("good", "Template, Hostname, Platform, Command\n"),
    ] {
        std::fs::create_dir(home.path().join(directory)).unwrap();
        std::fs::write(home.path().join(directory).join("index"), index).unwrap();
    }
    let variable = |name: &str, below: &str| (name.to_owned(), home.path().join(below));
    let search = TemplateSearch {
        variables: vec![
            variable("NET_TEXTFSM", "bad"),
            variable("NTC_TEMPLATES_DIR", "good"),
            variable("ANOTHER", "nowhere"),
        ],
        environments: Vec::new(),
        home: Some(home.path().to_owned()),
    };
    let settings = TemplateSettings { named: Vec::new(), search: Some(search) };
    let catalogue = load_templates(&settings).unwrap();
    let sources: Vec<String> = catalogue.sources().map(str::to_owned).collect();
    let ours: Vec<&String> =
        sources.iter().filter(|source| Path::new(source).starts_with(home.path())).collect();
    assert_eq!(ours, [&home.path().join("good").display().to_string()]);
    assert!(catalogue.find(&["cisco_ios"], "show version").is_ok());

    let named = TemplateSettings { named: vec![home.path().join("bad")], search: None };
    let errors = load_templates(&named).unwrap_err();
    assert!(matches!(errors[..], [ParseError::IndexInvalid { .. }]), "{errors:?}");
}
