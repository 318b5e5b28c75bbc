//! A server whose maildrops list as much as popgate keeps of one.

use crate::fire::free_address;
use popgate::limits::{LISTED_MESSAGES_MAX, UNIQUE_ID_MAX};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Lets in everybody, locks nothing, and has no messages but listings.
#[derive(Default)]
pub(crate) struct LargeServer {
    logins: Mutex<BTreeMap<String, usize>>,
}

impl LargeServer {
    pub(crate) async fn start() -> (Arc<Self>, SocketAddr) {
        let (server, address) = (Arc::new(Self::default()), free_address("127.0.0.1"));
        let listener = TcpListener::bind(address).await.unwrap();
        let serving = Arc::clone(&server);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = Arc::clone(&serving);
                // Who is gone is gone.
                tokio::spawn(async move { server.converse(stream).await.unwrap_or_default() });
            }
        });
        (server, address)
    }

    /// How many of these users it has let in.
    pub(crate) fn logins_of(&self, is_meant: impl Fn(&str) -> bool) -> usize {
        let logins = self.logins.lock().unwrap();
        let meant = logins.iter().filter(|(user, _)| is_meant(user));
        meant.map(|(_, count)| count).sum()
    }

    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let (mut user, mut line) = (String::new(), String::from("hello"));
        while !line.is_empty() {
            let said = line.trim_end();
            if let Some(name) = said.strip_prefix("USER ") {
                name.clone_into(&mut user);
            }
            let reply = self.reply(said, &user);
            stream.write_all(reply.as_bytes()).await?;
            if said == "QUIT" {
                return Ok(());
            }
            line.clear();
            stream.read_line(&mut line).await?;
        }
        Ok(())
    }

    fn reply(&self, said: &str, user: &str) -> String {
        match said.split(' ').next().unwrap_or_default() {
            "PASS" => {
                let mut logins = self.logins.lock().unwrap();
                *logins.entry(user.to_owned()).or_default() += 1;
                "+OK\r\n".to_owned()
            }
            "CAPA" => "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\n.\r\n".to_owned(),
            "STAT" => format!("+OK {LISTED_MESSAGES_MAX} {LISTED_MESSAGES_MAX}000\r\n"),
            "LIST" => listing(|_| "1000".to_owned()),
            "UIDL" => listing(|number| unique_id(user, number)),
            "RETR" | "TOP" => "+OK\r\nSubject: one\r\n\r\none\r\n.\r\n".to_owned(),
            _ => "+OK\r\n".to_owned(),
        }
    }
}

/// As long as one may be, and no other maildrop's.
fn unique_id(user: &str, number: usize) -> String {
    let digits = UNIQUE_ID_MAX - user.len();
    format!("{user}{number:0digits$}")
}

fn listing(fact: impl Fn(usize) -> String) -> String {
    let lines = (1..=LISTED_MESSAGES_MAX).map(|number| format!("{number} {}\r\n", fact(number)));
    format!("+OK\r\n{}.\r\n", lines.collect::<String>())
}
