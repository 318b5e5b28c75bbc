//! Sessions that stand on a listing: which there are of a maildrop, and by password, with which
//! they end.

use crate::ids::{ClientPrefix, MaildropKey, SessionId};
use crate::secret::PasswordTag;
use dashmap::DashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The open views. Holds entries for the maildrop and the password of each open session that has no
/// maildrop.
#[derive(Debug, Default)]
pub struct OpenViews {
    by_maildrop: DashMap<MaildropKey, Vec<SessionId>>,
    by_password: DashMap<ViewOwner, PasswordViews>,
}

/// Whose view it is: the password, and the client, where the backend was told its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewOwner {
    /// The password.
    pub tag: PasswordTag,
    /// The client.
    pub client: Option<ClientPrefix>,
}

#[derive(Debug, Default)]
struct PasswordViews {
    open: usize,
    end: CancellationToken,
}

/// A view's place among the open ones, until it is dropped.
#[derive(Debug)]
pub struct OpenView {
    views: Arc<OpenViews>,
    key: MaildropKey,
    session: SessionId,
    owner: ViewOwner,
    end: CancellationToken,
}

impl OpenViews {
    /// Another view, of this session.
    pub fn open(
        self: &Arc<Self>,
        key: MaildropKey,
        session: SessionId,
        owner: ViewOwner,
    ) -> OpenView {
        let mut of_maildrop = self.by_maildrop.entry(key.clone()).or_default();
        of_maildrop.push(session);
        drop(of_maildrop);
        let end = {
            let mut views = self.by_password.entry(owner.clone()).or_default();
            views.open += 1;
            views.end.clone()
        };
        OpenView {
            views: Arc::clone(self),
            key,
            session,
            owner,
            end,
        }
    }

    /// A backend has refused the password of this client: its views end, and those of all clients
    /// where the backend is told no address. One that opens later does not, also while the last of
    /// them are about to leave: the password was accepted since.
    pub fn end(&self, tag: PasswordTag, client: ClientPrefix) {
        for client in [None, Some(client)] {
            if let Some(mut views) = self.by_password.get_mut(&ViewOwner { tag, client }) {
                std::mem::take(&mut views.end).cancel();
            }
        }
    }

    /// The sessions that stand on a listing of the maildrop.
    #[must_use]
    pub fn of(&self, key: &MaildropKey) -> Vec<SessionId> {
        let sessions = self.by_maildrop.get(key);
        sessions.map_or_else(Vec::new, |sessions| sessions.clone())
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_maildrop.iter().map(|open| open.len()).sum()
    }
}

impl OpenView {
    /// Returns when a backend has refused the password. Cancel-safe.
    pub async fn ended(&self) {
        self.end.cancelled().await;
    }
}

impl Drop for OpenView {
    fn drop(&mut self) {
        let views = &self.views;
        if let Some(mut open) = views.by_maildrop.get_mut(&self.key) {
            open.retain(|session| *session != self.session);
        }
        let is_last = |_: &MaildropKey, open: &Vec<SessionId>| open.is_empty();
        views.by_maildrop.remove_if(&self.key, is_last);
        if let Some(mut views) = views.by_password.get_mut(&self.owner) {
            views.open -= 1;
        }
        let is_last = |_: &ViewOwner, views: &PasswordViews| views.open == 0;
        views.by_password.remove_if(&self.owner, is_last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BackendName, UserName};
    use std::net::IpAddr;

    fn key(name: &str) -> MaildropKey {
        let backends = Arc::from([BackendName::new("b")]);
        MaildropKey::new(&backends, &UserName::new(name.as_bytes()))
    }

    fn client(last: u8) -> ClientPrefix {
        IpAddr::from([192, 0, 2, last]).into()
    }

    fn of(password: u8, client: Option<ClientPrefix>) -> ViewOwner {
        let tag = PasswordTag::from_bytes([password; 32]);
        ViewOwner { tag, client }
    }

    #[tokio::test]
    async fn views_end_with_their_password_and_no_others_do() {
        let views = Arc::new(OpenViews::default());
        let open =
            |session, password| views.open(key("ann"), SessionId(session), of(password, None));
        let [one, two, other] = [(1, 1), (2, 1), (3, 2)].map(|(id, password)| open(id, password));
        views.end(of(1, None).tag, client(1));
        one.ended().await;
        two.ended().await;
        assert!(!other.end.is_cancelled());
        assert_eq!(views.count(), 3);
        drop(one);
        let new = open(4, 1);
        assert!(!new.end.is_cancelled());
        views.end(of(1, None).tag, client(1));
        new.ended().await;
        drop((two, new, other));
        assert!(views.count() == 0 && views.by_password.is_empty());
    }

    #[tokio::test]
    async fn a_backend_that_refuses_by_address_ends_no_views_of_another_one() {
        let views = Arc::new(OpenViews::default());
        let [here, there] = [1, 2].map(|last| {
            let owner = of(1, Some(client(last)));
            views.open(key("ann"), SessionId(last.into()), owner)
        });
        views.end(of(1, None).tag, client(1));
        here.ended().await;
        assert!(!there.end.is_cancelled());
    }

    #[test]
    fn a_maildrop_has_views_until_the_last_one_leaves() {
        let views = Arc::new(OpenViews::default());
        let [one, two] = [1, 2].map(|session| {
            let owner = of(1, None);
            views.open(key("ann"), SessionId(session), owner)
        });
        assert_eq!(views.of(&key("ann")), [SessionId(1), SessionId(2)]);
        drop(one);
        assert_eq!(views.of(&key("ann")), [SessionId(2)]);
        assert!(views.of(&key("ben")).is_empty());
        drop(two);
        assert!(views.by_maildrop.is_empty());
    }
}
