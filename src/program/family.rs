//! The families of programs that can be told apart, and how sure a guess is.

use crate::str_enum::str_enum;
use std::cmp::Ordering;
use std::fmt;

str_enum! {
    /// Programs that behave alike.
    Family {
        /// Nothing fits, or several do.
        Unknown = "unknown",
        /// Thunderbird on a desktop, from version 102.
        Thunderbird = "Thunderbird",
        /// K-9 Mail and Thunderbird for Android.
        K9 = "K-9 Mail",
        /// Evolution.
        Evolution = "Evolution",
        /// KMail.
        KMail = "KMail",
        /// Claws Mail and Sylpheed, which differ only in how they end.
        ClawsOrSylpheed = "Claws Mail or Sylpheed",
        /// Claws Mail.
        ClawsMail = "Claws Mail",
        /// Sylpheed.
        Sylpheed = "Sylpheed",
        /// FairEmail, and other programs on JavaMail or Angus Mail.
        JavaMail = "FairEmail or JavaMail",
        /// The mail app of the Android Open Source Project, and Samsung's.
        AndroidMail = "Android or Samsung Email",
        /// iOS Mail.
        IosMail = "iOS Mail",
        /// Outlook for Windows (classic).
        Outlook = "Outlook",
        /// fetchmail.
        Fetchmail = "fetchmail",
        /// getmail.
        Getmail = "getmail",
        /// mpop.
        Mpop = "mpop",
        /// curl.
        Curl = "curl",
        /// mutt and neomutt.
        Mutt = "mutt",
        /// alpine and PHP's imap, on the c-client library.
        CClient = "alpine or c-client",
        /// MailKit.
        MailKit = "MailKit",
        /// Programs on knadh/go-pop3.
        GoPop3 = "go-pop3",
        /// Scripts in Python, Perl or Ruby.
        Script = "a script",
        /// A proxy on the client's own machine that was not told of popgate.
        LocalProxy = "POPFile or another proxy",
        /// MailWasher and other notifiers, which look at the beginning of each message.
        Notifier = "a mail notifier",
    }
}

str_enum! {
    /// How sure a guess is.
    Confidence {
        /// Others do the same.
        Low = "low",
        /// Few others do the same.
        Medium = "medium",
        /// No other program that is known does the same.
        High = "high",
    }
}

impl PartialOrd for Confidence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Confidence {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

impl Family {
    /// The family that both are: the narrower one where one is part of the other.
    #[must_use]
    pub fn with(self, other: Self) -> Option<Self> {
        let is_part = |it| matches!(it, Self::ClawsMail | Self::Sylpheed);
        match (self, other) {
            (Self::ClawsOrSylpheed, narrow) | (narrow, Self::ClawsOrSylpheed)
                if is_part(narrow) =>
            {
                Some(narrow)
            }
            _ => (self == other).then_some(self),
        }
    }
}

/// Which program a client is thought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramGuess {
    /// The family.
    pub family: Family,
    /// How sure that is.
    pub confidence: Confidence,
}

impl ProgramGuess {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        family: Family::Unknown,
        confidence: Confidence::Low,
    };

    /// Whether the next session of the same client may be told by it.
    #[must_use]
    pub fn is_worth_remembering(self) -> bool {
        self.family != Family::Unknown && self.confidence >= Confidence::Medium
    }
}

impl fmt::Display for ProgramGuess {
    /// `Thunderbird (high)`, or `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family.as_str())?;
        if self.family != Family::Unknown {
            write!(f, " ({})", self.confidence.as_str())?;
        }
        Ok(())
    }
}
