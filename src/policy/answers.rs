//! The judgement over answers that a caller wants to give to questions of a device.
//!
//! A reading command may ask whether to go on; nothing else may be answered. Both sides are judged:
//! the answer when it is given, and the question when the device really asks it.

use super::Refusal;

/// Most answers for one command.
const MOST: usize = 5;
/// What names a question must have a word of so many letters, so that it is no mere `#` or `]`.
const LEAST_LETTERS: usize = 4;
/// Longest text of a question that is named, in characters.
const QUESTION: usize = 200;
/// What may be answered, in small letters: going on or not, and choosing from a list.
const WORDS: &[&str] = &["", "y", "yes", "n", "no", "q", "quit", "a", "all", "c", "continue"];
/// What a question that would change something speaks of.
const GRAVE: &[&str] = &[
    "erase",
    "delete",
    "remove",
    "overwrite",
    "format",
    "reload",
    "reboot",
    "restart",
    "reset",
    "shutdown",
    "shut down",
    "halt",
    "power",
    "commit",
    "save",
    "write",
    "copy",
    "destination",
    "source filename",
    "upgrade",
    "install",
    "clear",
    "discard",
    "password",
    "passphrase",
    "secret",
    "username",
    "user name",
    "login",
    "passcode",
    "pin code",
    "token",
    "zeroize",
    "factory",
    "uncommitted",
    "modified",
    "replace",
    "rollback",
    "roll back",
    "switchover",
    "failover",
    "generate",
    "crypto",
];

/// An answer to a question that a command may raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Text that the question contains.
    pub question: String,
    /// What is typed, before Enter.
    pub answer: String,
}

impl From<(String, String)> for GivenAnswer {
    /// Pairs a question with its answer.
    fn from((question, answer): (String, String)) -> Self {
        Self { question, answer }
    }
}

impl GivenAnswer {
    /// Says whether the device asks what this answers.
    pub(super) fn is_meant_by(&self, question: &str) -> bool {
        question.to_ascii_lowercase().contains(&self.question.trim().to_ascii_lowercase())
    }
}

/// Judges answers before a device is contacted.
pub(super) fn judge(answers: &[GivenAnswer]) -> Result<(), Refusal> {
    for (index, given) in answers.iter().enumerate() {
        let shown = given.question.chars().filter(|c| (' '..='~').contains(c)).take(QUESTION);
        let refuse = |problem| Err(Refusal::Answer { question: shown.collect(), problem });
        let answer = given.answer.to_ascii_lowercase();
        let number = answer.len() <= 4 && answer.bytes().all(|byte| byte.is_ascii_digit());
        if index >= MOST {
            return refuse("is one too many; at most 5 go with a call");
        }
        if given.question.trim().is_empty() {
            return refuse("names no question");
        }
        let letters = |word: &str| word.chars().filter(char::is_ascii_alphabetic).count();
        if !given.question.split_whitespace().any(|word| letters(word) >= LEAST_LETTERS) {
            return refuse("names too little of the question; give a word of four letters or more");
        }
        if !(number || WORDS.contains(&answer.as_str())) {
            return refuse("must be yes, no, all, continue, quit, a number or empty");
        }
        if is_grave(&given.question) {
            return refuse("is refused, because the question is about a change or a credential");
        }
    }
    Ok(())
}

/// Says whether a question is about more than going on.
pub(super) fn is_grave(question: &str) -> bool {
    let question = question.to_ascii_lowercase();
    GRAVE.iter().any(|word| {
        question.match_indices(word).any(|(at, _)| {
            // Only where a word begins, so that `keyboard` is none and `saved` is one.
            let before = question.get(..at).and_then(|text| text.chars().next_back());
            !before.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(question: &str, answer: &str, allowed: bool) {
        let given = GivenAnswer { question: question.to_owned(), answer: answer.to_owned() };
        assert_eq!(judge(&[given]).is_ok(), allowed, "{question} {answer:?}");
    }

    #[test]
    fn only_going_on_may_be_answered() {
        check("This could be a few minutes if your config is large. Confirm? [y/n]", "y", true);
        check("Press any key to continue", "", true);
        check("Which member?", "2", true);
        check("Continue?", "configure terminal", false);
        check("Continue?", "y\nreload", false);
        check("  ", "y", false);
        check("#", "1", false);
        check("[y/n]", "y", false);
        check("Proceed with reload? [confirm]", "y", false);
        check("Delete filename [x]?", "", false);
        check("Password:", "1234", false);
        check("Save? [yes/no]", "no", false);
        check("configuration saved? continue", "y", false);
    }

    #[test]
    fn the_question_that_is_really_asked_is_judged_too() {
        assert!(is_grave("Erase of nvram: complete? [confirm]"));
        assert!(is_grave("Overwrite the previous NVRAM configuration?[confirm]"));
        assert!(!is_grave("Show all 4000 entries? [y/n]"));
    }
}
