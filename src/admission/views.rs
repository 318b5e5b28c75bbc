//! Sessions that stand on a listing, by password: they end with the password.

use crate::secret::PasswordTag;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The open views. Holds an entry for each password of an open session that has no maildrop.
#[derive(Debug, Default)]
pub struct OpenViews {
    by_tag: DashMap<PasswordTag, Views>,
}

#[derive(Debug, Default)]
struct Views {
    open: usize,
    end: CancellationToken,
}

/// A view's place among the open ones, until it is dropped.
#[derive(Debug)]
pub struct OpenView {
    views: Arc<OpenViews>,
    tag: PasswordTag,
    end: CancellationToken,
}

impl OpenViews {
    /// Another view of this password.
    pub fn open(self: &Arc<Self>, tag: PasswordTag) -> OpenView {
        let mut views = self.by_tag.entry(tag).or_default();
        views.open += 1;
        OpenView {
            views: Arc::clone(self),
            tag,
            end: views.end.clone(),
        }
    }

    /// A backend has refused the password: all views of it end. One that opens later does not,
    /// also while the last of them are about to leave: the password was accepted since.
    pub fn end(&self, tag: PasswordTag) {
        if let Some(mut views) = self.by_tag.get_mut(&tag) {
            std::mem::take(&mut views.end).cancel();
        }
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.by_tag.iter().map(|views| views.open).sum()
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
        if let Entry::Occupied(mut views) = self.views.by_tag.entry(self.tag) {
            views.get_mut().open -= 1;
            if views.get().open == 0 {
                views.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn views_end_with_their_password_and_no_others_do() {
        let views = Arc::new(OpenViews::default());
        let tag = |password| PasswordTag::from_bytes([password; 32]);
        let [one, two, other] = [1, 1, 2].map(|password| views.open(tag(password)));
        views.end(tag(1));
        one.ended().await;
        two.ended().await;
        assert!(!other.end.is_cancelled());
        assert_eq!(views.count(), 3);
        drop(one);
        let new = views.open(tag(1));
        assert!(!new.end.is_cancelled());
        views.end(tag(1));
        new.ended().await;
        drop((two, new, other));
        assert_eq!(views.count(), 0);
    }
}
