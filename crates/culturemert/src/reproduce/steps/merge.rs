//! Merging steps.

use std::path::{Path, PathBuf};

use study::Step;
use weights::{MergeOutput, merge_directories};

use super::{Dones, Ground};

pub(super) fn step(step: Step, ground: &Ground<'_>, dones: &Dones, merge: usize) -> anyhow::Result<Step> {
    let merge = &ground.plan.merges[merge];
    let mut step = step
        .input("plan", serde_json::to_string(&merge.plan())?)
        .input("base", ground.model_hash(dones, &merge.base)?);
    for expert in &merge.experts {
        step = step.input(format!("model {expert}"), ground.model_hash(dones, expert)?);
    }
    Ok(step)
}

pub(super) fn merge(ground: &Ground<'_>, dones: &Dones, merge: usize, dir: &Path) -> anyhow::Result<()> {
    let merge = &ground.plan.merges[merge];
    let base = ground.model_dir(dones, &merge.base)?;
    let experts: Vec<PathBuf> =
        merge.experts.iter().map(|expert| ground.model_dir(dones, expert)).collect::<anyhow::Result<_>>()?;
    let experts: Vec<&Path> = experts.iter().map(PathBuf::as_path).collect();
    merge_directories(Some(&base), &experts, &merge.plan(), &dir.join("model"), &MergeOutput::default())?;
    Ok(())
}
