//! What is asked of each platform, and what its simulated device prints according to its own
//! table of commands.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};
use vty_mcp::lab::Personality;
use vty_mcp::platform::{Platforms, SecretUse};

use super::device::NAME;

const USER: &str = "lab";

/// One platform's part of `cases.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing about a platform")]
pub(super) struct Case {
    #[serde(skip)]
    pub(super) name: String,
    #[serde(skip)]
    lab_device: Table,
    mode: String,
    pub(super) prompt: String,
    pub(super) short: String,
    short_is: Option<(String, String)>,
    pub(super) long: String,
    long_is: Option<(String, String)>,
    pub(super) refused: Vec<Refused>,
    pub(super) configuration: Option<String>,
    own: Own,
    pub(super) log: String,
    #[serde(default)]
    lab: String,
    /// The driver's name of the mode in which a login lands, where it is not the one of reading.
    pub(super) lands: Option<String>,
    #[serde(default)]
    pub(super) unwalked: Vec<String>,
    #[serde(default)]
    pub(super) starts: Vec<Start>,
    #[serde(default)]
    pub(super) unreachable: Vec<String>,
    #[serde(default)]
    residue: Vec<String>,
    /// Whether the platform file tells lines that a device writes on its own from output.
    #[serde(default = "yes")]
    pub(super) knows_logs: bool,
    #[serde(default)]
    pub(super) second_login: bool,
    #[serde(default)]
    pub(super) license: bool,
    #[serde(default)]
    pub(super) keeps_password: bool,
    #[serde(skip)]
    pub(super) hostname: String,
    taught_in: Option<String>,
    prompt_drawn: Option<String>,
    /// Whether the device draws its prompt over text without a line end.
    #[serde(default)]
    pub(super) paints_over: bool,
}

fn yes() -> bool {
    true
}

/// A command that the device refuses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    pub(super) command: String,
    pub(super) kind: String,
    says: String,
    /// What the device names; the last word where absent.
    token: Option<String>,
}

/// A mode in which a session may begin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(rename = "in")]
    pub(super) lab_mode: String,
    pub(super) mode: String,
    #[serde(default)]
    pub(super) modes: Vec<String>,
}

/// The words of the suite's own commands: all in one, or how they start.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Own {
    Start(String),
    Each([String; 6]),
}

/// A command that the suite teaches the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taught {
    /// Blanks and TABs where a careless reader trims them.
    Blanks,
    /// Lines that look like prompts.
    Quotes,
    /// Text without an end of line.
    Open,
    /// No output.
    Nothing,
    /// Output that goes on until it is interrupted.
    Endless,
    /// A line much longer than 80 columns.
    Wide,
}

const TAUGHT: [(Taught, &str); 6] = [
    (Taught::Blanks, "blanks"),
    (Taught::Quotes, "quotes"),
    (Taught::Open, "open"),
    (Taught::Nothing, "nothing"),
    (Taught::Endless, "endless"),
    (
        Taught::Wide,
        "a-name-that-is-much-longer-than-any-interface-has ever-been-given-by-anybody-at-all",
    ),
];

/// Every case, sorted by platform.
pub(super) fn all() -> Vec<Case> {
    let cases: BTreeMap<String, Case> = toml::from_str(include_str!("cases.toml")).unwrap();
    let named = |(name, case): (String, Case)| {
        let source = format!("{}{}", Personality::source(&name).unwrap(), case.lab);
        let lab_device = source.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        Case { name, lab_device, hostname: NAME.to_owned(), ..case }
    };
    cases.into_iter().map(named).collect()
}

impl Case {
    /// The words of a taught command.
    pub(super) fn taught(&self, which: Taught) -> String {
        let at = TAUGHT.iter().position(|(taught, _)| *taught == which).unwrap();
        match &self.own {
            Own::Start(start) => format!("{start} {}", TAUGHT[at].1),
            Own::Each(words) => words[at].clone(),
        }
    }

    /// What a taught command prints.
    pub(super) fn taught_text(&self, which: Taught) -> String {
        match which {
            Taught::Blanks => {
                "  two before\n\ta TAB before\nbetween\tthem\t.\ntwo behind  \na TAB behind\t\n\n  \n\nlast  \n"
                    .to_owned()
            }
            Taught::Quotes => self.lookalikes(),
            Taught::Open => "first\nno end of line at the end of this text".to_owned(),
            Taught::Nothing | Taught::Endless => String::new(),
            Taught::Wide => "wide\n".to_owned(),
        }
    }

    /// Lines that look like prompts of this device and of others, none of them its own.
    fn lookalikes(&self) -> String {
        let prompt = self.prompt_text();
        let mut text = String::from("look\n");
        for line in [
            "r2#",
            "r2(config)#",
            "r2>",
            "lab@r2> ",
            "A:lab@r2# ",
            "<r2>",
            "[r2]",
            "[lab@r2] > ",
            "lab@r2:~$ ",
            "r2 # ",
            "####",
            "$",
            ">",
            "#",
            "[edit]",
            "[/]",
            "--{ running }--[  ]--",
        ] {
            text.push_str(line);
            text.push('\n');
        }
        format!("{text}text before {prompt}\n  {prompt}\nlast\n")
    }

    /// A configuration that quotes the prompt of its own device, whole and with what was typed.
    pub(super) fn configuration_text(&self) -> String {
        let prompt = self.prompt_text();
        let above = self.above();
        let above = above.trim_start_matches('\n');
        // What is drawn on the prompt's own line belongs to no text.
        let above =
            above.rsplit_once('\n').map_or(String::new(), |(lines, _)| format!("{lines}\n"));
        format!(
            "banner motd X\n{above}{prompt}\n{above}{prompt}show version\n\n{above}{prompt}\nX\n  tail {prompt}\n{above}{prompt}\n"
        )
    }

    /// The TOML of the device with what the suite teaches it.
    pub(super) fn personality(&self, paged: bool) -> String {
        let mut device = self.lab_device.clone();
        let commands = device["commands"].as_array_mut().unwrap();
        for (which, _) in TAUGHT {
            let mut command = Table::new();
            command.insert("words".to_owned(), self.taught(which).into());
            let mode = self.taught_in.as_ref().unwrap_or(&self.mode);
            command.insert("in".to_owned(), vec![mode.clone()].into());
            if which == Taught::Endless {
                let mut endless = Table::new();
                endless.insert("line".to_owned(), "again and again {n}\n".into());
                endless.insert("every_ms".to_owned(), 20.into());
                endless.insert("summary".to_owned(), "\nthat was all\n".into());
                command.insert("endless".to_owned(), endless.into());
            } else {
                command.insert("output".to_owned(), self.taught_text(which).into());
            }
            commands.push(Value::Table(command));
        }
        if paged {
            let paging = device["paging"].as_table_mut().unwrap();
            paging.insert("height".to_owned(), 24.into());
        }
        toml::to_string(&device).unwrap()
    }

    /// The same device under another name.
    pub(super) fn called(&self, hostname: &str) -> Self {
        let prompt = self.prompt.replacen(NAME, hostname, 1);
        Self { hostname: hostname.to_owned(), prompt, ..self.clone() }
    }

    /// Whether the device has words to ask for a privileged password.
    pub(super) fn asks_secret(&self) -> bool {
        self.lab_device.get("password").is_some_and(|dialog| dialog.get("prompt").is_some())
    }

    /// Whether the way from the login to the mode of reading asks for a privileged password.
    pub(super) fn needs_secret(&self) -> bool {
        let platforms = Platforms::embedded();
        let platform = platforms.get(&platforms.resolve(&self.name).unwrap()).unwrap();
        let mut modes = platform.modes.iter();
        let lands = modes.find(|mode| self.lands.as_deref() == Some(mode.name.as_str()));
        let home = &platform.default_mode;
        let path = lands.and_then(|from| platform.path(&from.name, home)).unwrap_or_default();
        path.iter().any(|step| step.secret != SecretUse::None) && self.asks_secret()
    }

    /// The same device, on which a session begins in another of its modes.
    pub(super) fn starting_in(&self, lab_mode: &str) -> Self {
        let mut case = self.clone();
        case.lab_device.insert("login_mode".to_owned(), lab_mode.into());
        case
    }

    /// What the driver must read of the short command.
    pub(super) fn short_text(&self) -> String {
        self.answer(&self.short, self.short_is.as_ref())
    }

    /// What the driver must read of the long command.
    pub(super) fn long_text(&self) -> String {
        self.answer(&self.long, self.long_is.as_ref())
    }

    /// What the driver must read when this is what a command prints: the device's own header before
    /// it, and the blank line that some devices draw above every prompt behind it.
    pub(super) fn read(&self, printed: &str) -> String {
        let header = self.lab_device.get("output_header").and_then(Value::as_str).unwrap_or("");
        self.above_prompt(&format!("{}{printed}", self.expand(header)))
    }

    /// What the driver must read of a command that is refused.
    pub(super) fn refusal_text(&self, refused: &Refused) -> String {
        let line = refused.command.as_str();
        let last = line.rsplit(' ').next().unwrap();
        let token = refused.token.as_deref().unwrap_or(last);
        let place =
            if refused.says == "incomplete" { line.len() } else { line.len() - token.len() };
        let columns = self.prompt_text().chars().filter(|c| !c.is_control()).count();
        let template = self.lab_device["errors"][refused.says.as_str()].as_str().unwrap();
        let position = line.split(' ').count() - 1;
        let printed = template
            .replace("{caret}", &format!("{}^", " ".repeat(columns + place)))
            .replace("{token}", token)
            .replace("{position}", &position.to_string())
            .replace("{completions}", &self.completions(line))
            .replace("{line}", line);
        self.above_prompt(&printed)
    }

    /// The keywords that an abbreviation may stand for, as a device lists them.
    fn completions(&self, line: &str) -> String {
        let (before, token) = line.rsplit_once(' ').unwrap_or((line, ""));
        let mut words: Vec<&str> = Vec::new();
        for command in self.commands(&self.mode) {
            let known = command["words"].as_str().unwrap();
            let rest = known.strip_prefix(before).and_then(|rest| rest.strip_prefix(' '));
            let word = rest.and_then(|rest| rest.split(' ').next()).unwrap_or("");
            if !token.is_empty() && word.starts_with(token) && !words.contains(&word) {
                words.push(word);
            }
        }
        words.sort_unstable();
        words.into_iter().flat_map(|word| ["  ", word, "\n"]).collect()
    }

    fn answer(&self, command: &str, known_as: Option<&(String, String)>) -> String {
        let (words, mode) = known_as
            .map_or((command, self.mode.as_str()), |(words, mode)| (words.as_str(), mode.as_str()));
        let command = self.commands(mode).find(|known| known["words"].as_str() == Some(words));
        let command = command.unwrap_or_else(|| panic!("{}: no `{words}`", self.name));
        let mut text = command.get("output").and_then(Value::as_str).unwrap_or("").to_owned();
        if let Some(repeat) = command.get("repeat") {
            let count = repeat["count"].as_integer().unwrap();
            for n in 1..=count {
                let line = repeat["line"].as_str().unwrap();
                let line = line
                    .replace("{n}", &n.to_string())
                    .replace("{octet}", &(n % 256).to_string())
                    .replace("{mmss}", &format!("{:02}:{:02}", n / 60 % 60, n % 60));
                text.push_str(&line);
                text.push('\n');
            }
        }
        self.read(&self.expand(&self.clean(&text)))
    }

    /// What the device has for a command in the mode of reading, where it knows it in these words.
    pub(super) fn printed(&self, words: &str) -> Option<String> {
        let same = |known: &&Table| {
            let known = known["words"].as_str().unwrap();
            known.trim_start_matches('/') == words.trim_start_matches('/')
        };
        let text = self.commands(&self.mode).find(same)?.get("output")?.as_str()?;
        Some(self.clean(text))
    }

    /// A text without what only moves the cursor.
    fn clean(&self, text: &str) -> String {
        self.residue.iter().fold(text.to_owned(), |text, residue| text.replace(residue, ""))
    }

    /// The commands of a mode and of those it inherits from.
    fn commands(&self, mode: &str) -> impl Iterator<Item = &Table> {
        let mut modes = vec![mode.to_owned()];
        while let Some(next) = self.lab_device["modes"][modes[modes.len() - 1].as_str()]
            .get("inherits")
            .and_then(Value::as_str)
        {
            modes.push(next.to_owned());
        }
        let commands = self.lab_device["commands"].as_array().unwrap();
        let commands = commands.iter().filter_map(Value::as_table);
        commands.filter(move |command| {
            let known = command.get("in").or_else(|| self.lab_device.get("operational"));
            let known = known.and_then(Value::as_array).unwrap();
            known.iter().filter_map(Value::as_str).any(|mode| modes.iter().any(|m| m == mode))
        })
    }

    fn lab_mode(&self, key: &str) -> String {
        let mode = &self.lab_device["modes"][self.mode.as_str()];
        self.expand(mode.get(key).and_then(Value::as_str).unwrap_or(""))
    }

    /// The prompt as the device writes it.
    fn prompt_text(&self) -> String {
        let drawn = self.prompt_drawn.clone().unwrap_or_else(|| self.lab_mode("prompt"));
        drawn.trim_start_matches('\r').to_owned()
    }

    /// What the device draws above its prompt.
    fn above(&self) -> String {
        self.lab_mode("before")
    }

    /// Devices that draw a blank line above every prompt draw it as the last line of every answer.
    pub(super) fn above_prompt(&self, printed: &str) -> String {
        let above = self.above();
        let blank = above.len() - above.trim_start_matches('\n').len();
        format!("{printed}{}", "\n".repeat(blank))
    }

    fn expand(&self, text: &str) -> String {
        text.replace("{hostname}", &self.hostname)
            .replace("{user}", USER)
            .replace("{role}", "")
            .replace("{role_line}", "")
            .replace("{window}", "")
            .replace("{arg}", "")
    }
}
