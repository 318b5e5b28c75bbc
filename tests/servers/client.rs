//! A blocking POP3 client that can be as rude as the trials need it.

use crate::Outcome;
use crate::process::pause;
use popgate::pop3::listing::DropListing;
use popgate::time::Duration;
use socket2::SockRef;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Longer than any wait of these trials: a reply that takes longer is a hang.
const PATIENCE: Duration = Duration::from_secs(90);

/// What stands for a reply that never came.
pub(crate) const CLOSED: &str = "(closed)";

/// One connection, in whatever state the server has it.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Connects and reads the greeting.
    pub(crate) fn connect(address: SocketAddr) -> Outcome<Self> {
        Self::connect_behind("", address)
    }

    /// The same behind a balancer, which sends this header first.
    pub(crate) fn connect_behind(header: &str, address: SocketAddr) -> Outcome<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(header.as_bytes())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            reader: BufReader::new(stream),
        };
        let greeting = client.reply_line()?;
        expect_ok("the greeting", &greeting)?;
        Ok(client)
    }

    /// Connects and logs in; a refusal is an error with the server's line.
    pub(crate) fn log_in(address: SocketAddr, user: &str, password: &str) -> Outcome<Self> {
        Self::connect(address)?.logged_in(user, password)
    }

    /// Logs in; a refusal is an error with the server's line.
    pub(crate) fn logged_in(mut self, user: &str, password: &str) -> Outcome<Self> {
        self.ok(&format!("USER {user}"))?;
        self.ok(&format!("PASS {password}"))?;
        Ok(self)
    }

    /// Sends one command and returns the reply to it, of which only the first line is kept; or
    /// "closed" where the server ends the connection instead.
    pub(crate) fn exchange(&mut self, command: &str) -> Outcome<String> {
        if self.send(&[command]).is_err() {
            return Ok(CLOSED.to_owned());
        }
        let reply = match self.reply_line() {
            Ok(reply) => reply,
            Err(_) => return Ok(CLOSED.to_owned()),
        };
        if command.starts_with("RETR") && reply.starts_with("+OK") {
            while self.reply_line()? != "." {}
        }
        Ok(reply)
    }

    /// Sends one command and returns the rest of its `+OK` line.
    pub(crate) fn ok(&mut self, command: &str) -> Outcome<String> {
        self.send(&[command])?;
        let reply = self.reply_line()?;
        let verb = command.split(' ').next().unwrap_or(command);
        expect_ok(verb, &reply)
    }

    /// How many messages the maildrop has.
    pub(crate) fn count(&mut self) -> Outcome<usize> {
        let answer = self.ok("STAT")?;
        let listing = DropListing::parse(answer.as_bytes())?;
        Ok(usize::try_from(listing.messages)?)
    }

    /// Sends one command and returns the lines of its reply.
    pub(crate) fn lines(&mut self, command: &str) -> Outcome<Vec<String>> {
        self.ok(command)?;
        let mut lines = Vec::new();
        loop {
            match self.reply_line()? {
                end if end == "." => return Ok(lines),
                line => lines.push(line),
            }
        }
    }

    /// What it is shown of its maildrop: the answers to STAT, LIST and UIDL.
    pub(crate) fn listing(&mut self) -> Outcome<Vec<String>> {
        let mut shown = vec![self.ok("STAT")?];
        shown.extend(self.lines("LIST")?);
        shown.extend(self.lines("UIDL")?);
        Ok(shown)
    }

    /// Waits until the server has closed the connection.
    pub(crate) fn expect_end(mut self) -> Outcome<()> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        match rest.is_empty() {
            true => Ok(()),
            false => Err(format!("it says {}", String::from_utf8_lossy(&rest)).into()),
        }
    }

    /// Retrieves a message whole and returns its Message-ID.
    pub(crate) fn retrieve(&mut self, number: usize) -> Outcome<String> {
        self.ok(&format!("RETR {number}"))?;
        let mut message_id = None;
        loop {
            let line = self.reply_line()?;
            if line == "." {
                break;
            }
            if let Some(id) = line.strip_prefix("Message-ID: ") {
                message_id.get_or_insert(id.to_owned());
            }
        }
        Ok(message_id.ok_or("a message without Message-ID")?)
    }

    /// Retrieves a message over a line that brings so many octets in a second.
    pub(crate) fn retrieve_slowly(&mut self, number: usize, octets: usize) -> Outcome<()> {
        self.ok(&format!("RETR {number}"))?;
        let mut room = 0;
        loop {
            if room == 0 {
                pause(Duration::from_millis(100));
                room = octets / 10;
            }
            let line = self.reply_line()?;
            if line == "." {
                return Ok(());
            }
            room = room.saturating_sub(line.len() + 2);
        }
    }

    /// Asks for a message and reads only its first octets.
    pub(crate) fn begin_to_retrieve(&mut self, number: usize) -> Outcome<()> {
        self.ok(&format!("RETR {number}"))?;
        self.reader.read_exact(&mut [0; 1000])?;
        Ok(())
    }

    /// Sends QUIT and awaits `+OK` and the end of the connection.
    pub(crate) fn quit(mut self) -> Outcome<()> {
        self.ok("QUIT")?;
        self.reader.read_to_end(&mut Vec::new())?;
        Ok(())
    }

    /// Sends commands in one segment and reads no answer.
    pub(crate) fn send(&mut self, commands: &[&str]) -> io::Result<()> {
        let lines: String = commands.iter().map(|line| format!("{line}\r\n")).collect();
        self.reader.get_mut().write_all(lines.as_bytes())
    }

    /// Vanishes with a FIN and without QUIT, as a program that ends.
    pub(crate) fn close(self) {}

    /// Vanishes with an RST, as a program that was killed with answers unread.
    pub(crate) fn reset(self) -> io::Result<()> {
        SockRef::from(self.reader.get_ref()).set_linger(Some(Duration::ZERO))
    }

    fn reply_line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn expect_ok(to: &str, reply: &str) -> Outcome<String> {
    match reply.strip_prefix("+OK") {
        Some(rest) => Ok(rest.trim_start().to_owned()),
        None => Err(format!("{to}: {reply}").into()),
    }
}
