//! `vty-mcp parse` and `vty-mcp templates`, as a person uses them.

mod catalogue; // which template answers, and whether it is sound
mod documentation; // the examples of docs/templates.md
mod parse; // outputs in files

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The ports of an invented switch.
const PORTS: &str = "\
# Ports of an invented switch.
Value Required PORT (\\S+\\d)
Value MTU (\\d+)
Value STATE (up|down)
Value List VLANS (\\d+)

Start
  ^port\\s+mtu\\s+state -> Ports
  ^\\s*$$
  ^. -> Error

Ports
  ^\\S -> Continue.Record
  ^${PORT}\\s+${MTU}\\s+${STATE}\\s*$$
  ^\\s+vlan ${VLANS}
  ^\\s*$$
  ^-- -> Next
  ^% -> Error \"the switch is ill\"
";

const OUTPUT: &str = "\
port  mtu   state
Gi0/1 1500  up
  vlan 10
  vlan 20
Gi0/2 9214  down
Te1/1 9214  up
total 3
";

const INDEX: &str = "\
Template, Hostname, Platform, Command
ports.textfsm, .*, northlake_ls, sh[[ow]] por[[ts]]
ports.textfsm, .*, cisco_ios, sh[[ow]] por[[ts]]
";

/// A directory with an index, a template and an output.
struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { directory: tempfile::tempdir().unwrap() };
        desk.write("mine/index", INDEX);
        desk.write("mine/ports.textfsm", PORTS);
        desk.write("output.txt", OUTPUT);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vty-mcp"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::new(self.command(arguments).output().unwrap())
    }

    /// The same with the templates of this desk in front.
    fn mine(&self, arguments: &[&str]) -> Said {
        self.run(&[&["--templates", "mine"], arguments].concat())
    }

    /// Parses the output by the command that the index knows.
    fn parse(&self, arguments: &[&str]) -> Said {
        let command = ["parse", "--platform", "northlake_ls", "--command", "show ports"];
        self.mine(&[&command, arguments].concat())
    }

    fn pipe(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Said::new(child.wait_with_output().unwrap())
    }
}

/// What the program said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    fn ok(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It ended with this code, said these things on standard error and none of them as an answer.
    #[track_caller]
    fn complained(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for part in parts {
            assert!(self.err.contains(part), "`{part}` is missing in {self:#?}");
        }
    }

    #[track_caller]
    fn answered(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.out.contains(part), "`{part}` is missing in {self:#?}");
        }
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

#[test]
fn help_is_what_was_reviewed() {
    let desk = Desk::new();
    for (name, arguments) in [
        ("help_parse", &["parse", "--help"][..]),
        ("help_templates", &["templates", "--help"]),
        ("help_templates_list", &["templates", "list", "--help"]),
        ("help_templates_which", &["templates", "which", "--help"]),
        ("help_templates_check", &["templates", "check", "--help"]),
        ("help_templates_test", &["templates", "test", "--help"]),
    ] {
        insta::assert_snapshot!(name, desk.run(arguments).ok().out);
    }
}

#[test]
fn an_explanation_names_for_each_line_the_rules_and_what_they_did() {
    let desk = Desk::new();
    insta::assert_snapshot!("explain", desk.parse(&["output.txt", "--explain"]).ok().out);
}

#[test]
fn an_explanation_of_a_failure_ends_at_the_line_that_was_refused() {
    let desk = Desk::new();
    desk.write("ill.txt", OUTPUT.replace("Te1/1 9214  up", "% overheated"));
    let said = desk.parse(&["ill.txt", "--explain"]);
    said.complained(3, &["ill.txt:6:", "the switch is ill"]);
    insta::assert_snapshot!("explain_failure", said.out);
}
