//! A catalogue as a whole.

use super::*;
use crate::error::ErrorCode;

const INDEX: &str = "\
Template, Hostname, Platform, Command
one.textfsm, .*, p, show one
keyed.textfsm:extra.textfsm, .*, p, show keyed
one.textfsm:other.textfsm, .*, p, show position
lost.textfsm, .*, p, show lost
";

fn catalogue() -> Catalogue {
    Catalogue::from_files(INDEX, |name| {
        let text = match name {
            "one.textfsm" => "Value Name (\\w+)\n\nStart\n  ^name ${Name} -> Record\n\nEOF\n",
            "keyed.textfsm" => "Value Key NAME (\\w+)\n\nStart\n  ^name ${NAME} -> Record\n\nEOF\n",
            "extra.textfsm" => {
                "Value NAME (\\w+)\nValue List SIZE (\\d+)\n\nStart\n  \
                 ^size of ${NAME} ${SIZE} -> Record\n\nEOF\n"
            }
            "other.textfsm" => {
                "Value SIZE (\\d+)\n\nStart\n  ^size of \\S+ ${SIZE} -> Record\n\nEOF\n"
            }
            _ => return None,
        };
        Some(text.to_owned())
    })
}

const OUTPUT: &str = "name a\nname b\nname c\nsize of c 3\nsize of a 1\nsize of a 9\n";

fn check(command: &str, columns: &[&str], records: &str) {
    let parsed = catalogue().parse("p", command, OUTPUT).unwrap();
    assert_eq!(parsed.columns, columns);
    assert_eq!(serde_json::to_string(&parsed.records).unwrap(), records);
}

#[test]
fn columns_are_lower_cased() {
    check("show one", &["name"], r#"[["a"],["b"],["c"]]"#);
}

#[test]
fn several_templates_are_joined_by_their_key() {
    check("show keyed", &["name", "size"], r#"[["a",["1"]],["b",""],["c",["3"]]]"#);
}

#[test]
fn without_a_key_the_position_counts() {
    check("show position", &["name", "size"], r#"[["a","3"],["b","1"],["c","9"]]"#);
}

#[test]
fn each_failure_has_its_code() {
    let code = |command| catalogue().parse("p", command, "").unwrap_err().code();
    assert_eq!(code("show nothing"), ErrorCode::TemplateNotFound);
    assert_eq!(code("show lost"), ErrorCode::TemplateInvalid);
}

#[test]
fn no_entries_is_not_an_error() {
    assert!(catalogue().parse("p", "show one", "").unwrap().is_empty());
}

#[test]
fn the_built_in_templates_are_sound() {
    let built_in = Catalogue::built_in();
    assert_eq!(built_in.check(), []);
    assert!(built_in.names().unwrap().len() >= 15);
}

#[test]
fn a_check_names_what_is_missing() {
    let errors: Vec<String> = catalogue().check().iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["the template `lost.textfsm` does not exist in given"]);
}

#[test]
fn one_catalogue_serves_many_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let catalogue = catalogue();
    is_shared(&catalogue);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let parsed = catalogue.parse("p", "show one", OUTPUT).unwrap();
                assert_eq!(parsed.records.len(), 3);
            });
        }
    });
}

/// A directory with one template that answers `show one` of the platform `p` with this column.
fn place(root: &Path, below: &str, column: &str) -> std::path::PathBuf {
    let directory = root.join(below);
    std::fs::create_dir_all(&directory).unwrap();
    let index = "Template, Hostname, Platform, Command\nx.textfsm, .*, p$, show one\n";
    std::fs::write(directory.join("index"), index).unwrap();
    let template =
        format!("Value {column} (\\w+)\n\nStart\n  ^name ${{{column}}} -> Record\n\nEOF\n");
    std::fs::write(directory.join("x.textfsm"), template).unwrap();
    root.to_owned()
}

#[test]
fn the_first_place_that_knows_the_command_answers() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (root.path().join("one"), root.path().join("two"));
    let places = [place(&one, "", "ONE"), place(&two, "ntc_templates/templates", "TWO")];
    let catalogue = Catalogue::with_places(&places).unwrap();
    let parsed = catalogue.parse("p", "show one", OUTPUT).unwrap();
    assert_eq!(parsed.columns, ["one"]);
    assert_eq!(parsed.source, one.display().to_string());
    let reversed = Catalogue::with_places(&[&places[1], &places[0]]).unwrap();
    let parsed = reversed.parse("p", "show one", OUTPUT).unwrap();
    assert_eq!((parsed.columns[0].as_str(), parsed.source), ("two", two.display().to_string()));
    // What no directory knows, the built-in templates answer.
    let found = catalogue.find(&["cisco_ios"], "show version").unwrap();
    assert_eq!(found.source, BUILT_IN_LABEL);
    let sources: Vec<&str> = catalogue.sources().collect();
    assert_eq!(sources.len(), 3);
    assert_eq!(sources[2], BUILT_IN_LABEL);
}

#[test]
fn the_more_specific_name_of_a_platform_counts_first_in_each_place() {
    let root = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::with_places(&[place(root.path(), "", "ONE")]).unwrap();
    let source = |platforms: &[&str]| catalogue.find(platforms, "show one").unwrap().source;
    assert_eq!(source(&["my_p", "p"]), root.path().display().to_string());
    assert!(catalogue.find(&["my_p"], "show one").is_err());
}

#[test]
fn a_wheel_is_read_as_a_directory_is() {
    use std::io::Write;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("ntc_templates-0.0-py3-none-any.whl");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    let template = "Value NAME (\\w+)\n\nStart\n  ^name ${NAME} -> Record\n\nEOF\n";
    let index = "Template, Hostname, Platform, Command\nx.textfsm, .*, p$, show one\n";
    for (name, text) in [("index", index), ("x.textfsm", template)] {
        archive.start_file(format!("ntc_templates/templates/{name}"), options).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    let catalogue = Catalogue::only(&path).unwrap();
    assert_eq!(catalogue.check(), []);
    let parsed = catalogue.parse("p", "show one", OUTPUT).unwrap();
    assert_eq!((parsed.records.len(), parsed.source), (3, path.display().to_string()));
}

#[test]
fn every_place_that_cannot_be_used_is_named() {
    let root = tempfile::tempdir().unwrap();
    let text = root.path().join("notes.txt");
    std::fs::write(&text, "no archive").unwrap();
    let places = [root.path().to_owned(), text, root.path().join("nowhere")];
    let problems = Catalogue::with_places(&places).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("no file `index`"), "{told:?}");
    assert!(told[1].contains("notes.txt") && told[1].contains("a wheel"), "{told:?}");
    assert!(told[2].contains("nowhere"), "{told:?}");
}

#[test]
fn a_place_whose_index_has_no_header_is_not_used() {
    let root = tempfile::tempdir().unwrap();
    for (text, part) in [
        ("hello", "at line 1: the header has no column `Template`"),
        ("# only\n\n# comments\n", "there is no header"),
        ("", "there is no header"),
    ] {
        std::fs::write(root.path().join("index"), text).unwrap();
        let told = Catalogue::with_places(&[root.path()]).unwrap_err()[0].to_string();
        assert!(told.contains(part) && told.contains(root.path().to_str().unwrap()), "{told}");
        assert_eq!(Catalogue::look_at(root.path()).unwrap_err().to_string(), told);
        // It can still be inspected.
        assert_eq!(Catalogue::only(root.path()).unwrap().inspect()[0].problems.len(), 1);
    }
    let comments = format!("# {}\nTemplate, Hostname, Platform, Command\n", "x".repeat(5000));
    std::fs::write(root.path().join("index"), comments).unwrap();
    assert_eq!(Catalogue::look_at(root.path()), Ok(()));
    std::fs::remove_file(root.path().join("index")).unwrap();
    let error = Catalogue::look_at(root.path()).unwrap_err();
    assert!(matches!(error, ParseError::PlaceUnusable { .. }), "{error}");
}

#[test]
fn columns_that_differ_in_case_only_are_kept_apart_and_warned_of() {
    let root = tempfile::tempdir().unwrap();
    let directory = place(root.path(), "", "ONE");
    let template = "Value Name (\\w)\nValue NAME (\\w)\nValue name_2 (\\w)\n\nStart\n  \
                    ^${Name} ${NAME} ${name_2} -> Record\n\nEOF\n";
    std::fs::write(directory.join("x.textfsm"), template).unwrap();
    let own = Catalogue::only(&directory).unwrap();
    let parsed = own.parse("p", "show one", "a b c\n").unwrap();
    assert_eq!(parsed.columns, ["name", "name_3", "name_2"]);
    assert_eq!(parsed.to_objects(None).unwrap()[0].len(), 3);
    let inspection = &own.inspect()[0];
    assert_eq!((inspection.problems.len(), inspection.warnings.len()), (0, 1));
    let warning = inspection.warnings[0].to_string();
    assert!(warning.contains("x.textfsm: ") && warning.contains("`NAME`"), "{warning}");
    // Templates that are joined share the columns of one name.
    assert_eq!(catalogue().inspect()[0].warnings, []);
}

#[test]
fn an_index_cannot_lead_out_of_its_directory() {
    let root = tempfile::tempdir().unwrap();
    let inside = place(&root.path().join("inside"), "", "ONE");
    place(root.path(), "", "OUT");
    let index = "Template, Hostname, Platform, Command\n../x.textfsm, .*, p$, show one\n";
    std::fs::write(inside.join("index"), index).unwrap();
    let error = Catalogue::only(&inside).unwrap().parse("p", "show one", OUTPUT).unwrap_err();
    assert!(matches!(error, ParseError::TemplateMissing { .. }), "{error}");
}
