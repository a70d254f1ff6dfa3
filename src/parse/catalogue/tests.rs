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
    assert_eq!(errors, ["the template `lost.textfsm` does not exist"]);
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

#[test]
fn a_missing_index_is_named() {
    let error = Catalogue::new(|_| None).parse("p", "show one", "").unwrap_err();
    assert_eq!(error.to_string(), "the template `index` does not exist");
}
