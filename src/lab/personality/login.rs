//! What a device asks inside the shell before its first prompt: `[[login]]`.

use serde::Deserialize;

/// A question before the first prompt.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::lab) struct LoginQuestion {
    pub(in crate::lab) prompt: String,
    #[serde(default)]
    pub(in crate::lab) wants: Wants,
    /// One key is the answer, without Enter.
    #[serde(default)]
    pub(in crate::lab) key: bool,
    /// The answer is not echoed, as a password never is.
    #[serde(default)]
    pub(in crate::lab) hidden: bool,
    /// Answers that lead on; empty: any answer.
    #[serde(default)]
    pub(in crate::lab) yes: Vec<String>,
    /// Printed after any other answer.
    #[serde(default)]
    pub(in crate::lab) refused: String,
    /// The fault without which it is not asked.
    pub(in crate::lab) only_with: Option<Switch>,
}

impl LoginQuestion {
    pub(in crate::lab) fn is_hidden(&self) -> bool {
        self.hidden || self.wants == Wants::Password
    }

    fn generic(switch: Switch, prompt: &str, wants: Wants, refused: &str) -> Self {
        Self {
            prompt: prompt.to_owned(),
            wants,
            key: false,
            hidden: switch == Switch::ChangePassword,
            yes: Vec::new(),
            refused: refused.to_owned(),
            only_with: Some(switch),
        }
    }
}

/// What a question before the first prompt wants to hear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::lab) enum Wants {
    /// The name of the user who logged in.
    Username,
    /// That user's password.
    Password,
    /// Any text, or one of the answers that lead on.
    #[default]
    Any,
    /// Nothing but Enter or, where one key is the answer, that key.
    None,
}

/// A fault that makes a device ask more before its first prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::lab) enum Switch {
    SecondLogin,
    License,
    ChangePassword,
}

impl Switch {
    pub(in crate::lab) const ALL: [Self; 3] =
        [Self::SecondLogin, Self::License, Self::ChangePassword];

    /// What a device asks whose personality has no words for it.
    pub(in crate::lab) fn generic(self) -> Vec<LoginQuestion> {
        let ask = |prompt, wants, refused| LoginQuestion::generic(self, prompt, wants, refused);
        match self {
            Self::SecondLogin => vec![
                ask("Username: ", Wants::Username, ""),
                ask("Password: ", Wants::Password, "% Login invalid\n\n"),
            ],
            Self::License => {
                vec![ask("Do you want to see the software license? [Y/n]: ", Wants::Any, "")]
            }
            Self::ChangePassword => {
                vec![ask("You must change your password\nNew password: ", Wants::Any, "")]
            }
        }
    }
}
