//! Where a reader stands, as the id of an event says it: `INCARNATION-NUMBER`.

/// Names the numbers of one process: those of another one mean nothing here.
#[derive(Debug)]
pub(super) struct Incarnation(String);

impl Incarnation {
    pub(super) fn new() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)))
    }

    /// The id of the event behind which a reader has seen all changes up to `number`.
    pub(super) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.0)
    }

    /// The number in an id of this process.
    pub(super) fn position(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(&self.0)?.strip_prefix('-')?;
        number.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_by_the_process_that_wrote_it_and_by_no_other() {
        let incarnation = Incarnation::new();
        let id = incarnation.id(7);
        assert_eq!(incarnation.position(&id), Some(7));
        assert_eq!(Incarnation::new().position(&id), None);
        for wrong in ["", "7", "-7", &format!("{id}x"), &incarnation.0] {
            assert_eq!(incarnation.position(wrong), None, "{wrong}");
        }
    }
}
