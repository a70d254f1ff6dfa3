//! Recorded exchanges with a device: the test cases of a platform file.

/// What a device said, in the order in which it was asked.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// What the recording shows.
    pub name: String,
    /// What the device sends on its own after login.
    pub greeting: String,
    /// The enable secret that the recording used (a made-up one).
    pub enable_secret: Option<String>,
    /// The lines sent and their answers, in order.
    pub exchanges: Vec<Exchange>,
    /// The command that is run last.
    pub command: String,
    /// The exact output that the command must return.
    pub output: String,
}

/// One line sent and what comes back, echo and prompt included.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What is sent, with its newline.
    pub sent: String,
    /// What the device answers.
    pub reply: String,
}
