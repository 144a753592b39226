//! Weights by similarity, from what `similarity` wrote: λ for merges and shares for training mixtures.

use std::fmt::Write as _;
use std::path::Path;

use evaluate::{EvaluateError, Guidance, GuidedTarget, Similarity, guide_for};

use crate::exit::usage;
use crate::inputs::must_exist;

/// A file larger than this was not written by `similarity`.
const LARGEST: u64 = 64 << 20;

/// Decimals of a share in a plan.
const SHARE_DECIMALS: usize = 6;

/// The distances in a file that `similarity` wrote.
pub(crate) fn read_similarity(path: &Path) -> anyhow::Result<Similarity> {
    must_exist("similarity", path)?;
    let shown = path.display();
    let unusable = |reason: String| {
        usage(format!("`{shown}` is not what `culturemert similarity --out` writes: {reason}"))
    };
    let size = std::fs::metadata(path)?.len();
    if size > LARGEST {
        return Err(unusable(format!("it has {size} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let similarity: Similarity =
        serde_json::from_str(&text).map_err(|error| unusable(nearest::explain(&error.to_string())))?;
    let n = similarity.cultures.len();
    let distances = &similarity.mean.jsd_nats;
    let is_square = distances.len() == n && distances.iter().all(|row| row.len() == n);
    if !is_square || distances.iter().flatten().any(|distance| !(distance.is_finite() && *distance >= 0.0)) {
        return Err(unusable(format!("`mean.jsd_nats` does not hold the divergences of {n} cultures")));
    }
    Ok(similarity)
}

/// Weights of models that are called like the cultures of the file; without a target for all of its cultures together.
pub(crate) fn guided(
    path: &Path,
    sources: &[String],
    target: Option<&str>,
    guidance: Guidance,
) -> anyhow::Result<GuidedTarget> {
    let similarity = read_similarity(path)?;
    let cultures = similarity.cultures.iter().map(String::as_str);
    let stranger = |name: &str| !similarity.cultures.iter().any(|culture| culture == name);
    let refused = |what: &str, name: &str| {
        let meant = nearest::did_you_mean(name, cultures.clone());
        let (file, known) = (path.display(), similarity.cultures.join(", "));
        Err(usage(format!("{what} `{name}` is none of the cultures of `{file}`: {known}{meant}")))
    };
    if let Some(name) = target.filter(|name| stranger(name)) {
        return refused("the target", name);
    }
    if let Some(name) = sources.iter().find(|name| stranger(name)) {
        return refused("the model", name);
    }
    guide_for(&similarity, sources, target, guidance).map_err(|error| match error {
        EvaluateError::Setting { .. } | EvaluateError::Twice { .. } => usage(error.to_string()),
        other => other.into(),
    })
}

/// How λ by similarity came about, for a card.
pub(crate) fn in_words(path: &Path, guided: &GuidedTarget, temperature: f64) -> String {
    let name = path
        .file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    let weights: Vec<String> =
        guided.sources.iter().map(|source| format!("{} {:.4}", source.culture, source.lambda)).collect();
    format!(
        "λ by similarity of tokens to {} ({name}, temperature {temperature}), in sum that of λ = {} for each: {}",
        guided.target.as_deref().unwrap_or("all cultures together"),
        guided.uniform_lambda,
        weights.join(", ")
    )
}

/// The lines of a stage's `data` in a training plan that read its cultures by these shares, and the same as `--set`.
pub(crate) fn mixture(guided: &GuidedTarget, temperature: f64) -> anyhow::Result<String> {
    let share = |share: f64| format!("{share:.SHARE_DECIMALS$}");
    if let Some(none) = guided.sources.iter().find(|source| share(source.share).parse() == Ok(0.0)) {
        return Err(usage(format!(
            "with `--temperature {temperature}` nothing is left for `{}`; take a larger one, or leave it out by `--adapted`",
            none.culture
        )));
    }
    let quoted = |name: &str| toml::Value::from(name).to_string();
    let entry = |source: &evaluate::GuidedSource| {
        format!("{{ culture = {}, weight = {} }}", quoted(&source.culture), share(source.share))
    };
    let entries: Vec<String> = guided.sources.iter().map(entry).collect();
    let mut out = format!(
        "# Shares by similarity of tokens to {}: softmax of −divergence over {temperature} × its mean. Uniform: {}.\n\
         # For `[stage.data]` of a plan, in place of these keys there. Cultures that the stage replays must not be among them.\n\
         mixture = \"weights\"\nexcept = []\ncultures = [\n",
        guided.target.as_deref().unwrap_or("all cultures together"),
        share(guided.uniform_share)
    );
    for entry in &entries {
        let _ = writeln!(out, "    {entry},");
    }
    let _ = writeln!(
        out,
        "]\n# Or on the command line, for the stage of number N:\n\
         #   --set stage.N.data.mixture=weights --set 'stage.N.data.except=[]' --set 'stage.N.data.cultures=[{}]'",
        entries.join(", ")
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    use evaluate::GuidedSource;

    use super::*;

    fn example(shares: [f64; 2]) -> GuidedTarget {
        let source = |(culture, share): (&str, f64)| GuidedSource {
            culture: culture.into(),
            divergence_nats: 0.1,
            lambda: 0.4 * share,
            share,
        };
        GuidedTarget {
            target: Some("greek".into()),
            uniform_share: 0.5,
            uniform_lambda: 0.2,
            sources: ["turkish-makam", "ney and tanbur"].into_iter().zip(shares).map(source).collect(),
        }
    }

    #[test]
    fn a_mixture_is_a_part_of_a_plan_and_its_settings_are_settings_of_one() {
        let text = mixture(&example([0.7, 0.3]), 1.0).unwrap();
        let data: pretrain::StageData = toml::from_str(&text).unwrap();
        let weights: Vec<(&str, Option<f64>)> =
            data.cultures.iter().map(|culture| (culture.culture.as_str(), culture.weight)).collect();
        assert_eq!(weights, [("turkish-makam", Some(0.7)), ("ney and tanbur", Some(0.3))]);
        assert_eq!(data.mixture, pretrain::Sharing::Weights);
        let (_, cultures) = text.trim_end().split_once("stage.N.data.cultures=").unwrap();
        let setting = format!("stage.1.data.cultures={}", cultures.trim_end_matches('\''));
        let settings = ["stage.1.data.mixture=weights", "stage.1.data.except=[]", &setting];
        let plan = pretrain::preset("pocket").unwrap().with_overrides(&settings).unwrap().plan().unwrap();
        assert_eq!(plan.stages[1].data, data);
        assert!(mixture(&example([1.0, 1e-9]), 0.01).unwrap_err().to_string().contains("ney and tanbur"));
    }
}
