//! Turns a platform file into a [`Platform`] or into the list of everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use regex::{Regex, RegexBuilder};

use super::file::{
    AnswerFile, ArgumentFile, BlockFile, CountsFile, DetectFile, DialogFile, EchoFile, FailureFile,
    FailureKindFile, HangFile, ModeFile, PagerFile, PlatformFile, ReadFile, SecretUseFile,
    ShowFile, TerminalFile, TranscriptFile, TransitionFile,
};
use super::validate_change::convert_change;
use super::{
    Answer, Argument, Block, Counts, Detect, Dialog, Echo, Exchange, FailureIndicator, FailureKind,
    Filter, Mode, ModeName, Pager, Platform, PlatformName, ReadGrammar, SecretUse, Setup,
    Structured, TerminalSetup, Transcript, Transition, Word,
};

/// A compiled pattern may not grow beyond this, whoever wrote the file.
const PATTERN_BYTES: usize = 1 << 20;

/// Collects problems, so that a file's author sees all of them at once.
#[derive(Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    pub(super) fn pattern(&mut self, place: &str, source: &str) -> Option<Regex> {
        match RegexBuilder::new(&ascii_classes(source)).size_limit(PATTERN_BYTES).build() {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.add(format!("{place}: {error}"));
                None
            }
        }
    }

    pub(super) fn patterns(&mut self, place: &str, sources: &[String]) -> Vec<Regex> {
        sources.iter().filter_map(|source| self.pattern(place, source)).collect()
    }

    /// Every case must match.
    fn cases(&mut self, place: &str, pattern: &Regex, cases: &[String]) {
        for case in cases.iter().filter(|case| !pattern.is_match(case)) {
            self.add(format!("{place}: the case `{case}` does not match `{pattern}`"));
        }
    }

    fn words(&mut self, place: &str, sources: &[String]) -> Vec<Word> {
        sources.iter().filter_map(|source| self.word(place, source)).collect()
    }

    fn word(&mut self, place: &str, source: &str) -> Option<Word> {
        let word = Word::parse(source);
        if word.is_none() {
            self.add(format!("{place}: `{source}` is no word such as `show` or `sh[[ow]]`"));
        }
        word
    }
}

/// Spells `\w` and `\d` as ASCII: names of devices are, and the Unicode classes make a pattern with
/// a counted repeat a thousand times larger.
fn ascii_classes(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut in_class = false;
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let class = match characters.next() {
                    Some('w') => "0-9A-Za-z_",
                    Some('d') => "0-9",
                    other => {
                        out.push('\\');
                        out.extend(other);
                        continue;
                    }
                };
                if in_class { out.push_str(class) } else { out.extend(["[", class, "]"]) }
            }
            '[' => {
                in_class = true;
                out.push(character);
            }
            ']' => {
                in_class = false;
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}

/// What a file says that inherits from a platform that answers in JSON and does not so itself.
const NO_JSON: &str = "none";

fn convert_structured(problems: &mut Problems, show: &ShowFile) -> Option<Structured> {
    let (leaf, row) = (&show.structured_leaf, &show.structured_row);
    for (key, value) in
        [("structured", &show.structured), ("structured_leaf", leaf), ("structured_row", row)]
    {
        if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
            let remedy = format!("write `structured = \"{NO_JSON}\"` where there is no JSON");
            problems.add(format!("show: `{key}` is empty; {remedy}"));
        }
    }
    if show.structured.is_none() && (leaf.is_some() || row.is_some()) {
        problems.add("show: `structured_leaf` and `structured_row` need `structured`");
    }
    Some(Structured {
        suffix: show.structured.clone().filter(|suffix| suffix.trim() != NO_JSON)?,
        leaf: leaf.clone(),
        row: row.clone(),
    })
}

fn convert_interface_names(
    problems: &mut Problems,
    names: BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && !text.ends_with(|c: char| c.is_ascii_digit())
    };
    for (short, long) in &names {
        if !is_name(short) || !is_name(long) {
            problems.add(format!(
                "interface_names: `{short} = \"{long}\"` must be letters, as before the number of a port"
            ));
        }
    }
    names.into_iter().collect()
}

/// Converts the whole file.
pub(super) fn convert(name: &PlatformName, file: PlatformFile) -> Result<Platform, Vec<String>> {
    let mut problems = Problems::default();
    let modes: Vec<Mode> = file
        .modes
        .into_iter()
        .filter_map(|(name, mode)| convert_mode(&mut problems, name, mode))
        .collect();
    let change = file.change.map(|change| convert_change(&mut problems, change, &modes));
    let platform = Platform {
        name: name.clone(),
        title: file.title,
        aliases: file.aliases,
        default_mode: ModeName::new(file.default_mode),
        terminal: convert_terminal(file.terminal),
        detect: convert_detect(&mut problems, &file.detect),
        version_command: file.show.version.clone(),
        structured: convert_structured(&mut problems, &file.show),
        interface_names: convert_interface_names(&mut problems, file.interface_names),
        inherits: Vec::new(),
        hostname_limit: file.hostname_limit,
        modes,
        prompt_prelude: problems.patterns("prompt_prelude", &file.prompt_prelude),
        transitions: file
            .transitions
            .into_iter()
            .map(|transition| convert_transition(&mut problems, transition))
            .collect(),
        login: convert_dialog(&mut problems, "login", &file.login),
        setup: file
            .setup
            .into_iter()
            .map(|setup| Setup { send: setup.send, undo: setup.undo })
            .collect(),
        questions: convert_dialog(&mut problems, "questions", &file.questions),
        log_lines: problems.patterns("log_lines", &file.log_lines),
        hangs: file.hangs.iter().filter_map(|hang| convert_hang(&mut problems, hang)).collect(),
        blocks: file.blocks.iter().filter_map(|b| convert_block(&mut problems, b)).collect(),
        pagers: file.pagers.iter().filter_map(|p| convert_pager(&mut problems, p)).collect(),
        failures: file
            .failures
            .iter()
            .filter_map(|failure| convert_failure(&mut problems, failure))
            .collect(),
        read: convert_read(&mut problems, file.read),
        change,
        not_prompts: file.tests.not_prompts,
        transcripts: file.tests.transcripts.into_iter().map(convert_transcript).collect(),
    };
    check_modes(&mut problems, &platform);
    check_graph(&mut problems, &platform);
    if problems.0.is_empty() { Ok(platform) } else { Err(problems.0) }
}

fn convert_mode(problems: &mut Problems, name: String, file: ModeFile) -> Option<Mode> {
    let place = format!("modes.{name}");
    let prompt = problems.pattern(&place, &file.prompt)?;
    let above = match &file.above {
        Some(source) => Some(problems.pattern(&place, source)?),
        None => None,
    };
    let exclude = problems.patterns(&place, &file.exclude);
    Some(Mode { name: ModeName::new(name), prompt, above, exclude, cases: file.cases })
}

fn convert_terminal(file: TerminalFile) -> TerminalSetup {
    TerminalSetup {
        kind: file.kind,
        width: file.width,
        height: file.height,
        newline: file.newline,
        interrupt: file.interrupt,
        logout: file.logout,
        echo: match file.echo {
            EchoFile::Once => Echo::Once,
            EchoFile::MayRepeat => Echo::MayRepeat,
            EchoFile::None => Echo::None,
        },
        username_suffix: file.username_suffix,
    }
}

fn convert_detect(problems: &mut Problems, file: &DetectFile) -> Detect {
    Detect {
        ident: problems.patterns("detect.ident", &file.ident),
        banner: problems.patterns("detect.banner", &file.banner),
        version: problems.patterns("detect.version", &file.version),
    }
}

fn convert_hang(problems: &mut Problems, file: &HangFile) -> Option<Regex> {
    let line = problems.pattern("hangs", &file.line)?;
    problems.cases("hangs", &line, &file.cases);
    Some(line)
}

fn convert_block(problems: &mut Problems, file: &BlockFile) -> Option<Block> {
    let begins = problems.pattern("blocks", &file.begins)?;
    problems.cases("blocks", &begins, &file.cases);
    let ready = match &file.ready {
        Some(source) => Some(problems.pattern("blocks", source)?),
        None => None,
    };
    Some(Block { begins, ready, end: file.end.clone() })
}

fn convert_transition(problems: &mut Problems, file: TransitionFile) -> Transition {
    let place = format!("transition {} to {}", file.from, file.to);
    Transition {
        dialog: convert_dialog(problems, &place, &file.dialog),
        from: ModeName::new(file.from),
        to: ModeName::new(file.to),
        send: file.send,
        secret: match file.secret {
            SecretUseFile::None => SecretUse::None,
            SecretUseFile::Optional => SecretUse::Optional,
            SecretUseFile::Required => SecretUse::Required,
        },
    }
}

pub(super) fn convert_dialog(
    problems: &mut Problems,
    place: &str,
    files: &[DialogFile],
) -> Vec<Dialog> {
    let convert = |file: &DialogFile| {
        let answer = match &file.answer {
            AnswerFile::Username => Answer::Username,
            AnswerFile::Password => Answer::Password,
            AnswerFile::EnableSecret => Answer::EnableSecret,
            AnswerFile::Enter => Answer::Enter,
            AnswerFile::Yes => Answer::Yes,
            AnswerFile::No => Answer::No,
            AnswerFile::Key(key) => Answer::Key(key.clone()),
            AnswerFile::Text(text) => Answer::Text(text.clone()),
            AnswerFile::Report => Answer::Report,
        };
        let question = problems.pattern(place, &file.question)?;
        problems.cases(place, &question, &file.cases);
        Some(Dialog { question, answer })
    };
    files.iter().filter_map(convert).collect()
}

fn convert_pager(problems: &mut Problems, file: &PagerFile) -> Option<Pager> {
    let prompt = problems.pattern("pagers", &file.prompt)?;
    problems.cases("pagers", &prompt, &file.cases);
    Some(Pager { prompt, key: file.key.clone(), pads_screen: file.pads_screen })
}

fn convert_failure(problems: &mut Problems, file: &FailureFile) -> Option<FailureIndicator> {
    let line = problems.pattern("failures", &format!("^(?:{})", file.line))?;
    problems.cases("failures", &line, &file.cases);
    if file.cases.is_empty() {
        problems.add(format!("failures: `{}` has no case", file.line));
    }
    let kind = match file.kind {
        FailureKindFile::Syntax => FailureKind::Syntax,
        FailureKindFile::Incomplete => FailureKind::Incomplete,
        FailureKindFile::Ambiguous => FailureKind::Ambiguous,
        FailureKindFile::Authorization => FailureKind::Authorization,
        FailureKindFile::Locked => FailureKind::Locked,
        FailureKindFile::Commit => FailureKind::Commit,
        FailureKindFile::Other => FailureKind::Other,
    };
    let counts = match file.counts {
        CountsFile::First => Counts::First,
        CountsFile::Last => Counts::Last,
        CountsFile::Anywhere => Counts::Anywhere,
    };
    Some(FailureIndicator { line, kind, counts })
}

fn convert_read(problems: &mut Problems, file: ReadFile) -> ReadGrammar {
    let split = |text: &String| text.split_whitespace().map(str::to_ascii_lowercase).collect();
    let mut filters = Vec::new();
    for filter in &file.filters {
        let place = format!("read.filters {}", filter.word);
        let words = problems.words(&place, &filter.words);
        if (filter.argument == ArgumentFile::Words) == words.is_empty() {
            problems.add(format!("{place}: `words` and `argument = \"words\"` go together"));
        }
        let argument = match filter.argument {
            ArgumentFile::None => Argument::None,
            ArgumentFile::Text => Argument::Text,
            ArgumentFile::Words => Argument::Words(words),
        };
        if let Some(word) = problems.word(&place, &filter.word) {
            filters.push(Filter { word, argument });
        }
    }
    // Characters that chain, redirect or substitute are never punctuation, whatever a file says.
    for bad in
        file.punctuation.chars().filter(|c| !c.is_ascii_graphic() || ";&<>$`\\?!|\"".contains(*c))
    {
        problems.add(format!("read.punctuation: {bad:?} can never be let through"));
    }
    ReadGrammar {
        max_length: file.max_length,
        verbs: problems.words("read.verbs", &file.verbs),
        forms: file
            .forms
            .iter()
            .filter_map(|form| problems.pattern("read.forms", &format!("^(?:{form})$")))
            .collect(),
        punctuation: file.punctuation,
        quotes: file.quotes,
        alternation: file.alternation,
        deny: file.deny.iter().map(split).collect(),
        filters,
        forbidden_filters: file.forbidden_filters,
        configuration: problems.patterns("read.configuration", &file.configuration),
        whole_configuration: problems
            .patterns("read.whole_configuration", &file.whole_configuration),
        end_of_configuration: file
            .end_of_configuration
            .and_then(|source| problems.pattern("read.end_of_configuration", &source)),
        allowed: file.cases.allowed,
        refused: file.cases.refused,
    }
}

fn convert_transcript(file: TranscriptFile) -> Transcript {
    let exchanges = file
        .exchanges
        .into_iter()
        .map(|exchange| Exchange { sent: exchange.sent, reply: exchange.reply })
        .collect();
    Transcript {
        name: file.name,
        greeting: file.greeting,
        enable_secret: file.enable_secret,
        exchanges,
        command: file.command,
        output: file.output,
    }
}

/// Every prompt case belongs to its own mode alone, and no line of output is taken for a prompt.
fn check_modes(problems: &mut Problems, platform: &Platform) {
    for mode in &platform.modes {
        if mode.cases.is_empty() {
            problems.add(format!("modes.{}: no case, so nothing proves its prompt", mode.name));
        }
        for case in &mode.cases {
            let (above, line) = case.rsplit_once('\n').unwrap_or(("", case));
            if !mode.accepts(above, line) {
                problems.add(format!("modes.{}: its case `{case}` does not match", mode.name));
            }
            for other in platform.modes.iter().filter(|other| other.name != mode.name) {
                let outranked = mode.above.is_some() && other.above.is_none();
                if other.accepts(above, line) && !outranked {
                    problems.add(format!(
                        "modes.{}: its case `{case}` also matches mode {}",
                        mode.name, other.name
                    ));
                }
            }
        }
    }
    for line in &platform.not_prompts {
        if let Some(mode) = platform.mode_of("", line) {
            problems.add(format!("tests.not_prompts: `{line}` is taken for {}", mode.name));
        }
    }
}

/// Every name exists and the default mode can be reached from every mode.
fn check_graph(problems: &mut Problems, platform: &Platform) {
    let known: BTreeSet<&ModeName> = platform.modes.iter().map(|mode| &mode.name).collect();
    let ends = platform.transitions.iter().flat_map(|t| [&t.from, &t.to]);
    for name in ends.chain([&platform.default_mode]) {
        if !known.contains(name) {
            problems.add(format!("mode `{name}` is named and does not exist"));
        }
    }
    for mode in &platform.modes {
        if platform.path(&mode.name, &platform.default_mode).is_none() {
            problems.add(format!("no way leads from mode {} to the default mode", mode.name));
        }
    }
}

/// Finds the shortest way through the mode graph.
pub(super) fn shortest_path<'a>(
    transitions: &'a [Transition],
    from: &ModeName,
    to: &ModeName,
) -> Option<Vec<&'a Transition>> {
    let mut reached: HashMap<&ModeName, Vec<&'a Transition>> = HashMap::from([(from, Vec::new())]);
    let mut queue = VecDeque::from([from]);
    while let Some(mode) = queue.pop_front() {
        let path = reached.get(mode)?.clone();
        if mode == to {
            return Some(path);
        }
        for step in transitions.iter().filter(|step| step.from == *mode) {
            if !reached.contains_key(&step.to) {
                reached.insert(&step.to, path.iter().copied().chain([step]).collect());
                queue.push_back(&step.to);
            }
        }
    }
    None
}
