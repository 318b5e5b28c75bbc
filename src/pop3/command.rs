//! Commands before login: the AUTHORIZATION state (RFC 1939 section 4, RFC 2449, 2595, 5034).

use crate::ids::UserName;
use crate::secret::Secret;

/// A command line of a client that has not logged in.
#[derive(Clone, Debug)]
pub enum AuthorizationCommand {
    /// USER with its name, as typed.
    User(UserName),
    /// PASS with everything behind its separator, blanks included.
    Pass(Secret),
    /// APOP, whatever its arguments.
    Apop,
    /// AUTH with a mechanism.
    Auth {
        /// Its name, in capitals.
        mechanism: String,
        /// The initial response in base64; empty where the client sent `=` (RFC 5034 section 4).
        initial: Option<Secret>,
    },
    /// AUTH alone: some old clients ask for the list of mechanisms so.
    AuthList,
    /// CAPA.
    Capa,
    /// STLS.
    Stls,
    /// QUIT.
    Quit,
    /// NOOP, which some clients send too early.
    Noop,
    /// A command of the TRANSACTION state, in capitals.
    TransactionOnly(String),
    /// Anything else.
    Unknown,
}

/// Why a known command could not be read: the client's fault. The text fits behind `-ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// USER without a name, PASS without a password.
    #[error("Argument missing")]
    MissingArgument,
    /// Something behind a command that takes nothing, or more than it takes.
    #[error("Too many arguments")]
    UnexpectedArgument,
}

impl AuthorizationCommand {
    /// Reads a line without its end. ASCII case of keywords does not matter.
    ///
    /// # Errors
    /// When a known command has too few or too many arguments.
    pub fn parse(line: &[u8]) -> Result<Self, CommandError> {
        let (keyword, argument) = split(line);
        let keyword = String::from_utf8_lossy(keyword).to_ascii_uppercase();
        match keyword.as_str() {
            "USER" => user(argument),
            "PASS" => pass(argument),
            "AUTH" => auth(argument),
            "APOP" => Ok(Self::Apop),
            "CAPA" => alone(argument, Self::Capa),
            "STLS" => alone(argument, Self::Stls),
            "NOOP" => alone(argument, Self::Noop),
            // Whatever stands behind it: who wants to leave may.
            "QUIT" => Ok(Self::Quit),
            "STAT" | "LIST" | "RETR" | "DELE" | "RSET" | "TOP" | "UIDL" | "LAST" => {
                Ok(Self::TransactionOnly(keyword))
            }
            _ => Ok(Self::Unknown),
        }
    }
}

/// The keyword, and what stands behind one separating space.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, b""),
    }
}

fn user(argument: &[u8]) -> Result<AuthorizationCommand, CommandError> {
    if argument.trim_ascii().is_empty() {
        return Err(CommandError::MissingArgument);
    }
    Ok(AuthorizationCommand::User(UserName::new(argument)))
}

/// A password may start, end or consist of blanks, so none is trimmed.
fn pass(argument: &[u8]) -> Result<AuthorizationCommand, CommandError> {
    if argument.is_empty() {
        return Err(CommandError::MissingArgument);
    }
    Ok(AuthorizationCommand::Pass(Secret::new(argument.to_vec())))
}

fn auth(argument: &[u8]) -> Result<AuthorizationCommand, CommandError> {
    let mut words = argument
        .split(|&b| b == b' ')
        .filter(|word| !word.is_empty());
    let Some(mechanism) = words.next() else {
        return Ok(AuthorizationCommand::AuthList);
    };
    let initial = words.next().map(|word| match word {
        b"=" => Secret::new(Vec::new()),
        base64 => Secret::new(base64.to_vec()),
    });
    if words.next().is_some() {
        return Err(CommandError::UnexpectedArgument);
    }
    Ok(AuthorizationCommand::Auth {
        mechanism: String::from_utf8_lossy(mechanism).to_ascii_uppercase(),
        initial,
    })
}

fn alone(
    argument: &[u8],
    command: AuthorizationCommand,
) -> Result<AuthorizationCommand, CommandError> {
    if argument.trim_ascii().is_empty() {
        Ok(command)
    } else {
        Err(CommandError::UnexpectedArgument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass_of(line: &[u8]) -> Vec<u8> {
        match AuthorizationCommand::parse(line) {
            Ok(AuthorizationCommand::Pass(secret)) => secret.expose().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    fn auth_of(line: &[u8]) -> (String, Option<Vec<u8>>) {
        match AuthorizationCommand::parse(line) {
            Ok(AuthorizationCommand::Auth { mechanism, initial }) => {
                (mechanism, initial.map(|secret| secret.expose().to_vec()))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_password_keeps_its_blanks() {
        assert_eq!(pass_of(b"PASS  two words "), b" two words ");
        assert_eq!(pass_of(b"pass \xe4\x01"), b"\xe4\x01");
    }

    #[test]
    fn a_name_stays_as_typed() {
        let Ok(AuthorizationCommand::User(name)) = AuthorizationCommand::parse(b"uSeR  Ann@x ")
        else {
            panic!("not USER");
        };
        assert_eq!(name.as_bytes(), b" Ann@x ");
    }

    #[test]
    fn an_equals_sign_is_an_empty_initial_response() {
        assert_eq!(auth_of(b"AUTH plain"), ("PLAIN".into(), None));
        assert_eq!(auth_of(b"AUTH PLAIN ="), ("PLAIN".into(), Some(vec![])));
        assert_eq!(
            auth_of(b"auth PLAIN AGE=="),
            ("PLAIN".into(), Some(b"AGE==".to_vec()))
        );
        assert!(matches!(
            AuthorizationCommand::parse(b"AUTH "),
            Ok(AuthorizationCommand::AuthList)
        ));
    }

    #[test]
    fn missing_and_surplus_arguments_are_told_apart() {
        for line in ["USER", "USER  ", "PASS", "PASS "] {
            let error = AuthorizationCommand::parse(line.as_bytes()).unwrap_err();
            assert_eq!(error, CommandError::MissingArgument, "{line}");
        }
        for line in ["AUTH PLAIN a b", "STLS now", "CAPA all"] {
            let error = AuthorizationCommand::parse(line.as_bytes()).unwrap_err();
            assert_eq!(error, CommandError::UnexpectedArgument, "{line}");
        }
    }

    #[test]
    fn commands_of_the_transaction_state_are_known_and_others_are_not() {
        assert!(
            matches!(AuthorizationCommand::parse(b"retr 1"), Ok(AuthorizationCommand::TransactionOnly(verb)) if verb == "RETR")
        );
        for line in [
            "",
            "GET / HTTP/1.1",
            "USERNAME x",
            " USER x",
            "XCLIENT ADDR=1",
        ] {
            assert!(
                matches!(
                    AuthorizationCommand::parse(line.as_bytes()),
                    Ok(AuthorizationCommand::Unknown)
                ),
                "{line}"
            );
        }
    }

    #[test]
    fn debug_output_hides_passwords() {
        let shown = format!("{:?}", AuthorizationCommand::parse(b"PASS hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
