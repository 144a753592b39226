//! Several processes that train one model: what they need of each other, and who does what.
//!
//! The micro-batches of an update are dealt to the ranks in their order, as evenly as they go. Every rank holds all weights and moments,
//! makes the draws that one rank would make for the same micro-batches, and takes the same step with the same gradient: `Σ_r g_r`, added in
//! the order of ranks. So the number of ranks changes nothing but where the brackets of that sum stand, and N ranks are N ranks bit for bit.
//! Whatever is decided is decided from what was exchanged, never from what one rank saw alone.

use std::ops::Range;

mod alone;
mod company;
#[cfg(feature = "mpi")]
mod mpi;
mod threads;

pub use alone::Alone;
pub(crate) use company::Company;
#[cfg(feature = "mpi")]
pub use mpi::Mpi;
pub use threads::{ThreadRank, Threads};

/// One of the processes of a run, and its two ways of exchange. Every rank makes the same calls in the same order.
pub trait Ranks {
    /// Which one this is, from 0.
    fn rank(&self) -> usize;
    /// How many there are.
    fn size(&self) -> usize;
    /// What everybody says, in the order of ranks; waits until all have said it.
    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Lost>;
    /// Adds up everybody's `values`, equally many, element by element in the order of ranks; all have the same sums.
    fn sum(&self, values: &mut [f32]) -> Result<(), Lost>;
}

/// Others are not heard of any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub String);

/// Passes on what came of work that each rank did for itself, once all have done it. Where one failed all do: it with its own error, the
/// others with what it says.
pub fn together<T, E>(ranks: &dyn Ranks, result: Result<T, E>) -> Result<T, E>
where
    E: std::fmt::Display + From<crate::PretrainError>,
{
    let company = Company(ranks);
    match result {
        Ok(done) => company.meet().map(|()| done).map_err(E::from),
        Err(error) => {
            company.fail(&format!("{error:#}"));
            Err(error)
        }
    }
}

/// The part of `items` that `rank` of `size` does: in their order, and of sizes that differ by one at most.
pub(crate) fn dealt(items: usize, rank: usize, size: usize) -> Range<usize> {
    let first = |rank: usize| rank * (items / size) + rank.min(items % size);
    first(rank)..first(rank + 1)
}

/// Adds `parts`, equally long, into `sum` in their order.
fn add_in_order<'a>(sum: &mut [f32], parts: impl IntoIterator<Item = &'a [f32]>) {
    for (at, part) in parts.into_iter().enumerate() {
        if at == 0 {
            sum.copy_from_slice(part);
        } else {
            sum.iter_mut().zip(part).for_each(|(sum, &value)| *sum += value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_dealt_in_order_and_evenly() {
        let parts = |items, size| (0..size).map(|rank| dealt(items, rank, size)).collect::<Vec<_>>();
        assert_eq!(parts(7, 3), [0..3, 3..5, 5..7]);
        assert_eq!(parts(2, 3), [0..1, 1..2, 2..2]);
        assert_eq!(parts(24, 1), vec![0..24]);
    }

    #[test]
    fn the_order_of_a_sum_is_that_of_the_ranks() {
        let parts = [[1e8f32], [1.0], [-1e8]];
        let mut sum = [f32::NAN];
        add_in_order(&mut sum, parts.iter().map(<[f32; 1]>::as_slice));
        assert_eq!(sum, [(1e8f32 + 1.0) - 1e8]);
    }
}
