//! Where a reader stands, as the id of an event says it: `INCARNATION-SCOPE-NUMBER`.

use super::Scope;

/// Names the numbers of one process: those of another one mean nothing here.
#[derive(Debug)]
pub(super) struct Incarnation(String);

impl Incarnation {
    pub(super) fn new() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }

    /// The id of the event behind which a reader has seen all changes of `scope` up to `number`.
    pub(super) fn id(&self, scope: Scope, number: u64) -> String {
        format!("{}-{}-{number}", self.0, letter(scope))
    }

    /// The number in an id of this process. What a reader has seen of another scope is too little,
    /// or holds locks of which this one would never tell it again.
    pub(super) fn position(&self, scope: Scope, id: &str) -> Option<u64> {
        let place = id.strip_prefix(&self.0)?.strip_prefix('-')?;
        let number = place.strip_prefix(letter(scope))?.strip_prefix('-')?;
        number.parse().ok()
    }
}

fn letter(scope: Scope) -> char {
    match scope {
        Scope::All => 'a',
        Scope::Contended => 'c',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_by_the_process_that_wrote_it_and_by_no_other() {
        let incarnation = Incarnation::new();
        let id = incarnation.id(Scope::All, 7);
        assert_eq!(incarnation.position(Scope::All, &id), Some(7));
        assert_eq!(incarnation.position(Scope::Contended, &id), None);
        assert_eq!(Incarnation::new().position(Scope::All, &id), None);
        for wrong in ["", "7", "-7", &format!("{id}x"), &incarnation.0] {
            assert_eq!(incarnation.position(Scope::All, wrong), None, "{wrong}");
        }
    }
}
