//! Ranks that are threads of one process: the update loop of many ranks without a launcher.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Lost, Ranks, add_in_order};

/// Ranks in one process.
pub struct Threads;

/// One of them; dropping it is leaving, and who then waits for it is told.
pub struct ThreadRank {
    rank: usize,
    table: Arc<Table>,
}

/// Where they meet.
struct Table {
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Meetings that were held.
    meeting: u64,
    /// What was brought to the next one.
    brought: Vec<Option<Vec<u8>>>,
    /// What was brought to the last one.
    shared: Arc<Vec<Vec<u8>>>,
    /// Who has left.
    left: Option<usize>,
}

impl Threads {
    /// `size` ranks, one for each thread.
    pub fn of(size: usize) -> Vec<ThreadRank> {
        let state = State { brought: vec![None; size], ..State::default() };
        let table = Arc::new(Table { size, state: Mutex::new(state), changed: Condvar::new() });
        (0..size).map(|rank| ThreadRank { rank, table: table.clone() }).collect()
    }
}

impl ThreadRank {
    /// Brings `mine` and waits for the others.
    fn meet(&self, mine: Vec<u8>) -> Result<Arc<Vec<Vec<u8>>>, Lost> {
        let mut state = self.table.state.lock().unwrap_or_else(PoisonError::into_inner);
        let meeting = state.meeting;
        state.brought[self.rank] = Some(mine);
        if state.brought.iter().all(Option::is_some) {
            state.shared = Arc::new(state.brought.iter_mut().filter_map(Option::take).collect());
            state.meeting += 1;
            self.table.changed.notify_all();
        }
        while state.meeting == meeting {
            if let Some(rank) = state.left {
                return Err(Lost(format!("rank {rank} of {} has left", self.table.size)));
            }
            state = self.table.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(state.shared.clone())
    }
}

impl Ranks for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.table.size
    }

    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Lost> {
        Ok(self.meet(mine.to_vec())?.to_vec())
    }

    fn sum(&self, values: &mut [f32]) -> Result<(), Lost> {
        let parts = self.meet(bytemuck::cast_slice(values).to_vec())?;
        let parts: Vec<Vec<f32>> = parts.iter().map(|part| bytemuck::pod_collect_to_vec(part)).collect();
        add_in_order(values, parts.iter().map(Vec::as_slice));
        Ok(())
    }
}

impl Drop for ThreadRank {
    fn drop(&mut self) {
        let mut state = self.table.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.left.get_or_insert(self.rank);
        self.table.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_hears_everybody_and_has_the_same_sums() {
        let ranks = Threads::of(3);
        let heard: Vec<_> = std::thread::scope(|scope| {
            let tell = |rank: ThreadRank| {
                let bytes = rank.gather(&[rank.rank() as u8; 2]).unwrap();
                let mut values = [[1e8f32, 1.0, -1e8][rank.rank()], 1.0];
                rank.sum(&mut values).unwrap();
                (bytes, values)
            };
            let threads: Vec<_> = ranks.into_iter().map(|rank| scope.spawn(move || tell(rank))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (bytes, values) in heard {
            assert_eq!(bytes, [[0, 0], [1, 1], [2, 2]]);
            assert_eq!(values, [0.0, 3.0]);
        }
    }

    #[test]
    fn who_waits_for_a_rank_that_left_is_told() {
        let mut ranks = Threads::of(2);
        drop(ranks.pop());
        assert_eq!(ranks[0].gather(&[]), Err(Lost("rank 1 of 2 has left".into())));
    }
}
