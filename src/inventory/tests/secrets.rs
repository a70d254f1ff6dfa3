//! No secret of a file shows in anything that is said about it.

use super::*;

/// Stands in for every secret.
const CANARY: &str = "c4n4ry";

#[track_caller]
fn check_silent(text: &str) {
    let said = match read(text) {
        Ok(loaded) => format!("{loaded:?} {}", report(&loaded.notices)),
        Err(error) => format!("{error} {error:?} {}", error.report()),
    };
    assert!(!said.contains(CANARY), "{text}\n{said}");
}

/// Files with the canary in every place a secret may stand, by intent or by mistake.
fn files() -> Vec<String> {
    let quoted = format!("\"{CANARY}\"");
    let mut files: Vec<String> = ["enable", "password", "pasword", "secret", "passphrase", "auth"]
        .map(|key| device_with(key, &quoted))
        .to_vec();
    let broken = [
        format!("{{\"x\": \"{CANARY}\"}}"),
        format!("[\"{CANARY}\"]"),
        format!("\"{CANARY}\\n\""),
        format!("\"{CANARY}"),
        CANARY.to_owned(),
        format!("'{CANARY}'"),
        format!("\"{CANARY}\" \"{CANARY}\""),
        format!("\"a\", \"{CANARY}\""),
        format!("\"a\"{CANARY}\""),
        format!("\"\\{CANARY}\""),
        format!("{{\"{CANARY} !\": 1}}"),
        format!("{{\"inline\": \"{CANARY}\", \"env\": \"X\"}}"),
        format!("{{\"inline\": \"{CANARY}\\n\"}}"),
        format!("{{\"inline\": [\"{CANARY}\"]}}"),
        format!("{{\"env\": \"{CANARY} \"}}"),
        format!("{{\"env\": [\"{CANARY}\"]}}"),
        format!("{{\"command\": \"{CANARY}\"}}"),
        format!("{{\"command\": [\"./{CANARY}\"]}}"),
        format!("{{\"command\": [\"x\", \"{CANARY}\\n\"]}}"),
        format!("{{\"keyring\": \"{CANARY}\"}}"),
        format!("{{\"keyring\": {{\"service\": \"{CANARY}\"}}}}"),
        format!("{{\"file\": \"~{CANARY}\"}}"),
        format!("\"env:{CANARY}!\""),
        format!("\"command:{CANARY}\""),
        format!("\"keyring:{CANARY}\""),
        format!("\"file:~{CANARY}\""),
    ];
    for value in &broken {
        files.push(device_with("enable", value));
        files.push(device_with(
            "auth",
            &format!("{{\"type\": \"password\", \"password\": {value}}}"),
        ));
        files.push(device_with(
            "auth",
            &format!(
                "{{\"type\": \"ssh_key\", \"private_key_path\": \"k\", \"passphrase\": {value}}}"
            ),
        ));
        files.push(format!("{{\"r1\": {{\"ip\": \"a\", \"port\": 0, \"password\": {value}}}}}"));
        files.push(device_with(
            "auth",
            &format!(
                "{{\"type\": \"agent\", \"answers\": [{{\"prompt\": \"x\", \"answer\": {value}}}]}}"
            ),
        ));
    }
    for auth in [
        format!("{{\"type\": \"password\", \"pasword\": \"{CANARY}\"}}"),
        format!("{{\"typ\": \"password\", \"password\": \"{CANARY}\", \"extra\": 1}}"),
        format!("{{\"type\": \"{CANARY}\"}}"),
        format!("{{\"type\": \"ssh_key\", \"password\": \"{CANARY}\"}}"),
        format!(
            "{{\"type\": \"password\", \"password\": \"{CANARY}\", \"password\": \"{CANARY}\"}}"
        ),
    ] {
        files.push(device_with("auth", &auth));
        files.push(format!("{{\"r1\": {{\"ip\": \"a b\", \"auth\": {auth}}}}}"));
        files
            .push(format!("{{\"defaults\": {{\"auth\": {auth}}}, \"devices\": {{\"r1\": {{}}}}}}"));
        files.push(format!("{{\"groups\": {{\"g\": {{\"auth\": {auth}}}}}, \"devices\": {{}}}}"));
    }
    for address in ["user:{}@r1", "ssh://user:{}@r1", "r1 {}", "{}/x", "{}:22:22"] {
        files.push(device_with("address", &format!("\"{}\"", address.replace("{}", CANARY))));
    }
    files
}

#[test]
fn no_message_and_no_debug_print_shows_a_secret() {
    for file in files() {
        check_silent(&file);
    }
}

#[test]
fn no_truncated_file_shows_a_secret() {
    let auth = format!("{{\"type\": \"password\", \"password\": \"{CANARY}\"}}");
    let text = device_with("auth", &auth);
    for end in 0..text.len() {
        check_silent(text.get(..end).unwrap());
        // A character lost anywhere moves quotes, so that values and keys change places.
        let mut lost = text.clone();
        lost.remove(end);
        let said = problems(&lost).iter().map(ToString::to_string).collect::<String>();
        assert!(!said.contains(CANARY), "{lost}\n{said}");
    }
}

#[test]
fn numbers_in_place_of_secrets_are_silent_too() {
    let text = device_with("enable", "48151623");
    let said = problems(&text).iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("expected a text, found a number") && !said.contains("48151623"));
}
