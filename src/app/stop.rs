//! The end of a gate: in stages, each with its time, and what does not end in it is named.

use super::Gate;
use crate::gate::{SessionView, Stage};
use crate::history::NoticeKind;
use crate::limits::{CLUSTER_LEAVE, LAST_WORDS, LEFT_BEHIND_NAMED_MAX};
use crate::lock::LockView;
use crate::observe::event::{Event, LeftBehind, UnendedSession};
use crate::time::Duration;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

impl Gate {
    /// Stops in stages. Nobody new is served; connections before login are closed after
    /// [`LAST_LOGIN`](crate::limits::LAST_LOGIN); waiters and sessions go on for `grace`, then are
    /// closed without QUIT, except those that have sent it. `hurry` closes everything at once.
    pub async fn stop(self, grace: Duration, hurry: impl Future<Output = ()>) {
        self.drain.begin(grace);
        self.finish(hurry).await;
    }

    /// As [`Gate::stop`] where the gate drains already: for what is left of its time.
    pub async fn finish(self, hurry: impl Future<Output = ()>) {
        // A tracker that may take more tasks is never done.
        self.sessions.close();
        let in_order = async {
            tokio::select! {
                () = self.sessions.wait() => return,
                () = self.drain.over() => self.drain.enter(Stage::Closing),
            }
            self.sessions.wait().await;
        };
        tokio::select! {
            () = in_order => {}
            () = hurry => {}
        }
        self.drain.enter(Stage::Closed);
        if !ended(&self.sessions).await {
            self.tell_left_behind(self.open_sessions());
        }
        // Only now: a session that ends leaves its backend connection to a closer.
        self.closers.close();
        if !ended(&self.closers).await {
            self.tell_left_behind(self.unclosed_maildrops());
        }
        self.leave_cluster().await;
        self.services.close();
        self.stop_services.cancel();
        if !ended(&self.services).await {
            self.tell_left_behind(LeftBehind::Services {
                count: self.services.len(),
            });
        }
        let now = self.cx.moment().wall;
        self.history.note(NoticeKind::Stopped, "", now);
    }

    /// All is given back by now, and the engine hears of it at once.
    async fn leave_cluster(&self) {
        if let Some(cluster) = &self.cx.cluster {
            // Without an answer the gate's lease runs out by itself.
            let _ = timeout(CLUSTER_LEAVE, cluster.leave()).await;
        }
    }

    /// What is left behind is dropped with the runtime: nothing is heard of it after this.
    fn tell_left_behind(&self, what: LeftBehind) {
        self.cx.events.emit(Event::LeftBehind(Box::new(what)));
    }

    /// The oldest are named: they are the ones that hang. A connection that waits for its PROXY
    /// header is counted, too, but is no session yet, and has nothing to be named by.
    fn open_sessions(&self) -> LeftBehind {
        LeftBehind::Sessions {
            count: self.sessions.len(),
            oldest: self
                .cx
                .sessions
                .views()
                .into_iter()
                .take(LEFT_BEHIND_NAMED_MAX)
                .map(open_session)
                .collect(),
        }
    }

    /// A maildrop that is in use now waits for a backend to close, unless its holder was left
    /// behind: that one is named as a session.
    fn unclosed_maildrops(&self) -> LeftBehind {
        let in_use = self.cx.locks.snapshot(usize::MAX);
        let is_closing = |lock: &LockView| {
            let holder = lock.holder.as_ref();
            holder.is_some_and(|it| self.cx.sessions.view(it.claimant.session).is_none())
        };
        LeftBehind::Connections {
            count: self.closers.len(),
            maildrops: in_use
                .locks
                .into_iter()
                .filter(is_closing)
                .map(|lock| lock.key)
                .take(LEFT_BEHIND_NAMED_MAX)
                .collect(),
        }
    }
}

async fn ended(tasks: &TaskTracker) -> bool {
    timeout(LAST_WORDS, tasks.wait()).await.is_ok()
}

fn open_session(view: SessionView) -> UnendedSession {
    UnendedSession {
        session: view.id,
        client: view.client,
        phase: view.phase.as_str(),
        maildrop: view.login.map(|login| login.maildrop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Outside;
    use crate::config::Config;
    use crate::gate::Peer;
    use crate::ids::{ListenerName, SessionId};
    use crate::net::conn::Conn;
    use crate::net::{BoxFuture, Dial, Io, TlsMode};
    use crate::observe::hub::Reading;
    use crate::policy::attempt::LoginAttempt;
    use crate::policy::attempt::tests::{attempt, policy};
    use crate::session;
    use crate::time::Instant;
    use std::future::{pending, ready};
    use std::io;
    use std::path::Path;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    /// A backend that greets and says no more.
    #[derive(Default)]
    struct Greeter(Mutex<Vec<DuplexStream>>);

    impl Dial for Greeter {
        fn dial<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            Box::pin(async {
                let (ours, mut theirs) = duplex(100);
                theirs.write_all(b"+OK\r\n").await?;
                self.0.lock().unwrap().push(theirs);
                Ok(Box::new(ours) as Box<dyn Io>)
            })
        }
    }

    async fn gate() -> Gate {
        let text = "[[listen]]\nname = \"pop3\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"b\"\naddress = \"192.0.2.1:110\"\n";
        let config = Config::parse(text, Path::new("popgate.toml")).unwrap();
        let outside = Outside {
            seed: Some(1),
            ..Outside::dialing(Arc::new(Greeter::default()))
        };
        let gate = Gate::start(&config, outside).await.unwrap();
        gate.looked_around().await;
        gate
    }

    /// A session whose client takes no octet, so that it hangs in its greeting.
    fn hang(gate: &Gate, client: DuplexStream) {
        let peer = Peer {
            listener: ListenerName::new("pop3"),
            port: 110,
            tls: TlsMode::Off,
            client: "192.0.2.7:49152".parse().unwrap(),
            trusted: false,
        };
        let cx = Arc::clone(&gate.cx);
        let conn = Box::new(Conn::plain(Box::new(client)));
        gate.sessions.spawn(session::run(cx, conn, Arc::new(peer)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_in_time_is_named() {
        let gate = gate().await;
        let mut events = gate.events();
        let (client, _other_side) = duplex(1);
        hang(&gate, client);
        gate.closers.spawn(pending::<()>());
        gate.services.spawn(pending::<()>());
        gate.stop(Duration::ZERO, ready(())).await;
        let mut left = Vec::new();
        while let Some(Reading::Event(told)) = events.next().await {
            if let Event::LeftBehind(what) = &told.event {
                left.push(what.as_ref().clone());
            }
            if left.len() == 3 {
                break;
            }
        }
        let [
            LeftBehind::Sessions { count: 1, oldest },
            LeftBehind::Connections { count: 1, .. },
            LeftBehind::Services { count: 1 },
        ] = &left[..]
        else {
            panic!("{left:?}");
        };
        assert_eq!(oldest[0].client.ip().to_string(), "192.0.2.7");
        assert_eq!(oldest[0].phase, "greeting");
    }

    #[tokio::test(start_paused = true)]
    async fn a_maildrop_is_named_only_where_its_session_is_over() {
        let gate = gate().await;
        let (client, _other_side) = duplex(1);
        hang(&gate, client);
        while gate.sessions().is_empty() {
            tokio::task::yield_now().await;
        }
        let open = gate.sessions()[0].id;
        let mut locks = Vec::new();
        for (login, session) in [("ann", open), ("ben", SessionId(open.0 + 1))] {
            let attempt = Arc::new(LoginAttempt {
                session,
                ..attempt(login, policy())
            });
            locks.push(gate.cx.locks.acquire(&attempt, Instant::now()).await);
        }
        let LeftBehind::Connections { maildrops, .. } = gate.unclosed_maildrops() else {
            panic!("it was asked for maildrops");
        };
        assert_eq!(maildrops.len(), 1);
        assert_eq!(maildrops[0].to_string(), "ben");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_no_session_yet_is_counted() {
        let gate = gate().await;
        let mut events = gate.events();
        gate.sessions.spawn(pending::<()>());
        gate.stop(Duration::ZERO, ready(())).await;
        while let Some(Reading::Event(told)) = events.next().await {
            if let Event::LeftBehind(what) = &told.event {
                return assert!(matches!(
                    what.as_ref(),
                    LeftBehind::Sessions { count: 1, .. }
                ));
            }
        }
        panic!("nothing was told of what was left behind");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_that_everything_heeds_leaves_nothing_behind() {
        let gate = gate().await;
        let mut events = gate.events();
        gate.stop(Duration::ZERO, pending()).await;
        while let Some(Reading::Event(told)) = events.next().await {
            assert!(!matches!(told.event, Event::LeftBehind(_)), "{told:?}");
        }
    }
}
