use super::*;

fn parse(text: &str) -> Result<Platform, PlatformError> {
    Platform::parse(&PlatformName::new("test_os"), text)
}

const MINIMAL: &str = r#"
title = "Test OS"
default_mode = "exec"
[show]
version = "show version"
[modes.exec]
prompt = '^\w+> ?$'
cases = ["r1> "]
[read]
max_length = 100
verbs = ["show"]
punctuation = "."
cases = { allowed = [], refused = [] }
[tests]
not_prompts = []
"#;

#[test]
fn every_embedded_platform_is_valid() {
    let platforms = Platforms::embedded();
    for name in platforms.names() {
        let platform = platforms.get(name).unwrap_or_else(|error| panic!("{error}"));
        assert!(!platform.transcripts.is_empty(), "{name} has no transcript");
        assert!(!platform.read.allowed.is_empty() && !platform.read.refused.is_empty(), "{name}");
    }
    assert!(platforms.names().count() >= 16);
}

#[test]
fn aliases_resolve_and_case_does_not_matter() {
    let platforms = Platforms::embedded();
    assert_eq!(platforms.resolve("cisco_xe").unwrap().as_str(), "cisco_ios");
    assert_eq!(platforms.resolve("Arista_EOS").unwrap().as_str(), "arista_eos");
    assert!(platforms.resolve("cisco").is_none());
}

#[test]
fn a_minimal_file_is_valid() {
    parse(MINIMAL).unwrap();
}

#[test]
fn every_problem_of_a_file_is_reported_at_once() {
    let broken = MINIMAL
        .replace(r#"default_mode = "exec""#, r#"default_mode = "privileged""#)
        .replace(r#"cases = ["r1> "]"#, r#"cases = ["r1# "]"#)
        .replace(r#"punctuation = ".""#, r#"punctuation = ".;""#)
        .replace("not_prompts = []", r#"not_prompts = ["lines>"]"#);
    let text = parse(&broken).unwrap_err().to_string();
    for part in ["`privileged`", "`r1# `", "';'", "`lines>`", "no way leads"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn a_prompt_case_that_two_modes_accept_is_refused() {
    let text = MINIMAL.replace("[read]", "[modes.other]\nprompt = '>'\ncases = [\"r1>\"]\n[read]");
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.contains("also matches mode other"), "{error}");
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    let error = parse(&MINIMAL.replace("title", "tittle")).unwrap_err().to_string();
    assert!(error.contains("tittle") && error.contains("line 2"), "{error}");
}

#[test]
fn a_refusal_counts_only_at_the_start_of_the_answer() {
    let platforms = Platforms::embedded();
    let ios = platforms.get(&platforms.resolve("cisco_ios").unwrap()).unwrap();
    let refused = "          ^\n% Invalid input detected at '^' marker.\n\n";
    assert_eq!(ios.failure_in(refused).unwrap().0.kind, FailureKind::Syntax);
    let log = "line 1\nline 2\nline 3\n% Invalid input detected at '^' marker.\n";
    assert!(ios.failure_in(log).is_none());
}

/// A directory with these platform files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(format!("{name}.toml")), text).unwrap();
    }
    directory
}

#[test]
fn a_file_of_the_operator_adds_to_the_built_in_ones_or_takes_their_place() {
    let inherited = "inherits = \"frr\"\naliases = [\n  \"mine\",\n]\ntitle = \"Mine\"";
    let replaced = "inherits = \"frr\"\ntitle = \"Our FRR\"\n[extend.read]\ndeny = [\"show bgp\"]";
    let home = directory(&[("my_frr", inherited), ("frr", replaced)]);
    let platforms = Platforms::with_directory(home.path()).unwrap();
    let mine = platforms.get(&platforms.resolve("mine").unwrap()).unwrap();
    assert_eq!((mine.name.as_str(), mine.title.as_str()), ("my_frr", "Mine"));
    // It inherits from the file that took the built-in one's place.
    assert!(mine.read.deny.contains(&vec!["show".to_owned(), "bgp".to_owned()]));
    let frr = platforms.get(&platforms.resolve("frr").unwrap()).unwrap();
    assert_eq!(frr.title, "Our FRR");
    assert_eq!(frr.template_names(), ["frr"]);
    assert_eq!(mine.template_names(), ["my_frr", "frr"]);
    assert!(frr.read.deny.len() > 1 && frr.modes.len() == 3);
    assert_eq!(platforms.resolve("cisco_xe").unwrap().as_str(), "cisco_ios");
}

#[test]
fn a_file_that_takes_the_place_of_what_it_inherits_from_has_its_ancestors() {
    let from = |base: &str| format!("inherits = \"{base}\"\ntitle = \"Ours\"");
    let (from_frr, from_two) = (from("frr"), from("two"));
    let home = directory(&[
        ("frr", &from_frr),
        ("one", &from_two),
        ("two", &from_frr),
        ("vyatta_vyos", &from_two),
    ]);
    let platforms = Platforms::with_directory(home.path()).unwrap();
    let names = |name: &str| {
        let platform = platforms.get(&platforms.resolve(name).unwrap()).unwrap();
        platform.template_names().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(names("frr"), ["frr"]);
    assert_eq!(names("one"), ["one", "two", "frr"]);
    assert_eq!(names("vyatta_vyos"), ["vyatta_vyos", "two", "frr"]);
}

#[test]
fn a_platform_without_json_says_so_and_leaves_nothing_empty() {
    let show =
        |lines: &str| parse(&MINIMAL.replace("[modes.exec]", &format!("{lines}\n[modes.exec]")));
    assert_eq!(show("").unwrap().structured, None);
    assert_eq!(show("structured = '| json'").unwrap().structured.unwrap().suffix, "| json");
    for (lines, key) in [
        ("structured = ''", "`structured` is empty"),
        ("structured = '  '", "structured = \"none\""),
        ("structured = 'json'\nstructured_leaf = ''", "`structured_leaf` is empty"),
        ("structured = 'json'\nstructured_row = ' '", "`structured_row` is empty"),
    ] {
        let error = show(lines).unwrap_err().to_string();
        assert!(error.contains(key), "{lines}: {error}");
    }
    // An inheriting file switches off what it inherits, with what belongs to it.
    let off = "inherits = \"juniper_junos\"\n[show]\nstructured = \"none\"";
    let home = directory(&[("old_junos", off)]);
    let platforms = Platforms::with_directory(home.path()).unwrap();
    let old = platforms.get(&platforms.resolve("old_junos").unwrap()).unwrap();
    assert_eq!(old.structured, None);
}

#[test]
fn every_file_of_a_directory_that_cannot_be_used_is_named() {
    let home = directory(&[
        ("one", "inherits = \"nothing\""),
        ("two", "inherits = \"two\""),
        ("three", "inherits = \"four\""),
        ("four", "inherits = \"three\""),
        ("Five", MINIMAL),
        ("six", "inherits = \"frr\"\naliases = [\"x\"]\n[terminal]\nwide = 1"),
        ("seven", "inherits = \"frr\"\naliases = [\"x\"]"),
    ]);
    let errors = Platforms::with_directory(home.path()).unwrap_err();
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    for part in [
        "`one.toml` cannot be read: it inherits from `nothing`",
        "`two.toml` cannot be read: it inherits from `two`",
        "in a circle",
        "Five.toml cannot be read: its name must be",
        "`wide`",
        "its alias `x` is also that of",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn a_mode_may_be_told_by_the_line_above_its_prompt() {
    let text = MINIMAL.replace(
        "[read]",
        "[modes.candidate]\nprompt = '^\\w+> ?$'\nabove = '^\\[edit\\]$'\ncases = [\"[edit]\\nr1> \"]\n\
         [[transitions]]\nfrom = \"candidate\"\nto = \"exec\"\nsend = \"exit\"\n[read]",
    );
    let platform = parse(&text).unwrap();
    assert_eq!(platform.mode_of("", "r1> ").unwrap().name.as_str(), "exec");
    assert_eq!(platform.mode_of("[edit]", "r1> ").unwrap().name.as_str(), "candidate");
    assert!(platform.is_prelude("[edit]") && !platform.is_prelude("edit"));
}

#[test]
fn where_a_refusal_counts_is_data() {
    let rule = |counts: &str| {
        let failure = format!(
            "[[failures]]\nline = 'refused'\nkind = \"commit\"\ncounts = \"{counts}\"\n\
             cases = [\"refused\"]\n[read]"
        );
        parse(&MINIMAL.replace("[read]", &failure)).unwrap()
    };
    let (early, late) = ("refused\n1\n2\n3\n4\n", "1\n2\n3\n4\nrefused\n\n");
    let cases = [("first", true, false), ("last", false, true), ("anywhere", true, true)];
    for (counts, in_early, in_late) in cases {
        let platform = rule(counts);
        assert_eq!(platform.failure_in(early).is_some(), in_early, "{counts}");
        assert_eq!(platform.failure_in(late).is_some(), in_late, "{counts}");
    }
}

#[test]
fn a_banner_is_acknowledged_also_where_the_server_asks_before_there_is_a_shell() {
    let platforms = Platforms::embedded();
    let panos = platforms.get(&platforms.resolve("paloalto_panos").unwrap()).unwrap();
    let question = "Authorized users only.\n\
                    Do you accept and acknowledge the statement above ? (yes/no) : ";
    assert_eq!(panos.login_answer(question).as_deref(), Some("yes"));
    assert_eq!(panos.login_answer("Password: "), None);
}
