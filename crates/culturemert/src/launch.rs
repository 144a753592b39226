//! Whether a launcher of MPI started several of this process, and what they do together.

use std::time::Duration;

use pretrain::{Alone, Ranks};

use crate::exit::usage;

/// What launchers tell a process of how many it is one of: Open MPI; what MPICH, Intel MPI and Slurm's PMI set; and Slurm where
/// [`PMIX`] says that its tasks belong together.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
/// Set by launchers that speak PMIx, Slurm among them; without it Slurm's tasks know nothing of each other.
const PMIX: &str = "PMIX_RANK";

/// Does `work` as one of the ranks that were started together, or alone. What a rank but the first has to complain of is told by the first.
pub(crate) fn with_ranks<T>(
    patience: Duration,
    work: impl FnOnce(&dyn Ranks) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    match started(&|name| std::env::var(name).ok()) {
        Some(size) => as_rank(size, patience, work),
        None => work(&Alone),
    }
}

/// How many processes were started together, where there are several.
fn started(variable: &dyn Fn(&str) -> Option<String>) -> Option<usize> {
    let together = |name: &str| !name.starts_with("SLURM") || variable(PMIX).is_some();
    let mut sizes = SIZES.iter().filter(|name| together(name));
    sizes.find_map(|name| variable(name)?.parse().ok()).filter(|&size| size > 1)
}

#[cfg(feature = "mpi")]
fn as_rank<T>(
    size: usize,
    patience: Duration,
    work: impl FnOnce(&dyn Ranks) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let Some(ranks) = pretrain::Mpi::join(patience) else {
        anyhow::bail!("this process has joined the other ranks before");
    };
    if ranks.size() != size {
        let found = ranks.size();
        return Err(usage(format!(
            "the launcher started {size} processes and MPI knows of {found}; start them with the launcher of the library this program was built with"
        )));
    }
    let (rank, result) = (ranks.rank(), work(&ranks));
    let Err(error) = result else { return result };
    if matches!(error.downcast_ref(), Some(pretrain::PretrainError::Lost(_))) {
        ranks.abandon();
        return Err(error);
    }
    Err(if rank == 0 { error } else { crate::exit::Told(error).into() })
}

#[cfg(not(feature = "mpi"))]
fn as_rank<T>(
    size: usize,
    _: Duration,
    _: impl FnOnce(&dyn Ranks) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    Err(usage(format!(
        "this is one of {size} processes started together, and the program was built without MPI; build it with `--features mpi`"
    )))
}

#[cfg(test)]
mod tests {
    use super::started;

    #[test]
    fn launchers_tell_how_many_they_started() {
        let of = |variables: &[(&str, &str)]| {
            started(&|name| {
                variables.iter().find(|(there, _)| *there == name).map(|(_, value)| (*value).into())
            })
        };
        assert_eq!((of(&[]), of(&[("OMPI_COMM_WORLD_SIZE", "1")])), (None, None));
        assert_eq!(of(&[("SLURM_STEP_NUM_TASKS", "8")]), None);
        assert_eq!(of(&[("SLURM_STEP_NUM_TASKS", "8"), ("PMIX_RANK", "3")]), Some(8));
        assert_eq!((of(&[("OMPI_COMM_WORLD_SIZE", "4")]), of(&[("PMI_SIZE", "2")])), (Some(4), Some(2)));
    }
}
