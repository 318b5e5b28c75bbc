//! The token of the admin port: a file that the gate makes, and whoever may command it can read.

use crate::access::{advice, whose_to_read};
use crate::limits::{TOKEN_FILE_MAX, TOKEN_LENGTH_MIN, TOKEN_OCTETS};
use crate::secret::Secret;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a request to the API has to show.
#[derive(Clone, Debug)]
pub struct Token(Secret);

/// A token and how it was come by.
#[derive(Debug)]
pub struct Found {
    /// The token of the file.
    pub token: Token,
    /// What the operator should know about the file, a sentence.
    pub notice: Option<String>,
}

/// A token file that cannot be used: the operator's to put right.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is there, and cannot be read.
    #[error("the token file `{}` cannot be read: {source}{}", .file.display(), rights(.file, .source))]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not there, and cannot be made.
    #[error("the token file `{}` cannot be made: {source}{}", .file.display(), advice(.file, .source))]
    CannotMake {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What it holds is no token.
    #[error(
        "the token file `{}` {why}\nhint: remove it and start popgate, which makes a new one",
        .file.display()
    )]
    NoToken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        why: String,
    },
}

/// A command that finds no token has nothing to make.
fn rights(file: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => whose_to_read(file),
        _ => String::new(),
    }
}

impl Token {
    /// What the gate does when it starts: reads `file`, or makes it where it is absent.
    ///
    /// # Errors
    /// The file can neither be read nor made, or holds no token.
    pub fn read_or_make(file: &Path) -> Result<Found, TokenError> {
        match Self::read(file) {
            Err(TokenError::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                let token = make(file).map_err(|source| TokenError::CannotMake {
                    file: file.to_owned(),
                    source,
                })?;
                let notice = format!("created a token for the admin port: {}", file.display());
                Ok(Found {
                    token,
                    notice: Some(notice),
                })
            }
            found => found,
        }
    }

    /// What the command line does: reads `file`.
    ///
    /// # Errors
    /// The file cannot be read, or holds no token.
    pub fn read(file: &Path) -> Result<Found, TokenError> {
        let unreadable = |source| TokenError::Unreadable {
            file: file.to_owned(),
            source,
        };
        let mut open = File::open(file).map_err(unreadable)?;
        let mode = open.metadata().map_err(unreadable)?.permissions().mode();
        let mut text = Zeroizing::new(Vec::new());
        let read = (&mut open).take(TOKEN_FILE_MAX).read_to_end(&mut text);
        read.map_err(unreadable)?;
        let token = Self::parse(text.trim_ascii()).map_err(|why| TokenError::NoToken {
            file: file.to_owned(),
            why,
        })?;
        Ok(Found {
            token,
            notice: exposure(file, mode),
        })
    }

    /// Whether `given` is it. How long that takes tells nothing about how much of it is right.
    #[must_use]
    pub fn is(&self, given: &[u8]) -> bool {
        verify_slices_are_equal(self.0.expose(), given).is_ok()
    }

    /// The value of an `Authorization` header that shows it (RFC 6750 section 2.1).
    #[must_use]
    pub fn bearer(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([b"Bearer ", self.0.expose()].concat())
    }

    /// What a header can carry: `b64token` of RFC 6750 section 2.1.
    fn parse(text: &[u8]) -> Result<Self, String> {
        let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(b);
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if !text.iter().all(fits) {
            let why = "holds something else than one word of letters, digits and -._~+/=";
            return Err(why.to_owned());
        }
        if text.len() as u64 >= TOKEN_FILE_MAX {
            return Err("is longer than a token can be".to_owned());
        }
        if text.len() < TOKEN_LENGTH_MIN {
            return Err(format!(
                "holds a token of less than {TOKEN_LENGTH_MIN} characters, which can be guessed"
            ));
        }
        Ok(Self(Secret::new(text.to_vec())))
    }
}

/// A gate that ran yesterday runs today, so this is told and not refused. A group may be meant.
fn exposure(file: &Path, mode: u32) -> Option<String> {
    let file = file.display();
    (mode & 0o006 != 0).then(|| {
        format!(
            "everybody on this machine can read or write the admin port's token: \
             chmod o-rwx {file}, and better remove it and restart, for a new one"
        )
    })
}

fn make(file: &Path) -> io::Result<Token> {
    let mut octets = Zeroizing::new([0; TOKEN_OCTETS]);
    SystemRandom::new()
        .fill(&mut *octets)
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*octets));
    let mut options = OpenOptions::new();
    let mut open = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    let written = writeln!(open, "{}", *text).and_then(|()| open.sync_all());
    if let Err(error) = written {
        // Half a token would stop the next start.
        let _ = fs::remove_file(file);
        return Err(error);
    }
    Ok(Token(Secret::new(text.as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;

    const GOOD: &str = "abcdefghijklmnopqrstuvwxyz-._~+/0123456789==";

    fn read(content: &[u8]) -> Result<Found, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        Token::read(&file)
    }

    #[test]
    fn a_token_that_is_absent_is_made_for_its_owner_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("admin.token");
        let made = Token::read_or_make(&file).unwrap();
        assert!(made.notice.unwrap().starts_with("created a token"));
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        let line = text.strip_suffix('\n').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(line).unwrap().len(), 32);
        let again = Token::read_or_make(&file).unwrap();
        assert_eq!(again.notice, None);
        assert!(made.token.is(line.as_bytes()) && again.token.is(line.as_bytes()));
    }

    #[test]
    fn no_two_tokens_are_alike() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name| {
            Token::read_or_make(&folder.path().join(name))
                .unwrap()
                .token
        };
        assert!(!make("one").is(make("other").0.expose()));
    }

    #[test]
    fn all_of_a_token_counts_and_nothing_else() {
        let token = read(format!("{GOOD}\r\n").as_bytes()).unwrap().token;
        assert!(token.is(GOOD.as_bytes()));
        let short = &GOOD.as_bytes()[1..];
        for wrong in [&b""[..], short, &GOOD.as_bytes()[..40], &[0; 44]] {
            assert!(!token.is(wrong));
        }
        assert_eq!(*token.bearer(), format!("Bearer {GOOD}").into_bytes());
    }

    #[test]
    fn a_file_without_a_token_is_an_error_that_says_what_to_do() {
        for (content, why) in [
            (&b""[..], "is empty"),
            (b" \n", "is empty"),
            (b"secret\n", "less than 32 characters"),
            (&[GOOD, "\n", GOOD].concat().into_bytes(), "something else"),
            (&[0xff; 64], "something else"),
            (&[b'a'; 2_000], "is longer than"),
        ] {
            let told = read(content).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
            assert!(told.contains("hint: remove it and start popgate"));
        }
    }

    #[test]
    fn a_file_that_everybody_can_read_is_told_of_and_works() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, GOOD).unwrap();
        for (mode, told) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let found = Token::read_or_make(&file).unwrap();
            assert_eq!(found.notice.is_some(), told, "{mode:o}");
        }
    }

    #[test]
    fn a_place_where_no_file_can_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nowhere/token");
        let told = Token::read_or_make(&file).unwrap_err().to_string();
        assert!(told.contains("nowhere/token` cannot be made: No such file"));
        let told = Token::read(folder.path()).unwrap_err().to_string();
        assert!(told.contains("cannot be read: Is a directory"));
    }
}
