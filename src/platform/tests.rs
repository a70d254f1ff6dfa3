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
    assert!(platforms.names().count() >= 4);
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
