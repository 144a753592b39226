//! Which checkpoints stay. Pure.

/// Which checkpoints stay when another is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub newest: usize,
    /// And for ever those of an update that is a multiple of this.
    pub multiples_of: Option<u64>,
}

impl Retention {
    /// Only the newest `newest`.
    pub fn newest(newest: usize) -> Self {
        Self { newest, multiples_of: None }
    }

    /// Those among `updates` (ascending) that go. `anchor` stays, whatever its age: the run may have to roll back to it.
    pub(super) fn gone(&self, updates: &[u64], anchor: u64) -> Vec<u64> {
        let n_old = updates.len().saturating_sub(self.newest.max(1));
        let is_kept = |update: u64| {
            update == anchor
                || self.multiples_of.is_some_and(|every| update > 0 && update.is_multiple_of(every))
        };
        updates[..n_old].iter().copied().filter(|&update| !is_kept(update)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_the_multiples_and_the_anchor_stay() {
        let updates = [0, 5, 10, 15, 18, 20, 25, 30];
        assert_eq!(Retention::newest(2).gone(&updates, 30), [0, 5, 10, 15, 18, 20]);
        assert_eq!(Retention::newest(2).gone(&updates, 15), [0, 5, 10, 18, 20]);
        let every = Retention { newest: 1, multiples_of: Some(10) };
        assert_eq!(every.gone(&updates, 30), [0, 5, 15, 18, 25]);
        assert_eq!(Retention::newest(0).gone(&updates, 30).len(), 7, "the one just saved always stays");
    }
}
