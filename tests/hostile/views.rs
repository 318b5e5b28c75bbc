//! A crowd on one listing: sessions that popgate lets in at once, and that want their maildrop at
//! once.

use crate::fire::{Figures, Gate, Program, Setup, free_address, raise_open_files, serve};
use crate::large::LargeServer;
use crate::regular::Regular;
use crate::strangers::{AT_HOME, Tally, connect_from, stranger};
use crate::{connect, rest, server};
use popgate::demo::server::DemoServer;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CROWD: usize = 1_000;

/// Of those, how many want a message.
const GREEDY: usize = 900;

/// The least and the most that `queue` may be.
const QUEUE: usize = 16;
const ALL_QUEUE: usize = 1_024;

/// Logins to one maildrop, from any address.
const PER_MAILDROP: usize = 32;

/// Of each address of the crowd, below the limit of 200.
const EACH: usize = 100;

/// KiB that a view takes, its sockets' buffers and its place in the registry included.
const VIEW: u64 = 24;

/// Sessions that take nothing, and KiB that each may keep.
const SLOW: usize = 200;
const SLOW_VIEW: u64 = 64;

/// The first of them are not counted: with them comes what is there once, the listing and what the
/// allocator keeps for the next time.
const FIRST: usize = 20;

/// What a login may take, with its reserve.
const WAIT: Duration = Duration::from_secs(25);

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_views_of_one_maildrop_get_it_one_behind_the_other() {
    let mut scene = Scene::begin(&format!("queue = {ALL_QUEUE}\nwait = \"55s\"")).await;
    scene.let_crowd_in().await;
    let greedy = scene.fetch_at_once();
    let owner = scene.owner_gets_in().await;
    let fetched = fetched(greedy).await;
    scene.end("all queue", fetched, owner).await;
    assert_eq!(fetched, GREEDY);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_views_that_want_one_maildrop_as_many_wait_as_the_queue_has_places() {
    let mut scene = Scene::begin("").await;
    scene.let_crowd_in().await;
    let greedy = scene.fetch_at_once();
    let owner = scene.owner_gets_in().await;
    let fetched = fetched(greedy).await;
    scene.end("sixteen queue", fetched, owner).await;
    assert!((QUEUE..GREEDY).contains(&fetched), "{fetched}");
}

/// With the limits that there are by default, whichever addresses it comes from.
#[tokio::test(flavor = "multi_thread")]
async fn a_maildrop_has_as_many_views_as_logins_whoever_asks() {
    raise_open_files();
    let (server, address) = (server(), free_address("127.0.0.1"));
    serve(&server, address).await;
    let gate = sharing_gate(address, "cleartext = \"always\"", &["10.0.0.0/8"]).await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    list_first(&gate).await;
    let mut coming = JoinSet::new();
    for number in 0..CROWD {
        let to = gate.ports.plain;
        coming.spawn(async move {
            let mut program = connect_from(stranger(number / EACH), to).await.unwrap();
            program.ok("USER ann".to_owned()).await.unwrap();
            let answer = program.ask("PASS secret").await.unwrap();
            (program, answer)
        });
    }
    let (mut inside, mut told) = (Vec::new(), Tally::default());
    for (program, answer) in coming.join_all().await {
        told.add(&answer);
        if answer.starts_with("+OK") {
            inside.push(program);
        }
    }
    println!("{CROWD} logins of one maildrop:{told}");
    assert_eq!(inside.len(), PER_MAILDROP);
    assert_eq!(
        told.of("Too many connections to this mailbox"),
        CROWD - PER_MAILDROP
    );
    assert!(gate.metric("popgate_blocks", &[]).await < 0.5);
    // One leaves, and the owner has its place.
    let mut leaves = inside.pop().unwrap();
    leaves.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(rest(&mut leaves).await, b"");
    poll(&mut connect_from(AT_HOME, gate.ports.plain).await.unwrap())
        .await
        .unwrap();
    let polls = regular.finish().await;
    drop(inside);
    gate.wait_until_empty(before, WITHIN).await;
    gate.wait_for("popgate_sharing_views", &[], 0.0, WITHIN)
        .await;
    println!("{polls:?}; {before:?}, {:?}", gate.figures());
}

/// Each asks for the largest listing that there is, and takes hardly any of it.
#[tokio::test(flavor = "multi_thread")]
async fn views_whose_clients_take_nothing_keep_a_piece_of_their_listing_each() {
    raise_open_files();
    let (server, address) = LargeServer::start().await;
    let gate = sharing_gate(address, "", &["127.0.0.0/8"]).await;
    let before = gate.figures();
    let regular = Regular::start(gate.ports.plain, "regular");
    list_first(&gate).await;
    let (mut crowd, mut settled) = (Vec::new(), before);
    for number in 0..SLOW {
        if number == FIRST {
            settled = gate.figures();
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut program = Program::over(socket, gate.ports.plain).await.unwrap();
        program.ok(String::new()).await.unwrap();
        program.log_in("ann").await.unwrap();
        program
            .send(b"UIDL\r\nUIDL\r\nUIDL\r\nUIDL\r\n")
            .await
            .unwrap();
        // The answer is there, up to where the sockets are full.
        program.ok(String::new()).await.unwrap();
        crowd.push(program);
    }
    let polls = regular.finish().await;
    let views = gate.metric("popgate_sharing_views", &[]).await;
    assert!(views >= SLOW as f64, "{views} views");
    let after = gate.figures();
    let each = (after.memory - settled.memory) / (SLOW - FIRST) as u64;
    println!("{SLOW} views that read nothing: {each} KiB each; {settled:?}, {after:?}; {polls:?}");
    assert!(each <= SLOW_VIEW, "{each} KiB for a view");
    drop(crowd);
    gate.wait_until_empty(before, WITHIN).await;
    gate.wait_for("popgate_sharing_views", &[], 0.0, WITHIN)
        .await;
    assert_eq!(server.logins_of(|user| user == "ann"), 1);
}

/// A gate that shares, and a thousand sessions of one login on one listing.
struct Scene {
    gate: Gate,
    server: Arc<DemoServer>,
    regular: Regular,
    before: Figures,
    crowd: Vec<Program>,
}

impl Scene {
    async fn begin(rules: &str) -> Self {
        raise_open_files();
        let (server, address) = (server(), free_address("127.0.0.1"));
        serve(&server, address).await;
        let gate = sharing_gate(address, rules, &["127.0.0.0/8"]).await;
        let before = gate.figures();
        let regular = Regular::start(gate.ports.plain, "regular");
        list_first(&gate).await;
        Self {
            gate,
            server,
            regular,
            before,
            crowd: Vec::new(),
        }
    }

    async fn let_crowd_in(&mut self) {
        let before = self.gate.figures();
        let mut coming = JoinSet::new();
        for _ in 0..CROWD {
            let to = self.gate.ports.plain;
            coming.spawn(async move {
                let mut program = connect(to).await.unwrap();
                program.log_in("ann").await.unwrap();
                program
            });
        }
        self.crowd = coming.join_all().await;
        let views = self.gate.metric("popgate_sharing_views", &[]).await;
        assert!(views >= CROWD as f64, "{views} views");
        let after = self.gate.figures();
        let each = (after.memory - before.memory) / CROWD as u64;
        println!("{CROWD} views: {each} KiB each; {before:?}, {after:?}");
        assert!(each <= VIEW, "{each} KiB for a view");
        assert_eq!(self.logins_of_ann(), 1);
    }

    /// They send all that they want; the others stay.
    fn fetch_at_once(&mut self) -> JoinSet<bool> {
        let greedy = self.crowd.drain(..GREEDY);
        greedy
            .map(|program| async move { fetch(program).await.is_ok() })
            .collect()
    }

    /// Another session of the same login, amid them. A login for which there is no place comes
    /// again: how often, and how long it took.
    async fn owner_gets_in(&self) -> (u32, Duration) {
        let (mut refused, start) = (0, Instant::now());
        loop {
            let mut owner = connect(self.gate.ports.plain).await.unwrap();
            match poll(&mut owner).await {
                Ok(()) => break,
                Err(error) => assert!(error.to_string().contains("[IN-USE]"), "{error}"),
            }
            refused += 1;
        }
        assert!(start.elapsed() < WAIT, "{:?}", start.elapsed());
        (refused, start.elapsed())
    }

    fn logins_of_ann(&self) -> usize {
        let log = self.server.log();
        log.sessions()
            .filter(|session| session.user == "ann")
            .count()
    }

    async fn end(mut self, manner: &str, fetched: usize, owner: (u32, Duration)) {
        for program in &mut self.crowd {
            program.ok("NOOP".to_owned()).await.unwrap();
            program.ok("QUIT".to_owned()).await.unwrap();
        }
        self.crowd.clear();
        let polls = self.regular.finish().await;
        let gate = self.gate;
        gate.wait_until_empty(self.before, WITHIN).await;
        gate.wait_for("popgate_sharing_views", &[], 0.0, WITHIN)
            .await;
        let after = gate.figures();
        println!(
            "{GREEDY} of {CROWD} views fetch, {manner}: {fetched} had their message; the owner is in \
             after {:?} and {} refusals; {polls:?}; {:?}, {after:?}",
            owner.1, owner.0, self.before
        );
        let promotions = gate
            .metric("popgate_sharing_promotions_total", &["default"])
            .await;
        assert_eq!(self.server.log().overlaps(), 0);
        assert!(promotions >= GREEDY as f64, "{promotions} promotions");
        // Nothing was held against the maildrop, and its listing is there for the next one.
        let mut owner = connect(gate.ports.plain).await.unwrap();
        let before = self.server.log().counts().logins;
        poll(&mut owner).await.unwrap();
        assert_eq!(self.server.log().counts().logins, before);
    }
}

async fn sharing_gate(backend: SocketAddr, rules: &str, trusted_networks: &[&str]) -> Gate {
    let config = format!(
        "[[backend]]\nname = \"honest\"\naddress = \"{backend}\"\nshareable = true\n\
         [defaults]\nsharing = \"on\"\nfresh = \"10m\"\n\
         polls = {{ enforce = \"off\" }}\n{rules}\n"
    );
    let setup = Setup {
        config: &config,
        trusted_networks,
        ..Setup::default()
    };
    Gate::start(setup).await
}

/// The first session of ann, which is over when this returns: its listing is there for others.
async fn list_first(gate: &Gate) {
    let mut first = connect(gate.ports.plain).await.unwrap();
    poll(&mut first).await.unwrap();
    assert_eq!(rest(&mut first).await, b"");
}

/// Looks for new mail.
async fn poll(program: &mut Program) -> io::Result<()> {
    program.log_in("ann").await?;
    program.ok("STAT".to_owned()).await?;
    program.listing("LIST").await?;
    program.listing("UIDL").await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}

/// A message, and the end, all said at once.
async fn fetch(mut program: Program) -> io::Result<()> {
    program.send(b"RETR 1\r\nQUIT\r\n").await?;
    program.ok(String::new()).await?;
    loop {
        match program.line().await?.as_str() {
            ".\r\n" => break,
            "" => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
    program.ok(String::new()).await?;
    Ok(())
}

/// How many had their message.
async fn fetched(greedy: JoinSet<bool>) -> usize {
    let ends = greedy.join_all().await;
    ends.into_iter().filter(|has_it| *has_it).count()
}
