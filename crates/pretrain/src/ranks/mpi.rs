//! Ranks that a launcher of MPI started (`mpirun`, `srun`).
//!
//! A sum goes in blocks: each rank is sent its piece of everybody's block (all-to-all), adds the pieces in the order of ranks, and sends the
//! sums to all (all-gather). Per rank `2 (N-1)/N` of the gradient go out and as much comes in, as in a ring, and the order of additions is
//! ours: libraries of MPI promise none for their own reductions. Before each exchange ranks wait for each other in a barrier that can be
//! left: MPI itself would wait for a lost rank for ever, and keep a core busy meanwhile.

use std::time::{Duration, Instant};

use ::mpi::Threading;
use ::mpi::collective::CommunicatorCollectives;
use ::mpi::datatype::{Partition, PartitionMut};
use ::mpi::environment::Universe;
use ::mpi::topology::{Communicator, SimpleCommunicator};

use super::{Lost, Ranks, add_in_order, dealt};

/// Values of one block of a sum: 16 MiB, which bounds what is received beside the gradient.
const BLOCK: usize = 1 << 22;
/// So long a rank that waits asks again at once; then it lets the core go between.
const EAGER: Duration = Duration::from_millis(2);
/// How long it lets the core go.
const NAP: Duration = Duration::from_micros(200);

/// This process as a rank of all that were started together.
pub struct Mpi {
    /// Leaves MPI when dropped.
    universe: Option<Universe>,
    world: SimpleCommunicator,
    patience: Duration,
}

impl Mpi {
    /// Joins the processes that were started with this one; `None` where this process joined before. Others that are not heard of for longer
    /// than `patience` are lost.
    pub fn join(patience: Duration) -> Option<Self> {
        // One thread of each rank talks.
        let (universe, _) = ::mpi::initialize_with_threading(Threading::Funneled)?;
        let world = universe.world();
        Some(Self { universe: Some(universe), world, patience })
    }

    /// Ends without the others, which may be waiting for this one or be lost; the launcher ends them.
    pub fn abandon(mut self) {
        self.leave();
    }

    /// Leaving MPI in good order would wait for all.
    fn leave(&mut self) {
        std::mem::forget(self.universe.take());
    }

    /// Waits until all ranks are here.
    fn meet(&self) -> Result<(), Lost> {
        let begun = Instant::now();
        let mut barrier = self.world.immediate_barrier();
        loop {
            barrier = match barrier.test() {
                Ok(_) => return Ok(()),
                Err(barrier) => barrier,
            };
            let waited = begun.elapsed();
            if waited > self.patience {
                // It cannot be taken back.
                std::mem::forget(barrier);
                let (rank, size) = (self.rank(), self.size());
                let seconds = waited.as_secs();
                return Err(Lost(format!(
                    "rank {rank} of {size} waited {seconds} s for the others, so one of them is lost"
                )));
            }
            if waited < EAGER { std::thread::yield_now() } else { std::thread::sleep(NAP) }
        }
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.leave();
        }
    }
}

/// Where parts of these sizes begin that lie one behind the other.
fn begins(counts: &[i32]) -> Vec<i32> {
    let sums = counts.iter().scan(0, |sum, &count| Some(std::mem::replace(sum, *sum + count)));
    sums.collect()
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.size() as usize
    }

    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Lost> {
        self.meet()?;
        let length = i32::try_from(mine.len())
            .map_err(|_| Lost(format!("{} bytes are too many for one message", mine.len())))?;
        let mut counts = vec![0i32; self.size()];
        self.world.all_gather_into(&length, &mut counts[..]);
        let begins = begins(&counts);
        let mut all = vec![0u8; counts.iter().map(|&count| count as usize).sum()];
        {
            let mut parts = PartitionMut::new(&mut all[..], &counts[..], &begins[..]);
            self.world.all_gather_varcount_into(mine, &mut parts);
        }
        let part = |(&begin, &count): (&i32, &i32)| all[begin as usize..][..count as usize].to_vec();
        Ok(begins.iter().zip(&counts).map(part).collect())
    }

    fn sum(&self, values: &mut [f32]) -> Result<(), Lost> {
        self.meet()?;
        let (rank, size) = (self.rank(), self.size());
        for block in values.chunks_mut(BLOCK) {
            let pieces: Vec<i32> = (0..size).map(|of| dealt(block.len(), of, size).len() as i32).collect();
            let piece_begins = begins(&pieces);
            let mine = dealt(block.len(), rank, size).len();
            let mut received = vec![0f32; mine * size];
            {
                let counts = vec![mine as i32; size];
                let begins = begins(&counts);
                let sent = Partition::new(&block[..], &pieces[..], &piece_begins[..]);
                let mut parts = PartitionMut::new(&mut received[..], &counts[..], &begins[..]);
                self.world.all_to_all_varcount_into(&sent, &mut parts);
            }
            let mut sum = vec![0f32; mine];
            add_in_order(&mut sum, received.chunks_exact(mine.max(1)));
            let mut parts = PartitionMut::new(&mut block[..], &pieces[..], &piece_begins[..]);
            self.world.all_gather_varcount_into(&sum[..], &mut parts);
        }
        Ok(())
    }
}
