//! A mail program: it does what its plan says and looks at each reply.

use crate::lock;
use crate::maildrop::{Expected, View};
use crate::net::{End, Net};
use crate::plan::{ClientPlan, Ending, Style, gate_address};
use crate::site::{Site, name, password};
use crate::trace::Trace;
use crate::witness::{Record, Witness};
use popgate::time::Duration;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Longer than any wait, login, outage and stall together: who waits so long waits for ever.
const PATIENCE: Duration = Duration::from_secs(500);

/// How long one that stays does so.
const STAY: Duration = Duration::from_secs(200);

/// What a client knows of the world.
pub(crate) struct Program {
    pub(crate) plan: ClientPlan,
    pub(crate) net: Arc<Net>,
    pub(crate) site: Arc<Site>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) witness: Arc<Witness>,
    /// All others have ended.
    pub(crate) over: CancellationToken,
}

/// The other side ended the connection.
struct Cut;

impl Program {
    /// All its visits.
    pub(crate) async fn run(self) {
        sleep(self.plan.start).await;
        for _ in 0..self.plan.visits {
            self.visit().await;
            sleep(self.plan.between).await;
        }
    }

    async fn visit(&self) {
        let host = self.plan.host;
        let Ok((end, address)) = self
            .net
            .connect(host, gate_address(self.plan.gate), host)
            .await
        else {
            return self.say("is refused");
        };
        let record = self.witness.open(&self.plan, address);
        let mut session = Session {
            program: self,
            end,
            heard: Vec::new(),
            view: None,
            record,
        };
        match self.plan.ending {
            Ending::Killed(after) => {
                let _ = timeout(after, session.run()).await;
                self.say("is killed");
            }
            Ending::Vanishes(after) => {
                let _ = timeout(after, session.run()).await;
                self.net.set_up(host, false);
                self.over.cancelled().await;
            }
            _ => {
                if session.run().await.is_err() {
                    self.say("is cut off");
                    lock(&session.record).cut = true;
                }
            }
        }
    }

    fn say(&self, what: &str) {
        self.trace.say(&format!("{} {what}", self.plan.host));
    }
}

/// One connection.
struct Session<'a> {
    program: &'a Program,
    end: End,
    heard: Vec<u8>,
    /// What it knows of its maildrop, once it is in.
    view: Option<View>,
    record: Arc<Mutex<Record>>,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), Cut> {
        let greeting = self.line().await?;
        if !greeting.starts_with(b"+OK") {
            let may = self.program.witness.may_be_unreachable();
            self.check(
                may && greeting.starts_with(b"-ERR [SYS/TEMP]"),
                "the greeting",
                &greeting,
            );
            return self.nothing_more().await;
        }
        let mut commands = self.program.plan.commands.clone();
        if matches!(
            self.program.plan.ending,
            Ending::Quit | Ending::QuitAndClose
        ) {
            commands.push("QUIT".to_owned());
        }
        let is_in = if self.program.plan.style == Style::AllAtOnce {
            self.log_in_and(&commands).await?
        } else {
            self.log_in().await?
        };
        if self.program.plan.ending == Ending::NeverReads {
            sleep(STAY).await;
            return Ok(());
        }
        match (self.program.plan.style, self.closes_at_once()) {
            (Style::AllAtOnce, true) => return self.close_at_once(),
            (Style::AllAtOnce, false) => {
                let before_login = !is_in;
                self.replies(&commands, before_login).await?;
            }
            _ if !is_in => return self.leave_early().await,
            (Style::Pipelined, closes) => {
                self.send_all(&commands).await?;
                if closes {
                    return self.close_at_once();
                }
                self.replies(&commands, false).await?;
            }
            (Style::LockStep, closes) => {
                self.in_lock_step(&commands, closes).await?;
                if closes {
                    return Ok(());
                }
            }
        }
        self.end().await
    }

    fn closes_at_once(&self) -> bool {
        self.program.plan.ending == Ending::QuitAndClose
    }

    fn close_at_once(&self) -> Result<(), Cut> {
        lock(&self.record).closed_at_once = true;
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Cut> {
        if self.program.plan.ending == Ending::Quit {
            return self.nothing_more().await;
        }
        // It stays until it is cut off, or has enough.
        let stays = timeout(STAY, self.fill()).await;
        let heard = std::mem::take(&mut self.heard);
        self.check(heard.is_empty(), "a reply without a command", &heard);
        match stays {
            Ok(Err(cut)) => Err(cut),
            _ => Ok(()),
        }
    }

    /// It was refused: it says QUIT, and hears the answer.
    async fn leave_early(&mut self) -> Result<(), Cut> {
        self.send("QUIT").await?;
        let goodbye = self.line().await?;
        self.check(
            goodbye == b"+OK Goodbye\r\n",
            "the answer to QUIT",
            &goodbye,
        );
        self.nothing_more().await
    }

    async fn log_in(&mut self) -> Result<bool, Cut> {
        let passwords = self.program.plan.passwords.clone();
        for (attempt, right) in passwords.into_iter().enumerate() {
            self.send(&format!("USER {}", name(self.program.plan.user)))
                .await?;
            let answer = self.line().await?;
            self.check(
                answer == b"+OK Send PASS\r\n",
                "the answer to USER",
                &answer,
            );
            self.asks(right);
            let secret = password(self.program.plan.user, right, attempt);
            self.send(&format!("PASS {secret}")).await?;
            let answer = self.line().await?;
            if self.judge_login(right, &answer) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everything in one write; the first password alone.
    async fn log_in_and(&mut self, commands: &[String]) -> Result<bool, Cut> {
        let right = self.program.plan.passwords[0];
        self.asks(right);
        let user = self.program.plan.user;
        let login = [
            format!("USER {}", name(user)),
            format!("PASS {}", password(user, right, 0)),
        ];
        self.send_all(&[&login, commands].concat()).await?;
        if self.closes_at_once() || self.program.plan.ending == Ending::NeverReads {
            return Ok(false);
        }
        let answer = self.line().await?;
        self.check(
            answer == b"+OK Send PASS\r\n",
            "the answer to USER",
            &answer,
        );
        let answer = self.line().await?;
        Ok(self.judge_login(right, &answer))
    }

    fn asks(&self, right: bool) {
        self.program.witness.asks(&self.program.plan, right);
    }

    /// Whether it is in.
    fn judge_login(&mut self, right: bool, answer: &[u8]) -> bool {
        let text = String::from_utf8_lossy(answer).into_owned();
        self.program.say(&format!("hears {text:?}"));
        let count = text
            .strip_prefix("+OK Maildrop has ")
            .and_then(|rest| rest.split(' ').next()?.parse().ok());
        let is_let_in = self.program.site.shares && text == "+OK Logged in\r\n";
        if count.is_some() || is_let_in {
            self.check(right, "in with a wrong password", answer);
            let (site, user) = (Arc::clone(&self.program.site), self.program.plan.user);
            self.view = Some(View::new(site, user, count));
            lock(&self.record).is_in = true;
            return true;
        }
        let busy = "-ERR [SYS/TEMP] Mailbox is locked or busy";
        let in_use = "-ERR [IN-USE] Mailbox is locked by another";
        let fitting = if right {
            let is_engine_away = self.program.witness.may_not_be_locked()
                && text.starts_with("-ERR [SYS/TEMP] Mailbox cannot be locked");
            text.starts_with(busy) || text.starts_with(in_use) || is_engine_away
        } else {
            text.starts_with(busy) || text.starts_with("-ERR [AUTH]")
        };
        self.check(fitting, "the answer to PASS", answer);
        false
    }

    async fn in_lock_step(&mut self, commands: &[String], closes: bool) -> Result<(), Cut> {
        for command in commands {
            sleep(self.program.plan.pause).await;
            self.send(command).await?;
            if closes && command == "QUIT" {
                return self.close_at_once();
            }
            self.replies(std::slice::from_ref(command), false).await?;
        }
        Ok(())
    }

    async fn replies(&mut self, commands: &[String], before_login: bool) -> Result<(), Cut> {
        for command in commands {
            let expected = match &mut self.view {
                Some(view) if !before_login => view.expected(command),
                _ => Expected::before_login(command),
            };
            let reply = self.reply(&expected).await?;
            let fits = match &mut self.view {
                Some(view) if !before_login => view.learn(command, &expected, &reply),
                _ => expected.fits(&reply),
            };
            self.check(fits, &format!("the reply to {command}"), &reply);
            self.note(command, &reply);
        }
        Ok(())
    }

    /// What follows from a reply for the messages.
    fn note(&self, command: &str, reply: &[u8]) {
        let mut record = lock(&self.record);
        if let Some(view) = &self.view {
            record.marked = view.marked();
            if command == "QUIT" && reply.starts_with(b"+OK") {
                record.quit_answered = true;
            }
        }
    }

    async fn reply(&mut self, expected: &Expected) -> Result<Vec<u8>, Cut> {
        let mut reply = self.line_or_cut(expected, &[]).await?;
        if expected.is_multiline() && reply.starts_with(b"+OK") {
            loop {
                let line = self.line_or_cut(expected, &reply).await?;
                reply.extend_from_slice(&line);
                if line == b".\r\n" {
                    break;
                }
            }
        }
        Ok(reply)
    }

    /// A line of a reply. If there is none, what came must be the beginning of the reply.
    async fn line_or_cut(&mut self, expected: &Expected, before: &[u8]) -> Result<Vec<u8>, Cut> {
        match self.line().await {
            Ok(line) => Ok(line),
            Err(cut) => {
                let came = [before, &self.heard].concat();
                self.check(expected.may_begin(&came), "a reply that was cut", &came);
                self.heard.clear();
                Err(cut)
            }
        }
    }

    /// A line with its end.
    async fn line(&mut self) -> Result<Vec<u8>, Cut> {
        loop {
            if let Some(end) = self.heard.iter().position(|&octet| octet == b'\n') {
                return Ok(self.heard.drain(..=end).collect());
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Cut> {
        let mut buffer = [0; 2048];
        let Ok(read) = timeout(PATIENCE, self.end.read(&mut buffer)).await else {
            if self.program.witness.is_connected(&self.program.plan) {
                self.check(false, "no reply, and no end", b"");
            }
            return Err(Cut);
        };
        match read {
            Ok(0) | Err(_) => Err(Cut),
            Ok(octets) => {
                self.heard.extend_from_slice(&buffer[..octets]);
                Ok(())
            }
        }
    }

    /// Behind the answer to QUIT comes the end.
    async fn nothing_more(&mut self) -> Result<(), Cut> {
        let _ = self.fill().await;
        let heard = std::mem::take(&mut self.heard);
        self.check(heard.is_empty(), "a reply without a command", &heard);
        Ok(())
    }

    async fn send(&mut self, command: &str) -> Result<(), Cut> {
        self.send_all(&[command.to_owned()]).await
    }

    async fn send_all(&mut self, commands: &[String]) -> Result<(), Cut> {
        let text: String = commands
            .iter()
            .map(|command| format!("{command}\r\n"))
            .collect();
        lock(&self.record).says(commands);
        self.program.say(&format!("says {}", commands.join(", ")));
        let sent = timeout(PATIENCE, self.end.write_all(text.as_bytes())).await;
        if matches!(sent, Ok(Ok(()))) {
            Ok(())
        } else {
            Err(Cut)
        }
    }

    fn check(&self, holds: bool, what: &str, heard: &[u8]) {
        self.program.trace.check(holds, || {
            let (host, heard) = (self.program.plan.host, heard.escape_ascii());
            format!("{host}: {what}: \"{heard}\"")
        });
    }
}
