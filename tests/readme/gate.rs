//! popgate and a demo's server behind it, as the commands of a page need them.

use crate::Outcome;
use crate::page::Page;
use crate::stage::{Running, Stage, collect};
use popgate::demo::certificate::self_signed;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub(crate) const SERVE: &str = "popgate serve --config popgate.toml";

/// `popgate serve` with a demo's server behind it.
pub(crate) struct Gate {
    gate: Running,
    backend: Running,
    /// They stay in their session as long as it runs.
    clients: Vec<TcpStream>,
}

impl Gate {
    pub(crate) fn start(stage: &Stage, command: &str) -> Outcome<Self> {
        let backend = stage.start(&format!("popgate demo {}", ports_of_backend(stage)))?;
        collect(&backend.printed, str::is_empty)?;
        let gate = stage.start(command)?;
        gate.await_notice("READY=1")?;
        collect(&gate.logged, |line| line.contains("backend is up"))?;
        Ok(Self {
            gate,
            backend,
            clients: Vec::new(),
        })
    }

    /// One with a client in a mailbox, and another one that waits for it.
    pub(crate) fn with_a_waiter(stage: &Stage) -> Outcome<Self> {
        let mut gate = Self::start(stage, SERVE)?;
        for is_in in [true, false] {
            let mut client = TcpStream::connect(stage.here("0.0.0.0:110"))?;
            client.write_all(b"USER ann@example.org\r\nPASS wonderland\r\n")?;
            if is_in {
                client.write_all(b"STAT\r\n")?;
                let mut lines = BufReader::new(&client).lines();
                let answer = lines.nth(3).ok_or("no answer to STAT")??;
                assert!(answer.starts_with("+OK 5 "), "{answer}");
            }
            gate.clients.push(client);
        }
        let waits = || -> Outcome<bool> {
            let sessions = "popgate sessions --phase waiting --config popgate.toml";
            Ok(stage.run(sessions, "")?.contains("ann@example.org"))
        };
        while !waits()? {}
        Ok(gate)
    }

    /// One that takes part in its cluster.
    pub(crate) fn in_a_cluster(stage: &Stage) -> Outcome<Self> {
        let gate = Self::start(stage, SERVE)?;
        let takes_part = || -> Outcome<bool> {
            let status = "popgate cluster status --config popgate.toml";
            Ok(stage.run(status, "")?.contains("healthy"))
        };
        while !takes_part()? {}
        Ok(gate)
    }

    /// One with a session of its first mailbox that is over.
    pub(crate) fn with_a_past(stage: &Stage) -> Outcome<Self> {
        let gate = Self::start(stage, SERVE)?;
        talk(
            stage,
            "USER ann@example.org\r\nPASS wonderland\r\nSTAT\r\nQUIT\r\n",
        )?;
        let is_told = || -> Outcome<bool> {
            let history = "popgate history ann@example.org --config popgate.toml";
            Ok(stage.run(history, "")?.contains("ann@example.org"))
        };
        while !is_told()? {}
        Ok(gate)
    }

    /// Stops it, where no command has done so.
    pub(crate) fn end(mut self, has_ended: bool) -> Outcome<()> {
        self.clients.clear();
        if has_ended {
            collect(&self.gate.logged, |line| line.contains("stopped"))?;
            return self.backend.stop("-INT").map(drop);
        }
        self.stop().map(drop)
    }

    /// One that trusts no network, and takes passwords without TLS and without a delay.
    pub(crate) fn without_trust(stage: &Stage) -> Outcome<Self> {
        let file = stage.folder().join("popgate.toml");
        let settings = "[server]\ntrusted_networks = []\n\
            [defaults]\ncleartext = \"always\"\nfailures = { delay = \"0s\" }\n";
        fs::write(&file, settings.to_owned() + &fs::read_to_string(&file)?)?;
        Self::start(stage, SERVE)
    }

    /// One on whose block list somebody on this machine stands.
    pub(crate) fn with_a_guesser(stage: &Stage) -> Outcome<Self> {
        let gate = Self::without_trust(stage)?;
        for number in 0..10 {
            talk(
                stage,
                &format!("USER ann@example.org\r\nPASS wrong-{number}\r\nQUIT\r\n"),
            )?;
        }
        Ok(gate)
    }

    /// With the signals of the manual's table. Returns the log since the start.
    pub(crate) fn stop(self) -> Outcome<String> {
        self.gate.signal("-HUP")?;
        let mut log = collect(&self.gate.logged, |line| {
            line.contains("reloaded, nothing changed")
        })?;
        self.gate.signal("-TERM")?;
        self.gate.await_notice("STOPPING=1")?;
        log += &self.gate.stop("-TERM")?;
        self.backend.stop("-INT")?;
        Ok(log)
    }
}

/// The file with the token that the first example of the API makes.
pub(crate) fn write_header(stage: &Stage) -> Outcome<()> {
    let token = fs::read_to_string(stage.folder().join("admin.token"))?;
    let header = format!("Authorization: Bearer {token}");
    Ok(fs::write(stage.folder().join("popgate.header"), header)?)
}

/// The flags that put a demo's server where the pages have the backend, and its popgate aside.
pub(crate) fn ports_of_backend(stage: &Stage) -> String {
    let backend = stage.here("10.0.0.5:110");
    let free = stage.here("127.0.0.1:0");
    format!("--pop3 {free} --pop3s {free} --metrics {free} --backend {backend}")
}

/// Says `commands` at the plaintext port, and returns all answers.
pub(crate) fn talk(stage: &Stage, commands: &str) -> Outcome<String> {
    let mut client = TcpStream::connect(stage.here("0.0.0.0:110"))?;
    client.write_all(commands.as_bytes())?;
    let mut answers = String::new();
    client.read_to_string(&mut answers)?;
    Ok(answers)
}

/// The page's whole configuration, or the README's where it has none; and the files that it names.
pub(crate) fn write_configuration(stage: &Stage, page: &Page) -> Outcome<()> {
    let (certificate, key) = self_signed()?;
    let file = |name: &str| stage.folder().join(name);
    fs::write(file("fullchain.pem"), certificate)?;
    fs::write(file("privkey.pem"), key.as_bytes())?;
    fs::write(file("popgate.toml"), stage.here(&configuration_of(page)?))?;
    Ok(())
}

pub(crate) fn configuration_of(page: &Page) -> Outcome<String> {
    let own = page.block("toml");
    let block = match own {
        Some(block) => Some(block),
        None => Page::named("README.md")?.block("toml"),
    };
    Ok(block.ok_or("no configuration in the README")?.text)
}
