//! One session of a program of the household, and what the program knows from one to the next.

use super::super::mail_client::{ClientError, MailClient};
use super::day;
use super::diary::{Diary, ShownError};
use super::line::LineControl;
use super::post::Post;
use super::residents::Resident;
use super::wiring::Street;
use crate::pop3::listing::{ScanListing, UniqueIdListing};
use crate::pop3::reply::Status;
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::io;
use std::net::IpAddr;

/// A message of a listing, by its number there and its place among all that ever came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    number: usize,
    place: usize,
}

/// Why a session is over before its program has done what it wanted.
pub(super) enum VisitError {
    /// Its password is wrong, and it is told so.
    IsToldSo,
    ShownError(ShownError),
}

impl From<ShownError> for VisitError {
    fn from(trouble: ShownError) -> Self {
        Self::ShownError(trouble)
    }
}

impl From<ClientError> for VisitError {
    fn from(error: ClientError) -> Self {
        Self::ShownError(ShownError::in_session(&error))
    }
}

impl From<io::Error> for VisitError {
    fn from(error: io::Error) -> Self {
        ClientError::from(error).into()
    }
}

/// A session that is logged in.
pub(super) struct MailSession<'a> {
    client: MailClient,
    line: LineControl,
    resident: &'a Resident,
    post: &'a Post,
    diary: &'a mut Diary,
    has_quit: bool,
}

impl<'a> MailSession<'a> {
    /// Logs in.
    pub(super) async fn begin(
        street: &Street,
        resident: &'a Resident,
        post: &'a Post,
        diary: &'a mut Diary,
        password: &Secret,
    ) -> Result<Self, VisitError> {
        let address = IpAddr::from(resident.address);
        let (end, line) = street.connect(address, resident.pace).await?;
        let mut client = MailClient::over(Box::new(end)).await?;
        let habits = resident.habits;
        habits.identify(&mut client, day::MAILBOX).await?;
        let is_outdated = !resident.knows_password();
        let old = Secret::new(b"last year's".to_vec());
        let password = if is_outdated { &old } else { password };
        let asked = Instant::now();
        let answer = habits.prove(&mut client, day::MAILBOX, password).await;
        if !is_outdated {
            diary.waited(asked);
        }
        let answer = answer?;
        if Status::of_line(&answer) != Status::Ok {
            client.expect_ok("QUIT", b"").await?;
            return Err(match is_outdated {
                true => VisitError::IsToldSo,
                false => ShownError::at_password(&String::from_utf8_lossy(&answer)).into(),
            });
        }
        Ok(Self {
            client,
            line,
            resident,
            post,
            diary,
            has_quit: false,
        })
    }

    /// Asks what is there. What is not there the program forgets, as programs do.
    pub(super) async fn look(&mut self) -> Result<Vec<Letter>, ClientError> {
        let lines = self.resident.habits.list(&mut self.client).await?;
        let mut letters = Vec::with_capacity(lines.len());
        for line in &lines {
            let listed = UniqueIdListing::parse(line)?;
            let place = Post::place(&String::from_utf8_lossy(listed.unique_id));
            letters.extend(place.map(|place| Letter {
                number: listed.number.index() + 1,
                place,
            }));
        }
        let places = letters.iter().map(|letter| letter.place).collect();
        self.diary.listed(&places);
        Ok(letters)
    }

    /// Those that the program has not had.
    pub(super) fn unknown(&self, letters: &[Letter]) -> Vec<Letter> {
        let unknown = letters
            .iter()
            .filter(|letter| !self.diary.knows(letter.place));
        unknown.copied().collect()
    }

    /// How large it is.
    pub(super) async fn octets(&mut self, letter: &Letter) -> Result<u64, ClientError> {
        let command = letter.number.to_string();
        let answer = self.client.ask("LIST", command.as_bytes()).await?;
        match answer.strip_prefix(b"+OK ") {
            Some(listed) => Ok(ScanListing::parse(listed)?.octets),
            None => Err(ClientError::Refused(
                String::from_utf8_lossy(&answer).into_owned(),
            )),
        }
    }

    pub(super) async fn fetch(&mut self, letter: &Letter) -> Result<(), ClientError> {
        self.begin_message("RETR", &letter.number.to_string())
            .await?;
        self.read(letter).await
    }

    /// Fetches it as one that is too large to be kept.
    pub(super) async fn download(&mut self, letter: &Letter) -> Result<(), ClientError> {
        self.begin_message("RETR", &letter.number.to_string())
            .await?;
        self.client.drop_body(usize::MAX).await?;
        self.has(letter);
        Ok(())
    }

    /// Reads no more than half of it.
    pub(super) async fn fetch_half(
        &mut self,
        letter: &Letter,
        octets: u64,
    ) -> Result<(), ClientError> {
        self.begin_message("RETR", &letter.number.to_string())
            .await?;
        let half = usize::try_from(octets / 2).unwrap_or(usize::MAX);
        self.client.drop_body(half).await.map(drop)
    }

    /// Reads what it begins with.
    pub(super) async fn read_head(&mut self, letter: &Letter) -> Result<(), ClientError> {
        self.begin_message("TOP", &format!("{} 20", letter.number))
            .await?;
        self.read(letter).await
    }

    async fn read(&mut self, letter: &Letter) -> Result<(), ClientError> {
        let lines = self.client.body().await?;
        if !Post::is(letter.place, &lines) {
            self.diary.trouble(ShownError::WrongMessage);
        }
        self.has(letter);
        Ok(())
    }

    async fn begin_message(&mut self, verb: &str, argument: &str) -> Result<(), ClientError> {
        let asked = Instant::now();
        let answer = self.client.expect_ok(verb, argument.as_bytes()).await;
        self.diary.waited_for_message(asked);
        answer
    }

    fn has(&mut self, letter: &Letter) {
        let came = self.post.came().get(letter.place).copied();
        self.diary.has(letter.place, came);
    }

    pub(super) async fn delete(&mut self, letter: &Letter) -> Result<(), ClientError> {
        let number = letter.number.to_string();
        self.client.expect_ok("DELE", number.as_bytes()).await?;
        self.diary.marks(letter.place);
        Ok(())
    }

    /// Says nothing for so long.
    pub(super) async fn idle(&mut self, time: Duration) {
        if !time.is_zero() && !self.client.stays(time).await {
            self.diary.closed_while_idle();
        }
    }

    /// Nothing of it reaches the other side any more, which is not told.
    pub(super) fn lose_line(&self) {
        self.line.lose();
    }

    pub(super) async fn quit(&mut self) -> Result<(), ClientError> {
        self.client.expect_ok("QUIT", b"").await?;
        self.has_quit = true;
        Ok(())
    }

    /// It is over, without trouble.
    pub(super) fn end(self) {
        if self.has_quit {
            self.diary.deleted();
        }
    }
}
