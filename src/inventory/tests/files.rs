//! The file system: unreadable files, modes, key files.

use std::fs;
use std::path::PathBuf;

use super::*;

/// A directory with a device file; key files beside it are named relatively.
pub(super) struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    pub(super) fn new(devices: &[u8]) -> Self {
        let site = Self { directory: tempfile::tempdir().unwrap() };
        site.write("devices.json", devices, 0o600);
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, contents: &[u8], mode: u32) {
        fs::write(self.path(name), contents).unwrap();
        set_mode(&self.path(name), mode);
    }

    pub(super) fn load(&self, strict_files: bool) -> Result<Loaded, InventoryError> {
        load(&self.path("devices.json"), &LoadOptions { strict_files, ..options() })
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        match self.load(false) {
            Ok(loaded) => loaded.notices,
            Err(error) => error.problems().to_vec(),
        }
    }

    pub(super) fn reasons(&self) -> Vec<&'static str> {
        self.problems().iter().map(|problem| problem.reason).collect()
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

fn keyed(auth: &str) -> String {
    device_with("auth", &format!("{{\"type\": \"ssh_key\", {auth}}}"))
}

pub(super) const PLAIN_KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
    QyNTUxOQAAACA=\n-----END OPENSSH PRIVATE KEY-----\n";
const ENCRYPTED_KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\r\n\
    b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABBe6sWTMr\r\n\
    -----END OPENSSH PRIVATE KEY-----\r\n";

#[test]
fn i1_files_that_cannot_be_read() {
    let site = Site::new(b"{}");
    let reason = |name: &str| {
        let error = load(&site.path(name), &options()).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        assert!(error.problems()[0].to_string().contains(name));
        error.problems()[0].reason
    };
    fs::create_dir(site.path("directory")).unwrap();
    assert_eq!(reason("missing.json"), "inv_not_found");
    assert_eq!(reason("directory"), "inv_not_file");
}

#[test]
fn i2_encodings() {
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with_bom = [&[0xff, 0xfe], utf16.as_slice()].concat();
    let big_endian: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [utf16, with_bom, big_endian] {
        let problems = Site::new(&bytes).problems();
        assert_eq!(problems[0].what, "the file is UTF-16");
    }
    let problems = Site::new(b"{\n \"a\": \"\xfc\"}").problems();
    assert_eq!(problems[0].what, "the file is not UTF-8");
    assert_eq!(problems[0].place.position.unwrap(), Position { line: 2, column: 8 });
    let bom = format!("\u{feff}{}", device_with("port", "22"));
    assert!(Site::new(bom.as_bytes()).load(true).is_ok());
}

#[test]
fn i15_a_file_beyond_the_limit_is_not_read() {
    let site = Site::new(b"{}");
    fs::File::options()
        .write(true)
        .open(site.path("devices.json"))
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    assert_eq!(site.reasons(), ["inv_too_large"]);
}

#[cfg(unix)]
#[test]
fn i12_a_file_open_to_others_is_a_warning_or_under_strict_files_an_error() {
    let site = Site::new(device_with("port", "22").as_bytes());
    let path = site.path("devices.json");
    assert!(site.load(true).is_ok());
    for mode in [0o644, 0o640, 0o660, 0o604] {
        set_mode(&path, mode);
        let loaded = site.load(false).unwrap();
        assert_eq!(loaded.notices[0].reason, "file_mode");
        assert_eq!(loaded.notices[0].severity, Severity::Warning);
        assert_eq!(loaded.notices[0].remedy, format!("chmod 600 {}", path.display()));
        let error = site.load(true).unwrap_err();
        assert_eq!(error.problems()[0].severity, Severity::Error);
    }
}

#[cfg(unix)]
#[test]
fn i12_a_file_without_secrets_may_be_read_but_not_written_by_others() {
    let site = Site::new(keyed(r#""private_key_path": "key""#).as_bytes());
    site.write("key", PLAIN_KEY.as_bytes(), 0o600);
    set_mode(&site.path("devices.json"), 0o644);
    assert!(site.load(true).unwrap().notices.is_empty());
    set_mode(&site.path("devices.json"), 0o666);
    let notices = site.load(false).unwrap().notices;
    assert!(notices[0].remedy.starts_with("chmod go-w "), "{notices:?}");
}

#[test]
fn i10_key_files_that_are_something_else() {
    let cases = [
        ("ssh-ed25519 AAAAC3Nza user@host\n", "key_public"),
        ("ecdsa-sha2-nistp256 AAAA\n", "key_public"),
        ("---- BEGIN SSH2 PUBLIC KEY ----\n", "key_public"),
        ("-----BEGIN PUBLIC KEY-----\n", "key_public"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\r\n", "key_ppk"),
        ("", "key_format"),
        ("hello\n", "key_format"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", "key_format"),
        (ENCRYPTED_KEY, "key_encrypted"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", "key_encrypted"),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n", "key_encrypted"),
    ];
    let site = Site::new(keyed(r#""private_key_path": "key""#).as_bytes());
    for (contents, reason) in cases {
        site.write("key", contents.as_bytes(), 0o600);
        assert_eq!(site.reasons(), [reason], "{contents}");
    }
    for sound in [PLAIN_KEY, "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"] {
        site.write("key", sound.as_bytes(), 0o600);
        assert!(site.reasons().is_empty(), "{sound}");
    }
    fs::remove_file(site.path("key")).unwrap();
    assert_eq!(site.reasons(), ["key_missing"]);
    fs::create_dir(site.path("key")).unwrap();
    assert_eq!(site.reasons(), ["key_not_file"]);
}

#[test]
fn i10_a_passphrase_belongs_to_an_encrypted_key() {
    let auth = keyed(r#""private_key_path": "key", "passphrase": "p""#);
    let site = Site::new(auth.as_bytes());
    site.write("key", ENCRYPTED_KEY.as_bytes(), 0o600);
    assert!(site.reasons().is_empty());
    site.write("key", PLAIN_KEY.as_bytes(), 0o600);
    assert_eq!(site.reasons(), ["key_not_encrypted"]);
    assert!(site.load(true).is_ok());
}

#[cfg(unix)]
#[test]
fn i10_a_key_that_others_can_read_is_an_error_with_the_command_to_run() {
    let site = Site::new(keyed(r#""private_key_path": "my key""#).as_bytes());
    for mode in [0o644, 0o640, 0o620, 0o602] {
        site.write("my key", PLAIN_KEY.as_bytes(), mode);
        let problems = site.problems();
        assert_eq!(problems[0].reason, "key_mode");
        let expected = format!("chmod 600 '{}'", site.path("my key").display());
        assert_eq!(problems[0].remedy, expected);
    }
}

#[test]
fn problems_of_the_text_and_of_key_files_come_together_each_once() {
    let text = r#"{"defaults": {"platform": "ios", "username": "u"}, "devices": {
        "r1": {"address": "a", "auth": {"type": "key", "private_key_path": "key"}},
        "r2": {"address": "b", "auth": {"type": "key", "private_key_path": "key"}, "port": 0}}}"#;
    let site = Site::new(text.as_bytes());
    assert_eq!(site.reasons(), ["key_missing", "inv_port"]);
    assert!(site.problems()[0].what.ends_with("does not exist (and in 1 more place)"));
}
