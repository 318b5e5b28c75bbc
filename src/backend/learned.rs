//! What a backend can do, as it is learned: its looks ask CAPA before login (after STLS, where it
//! is spoken to by that), and one session asks after its login. The lists of the two states may
//! differ (RFC 2449 section 5): some servers list UIDL and TOP only after login.

use crate::pop3::capability::Capabilities;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a look heard of CAPA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing was asked: the configuration says it.
    Set(Capabilities),
    /// This list.
    List {
        list: Capabilities,
        /// Within [`CAPA_PROMPT`](crate::limits::CAPA_PROMPT).
        promptly: bool,
    },
    /// That it does not know CAPA.
    Refused,
    /// No answer that could be used, or none.
    Nothing,
}

/// The lists of one backend.
#[derive(Debug, Default)]
pub(super) struct Learned(Mutex<CapabilityLists>);

#[derive(Debug, Default)]
struct CapabilityLists {
    /// Before login; none where it never was reached.
    before: Option<Arc<Capabilities>>,
    /// Whether that is a list of its own.
    is_own: bool,
    /// Whether its last answer came so soon that a login can wait for another.
    is_prompt: bool,
    /// Whether the last look that asked for it heard nothing.
    missed: bool,
    /// After login, where that is known.
    after: Option<Arc<Capabilities>>,
    ask: AfterLogin,
}

/// Whether the list of after login is to be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AfterLogin {
    #[default]
    Due,
    Asking,
    Done,
}

impl Learned {
    /// Before login.
    pub(super) fn before(&self) -> Option<Arc<Capabilities>> {
        self.lists().before.clone()
    }

    /// After login; as before where it is not known to differ.
    pub(super) fn after(&self) -> Option<Arc<Capabilities>> {
        let lists = self.lists();
        lists.after.clone().or_else(|| lists.before.clone())
    }

    /// What holds while a look has no answer to CAPA yet.
    pub(super) fn meanwhile(&self) -> Arc<Capabilities> {
        let mut lists = self.lists();
        let assumed = || Arc::new(Capabilities::assumed());
        Arc::clone(lists.before.get_or_insert_with(assumed))
    }

    /// Takes in what a look heard, and returns the list before login.
    pub(super) fn looked(&self, heard: Heard) -> Arc<Capabilities> {
        let mut lists = self.lists();
        let missed = mem::replace(&mut lists.missed, heard == Heard::Nothing);
        let (list, is_own, is_prompt) = match heard {
            Heard::Set(list) => (list, false, false),
            Heard::List { list, promptly } => (list, true, promptly),
            // It may have been about to stop: one look alone does not take its list away.
            Heard::Nothing if lists.is_own && !missed => return lists.before(),
            Heard::Refused | Heard::Nothing => (Capabilities::assumed(), false, false),
        };
        if lists.before.as_deref() != Some(&list) || lists.is_own != is_own {
            // It may be another server: what the old one listed after login says nothing of it.
            lists.before = Some(Arc::new(list));
            lists.after = None;
            lists.due();
        }
        lists.is_own = is_own;
        lists.is_prompt = is_prompt;
        lists.before()
    }

    /// It was away, and may be another server now: what it lists after login is asked for again,
    /// and holds until then.
    pub(super) fn came_back(&self) {
        self.lists().due();
    }

    /// Leave to ask CAPA after a login: nobody has asked yet, nobody is asking, and it answers
    /// with a list and promptly before login.
    pub(super) fn leave_to_ask(self: &Arc<Self>) -> Option<Asking> {
        let mut lists = self.lists();
        if lists.ask != AfterLogin::Due || !lists.is_own || !lists.is_prompt {
            return None;
        }
        lists.ask = AfterLogin::Asking;
        Some(Asking(Arc::clone(self)))
    }

    fn lists(&self) -> MutexGuard<'_, CapabilityLists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CapabilityLists {
    fn before(&self) -> Arc<Capabilities> {
        self.before.clone().unwrap_or_default()
    }

    fn due(&mut self) {
        if self.ask == AfterLogin::Done {
            self.ask = AfterLogin::Due;
        }
    }
}

/// Leave to ask CAPA after a login. If it is dropped unused, the next login gets it.
#[must_use]
pub struct Asking(Arc<Learned>);

impl Asking {
    /// Takes in what it lists after login.
    pub fn listed(self, mut list: Capabilities) {
        let mut lists = self.0.lists();
        // RFC 2449 section 6.7: where users differ, it is this one's own, and nobody else's.
        let before = lists.before.as_ref();
        if let Some(expire) = before.and_then(|before| before.expire.clone())
            && expire.ends_with(" USER")
        {
            list.expire = Some(expire);
        }
        lists.after = Some(Arc::new(list));
        lists.ask = AfterLogin::Done;
    }

    /// It has no list after login, or none that can be had: it is not asked again.
    pub fn not_listed(self) {
        let mut lists = self.0.lists();
        lists.after = None;
        lists.ask = AfterLogin::Done;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut lists = self.0.lists();
        if lists.ask == AfterLogin::Asking {
            lists.ask = AfterLogin::Due;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &str) -> Capabilities {
        Capabilities::parse(names.split(','))
    }

    fn heard(names: &str) -> Heard {
        Heard::List {
            list: list(names),
            promptly: true,
        }
    }

    fn learned(names: &str) -> Arc<Learned> {
        let learned = Arc::new(Learned::default());
        learned.looked(heard(names));
        learned
    }

    #[test]
    fn after_login_it_has_the_list_of_before_until_somebody_has_asked() {
        let learned = learned("USER");
        assert_eq!(*learned.after().unwrap(), list("USER"));
        learned.leave_to_ask().unwrap().listed(list("USER,UIDL"));
        assert_eq!(*learned.after().unwrap(), list("USER,UIDL"));
        assert_eq!(*learned.before().unwrap(), list("USER"));
        assert!(learned.leave_to_ask().is_none(), "it is asked once");
        learned.looked(heard("USER"));
        assert_eq!(*learned.after().unwrap(), list("USER,UIDL"));
    }

    #[test]
    fn one_login_asks_at_a_time_and_the_next_where_it_heard_nothing() {
        let learned = learned("USER");
        let asking = learned.leave_to_ask();
        assert!(learned.leave_to_ask().is_none());
        drop(asking);
        learned.leave_to_ask().unwrap().not_listed();
        assert!(learned.leave_to_ask().is_none());
        assert_eq!(*learned.after().unwrap(), list("USER"));
    }

    #[test]
    fn another_list_before_login_makes_it_due_again_and_so_does_a_server_that_came_back() {
        let learned = learned("USER");
        learned.leave_to_ask().unwrap().listed(list("USER,UIDL"));
        learned.came_back();
        assert_eq!(*learned.after().unwrap(), list("USER,UIDL"));
        learned.leave_to_ask().unwrap().listed(list("USER,TOP"));
        learned.looked(heard("USER,STLS"));
        assert_eq!(*learned.after().unwrap(), list("USER,STLS"));
        assert!(learned.leave_to_ask().is_some());
    }

    #[test]
    fn nobody_asks_where_there_is_no_list_before_login_or_it_comes_late() {
        for heard in [
            Heard::Set(list("UIDL")),
            Heard::Refused,
            Heard::Nothing,
            Heard::List {
                list: list("UIDL"),
                promptly: false,
            },
        ] {
            let learned = Arc::new(Learned::default());
            learned.looked(heard.clone());
            assert!(learned.leave_to_ask().is_none(), "{heard:?}");
        }
    }

    #[test]
    fn a_list_stays_when_one_look_hears_nothing_and_goes_with_the_second() {
        let learned = learned("UIDL,PIPELINING");
        assert!(learned.looked(Heard::Nothing).pipelining);
        assert!(learned.looked(heard("UIDL,PIPELINING")).pipelining);
        assert!(learned.looked(Heard::Nothing).pipelining);
        assert_eq!(*learned.looked(Heard::Nothing), Capabilities::assumed());
        assert_eq!(*learned.looked(heard("UIDL")), list("UIDL"));
        assert_eq!(*learned.looked(Heard::Refused), Capabilities::assumed());
    }

    #[test]
    fn an_expiry_that_differs_by_user_is_not_the_one_of_who_asked() {
        for (before, after, offered) in [
            ("EXPIRE 7 USER", "EXPIRE 60", Some("7 USER")),
            ("EXPIRE 30", "EXPIRE 30", Some("30")),
            ("TOP", "TOP,EXPIRE NEVER", Some("NEVER")),
            ("EXPIRE 30", "TOP", None),
        ] {
            let learned = learned(before);
            learned.leave_to_ask().unwrap().listed(list(after));
            assert_eq!(learned.after().unwrap().expire.as_deref(), offered);
        }
    }
}
