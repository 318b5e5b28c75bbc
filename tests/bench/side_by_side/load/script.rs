//! What a mail program does in a session, step by step.

use popgate::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The first step of each session: nothing is sent.
    Greeting,
    User,
    Pass,
    /// Sends PASS and leaves the answer open: the session stays as it waits.
    PassAndStay,
    /// A command whose answer is one line.
    Ask(&'static str),
    /// A command whose answer has a body.
    Fetch(&'static str),
    Pause(Duration),
    /// The session stays as it is.
    Stay,
}

/// Connect, log in, look, leave.
pub(crate) const SHORT: &[Step] = &[
    Step::Greeting,
    Step::User,
    Step::Pass,
    Step::Ask("STAT"),
    Step::Ask("QUIT"),
];

/// A short session with a while in it.
pub(crate) const LINGERING: &[Step] = &[
    Step::Greeting,
    Step::User,
    Step::Pass,
    Step::Ask("STAT"),
    Step::Pause(Duration::from_millis(5)),
    Step::Ask("QUIT"),
];

/// Logs in and stays.
pub(crate) const IDLE: &[Step] = &[Step::Greeting, Step::User, Step::Pass, Step::Stay];

/// Waits for its turn.
pub(crate) const WAITING: &[Step] = &[Step::Greeting, Step::User, Step::PassAndStay];

/// A session that lasts a while, as of a program with mail to fetch.
pub(crate) const FETCHING: &[Step] = &[
    Step::Greeting,
    Step::User,
    Step::Pass,
    Step::Ask("STAT"),
    Step::Fetch("RETR 1"),
    Step::Pause(Duration::from_millis(50)),
    Step::Ask("QUIT"),
];

impl Step {
    /// The line that is sent, if one is.
    pub(crate) fn line(self, user: &str) -> Option<String> {
        match self {
            Self::User => Some(format!("USER {user}\r\n")),
            Self::Pass | Self::PassAndStay => Some("PASS secret\r\n".to_owned()),
            Self::Ask(command) | Self::Fetch(command) => Some(format!("{command}\r\n")),
            Self::Greeting | Self::Pause(_) | Self::Stay => None,
        }
    }

    pub(crate) const fn has_body(self) -> bool {
        matches!(self, Self::Fetch(_))
    }
}
