//! The chosen merge as a model directory, whose card and lineage say how its λ were chosen.

use std::path::{Path, PathBuf};

use study::sweep::{Sweep, text};
use weights::{LayerGroup, MergeOutput, MergePlan, merge_directories};

/// Writes the chosen merge of `models`, which are those of the sweep; its tensors must be those that were measured.
pub(crate) fn write_chosen(
    sweep: &Sweep,
    base: &Path,
    models: &[(String, PathBuf)],
    factors: &[(LayerGroup, f64)],
    out: &Path,
    licence: Option<String>,
) -> anyhow::Result<()> {
    let chosen = &sweep.points[sweep.chosen];
    let paths: Vec<&Path> = models.iter().map(|(_, path)| path.as_path()).collect();
    let lambda = |name: &String| chosen.lambdas.get(name).copied().unwrap_or_default();
    let named: Vec<(String, f64)> =
        models.iter().map(|(name, path)| (path.display().to_string(), lambda(name))).collect();
    let plan = MergePlan::per_culture(base.display().to_string(), &named, factors);
    let output = MergeOutput {
        licence,
        sections: vec![text(sweep).replacen("# λ by validation", "## Results", 1)],
        choice: Some(choice_in_words(sweep)),
        ..MergeOutput::default()
    };
    let report = merge_directories(Some(base), &paths, &plan, out, &output)?;
    anyhow::ensure!(
        report.content_hash == chosen.content_hash,
        "the merge in `{}` is not the one that was measured: an input changed meanwhile",
        out.display()
    );
    Ok(())
}

/// How the weights of the chosen merge came about, for its lineage and card.
fn choice_in_words(sweep: &Sweep) -> String {
    let chosen = &sweep.points[sweep.chosen];
    let tasks: Vec<&str> = sweep.tasks.iter().map(|task| task.name.as_str()).collect();
    let how = match &sweep.search {
        Some(search) => format!("coordinate search from {} λ", search.start),
        None => "comparison".into(),
    };
    format!(
        "chosen by {how} over {} merges: the highest {} ({:.4}, mean over {} and {} probe seeds) on the validation recordings of corpus {} \
         (sha256 {}, splits {}); test recordings chose nothing",
        sweep.points.len(),
        sweep.metric.label(),
        chosen.validation.mean.mean,
        tasks.join(", "),
        sweep.seeds.len(),
        sweep.corpus.name,
        sweep.corpus.hash,
        sweep.corpus.split
    )
}
