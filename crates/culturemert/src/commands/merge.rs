//! `merge`: models combined in weight space.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use evaluate::Guidance;
use weights::{LayerGroup, MergeOutput, MergePlan, MergeReport, carry_out, merge_directories, merge_planned};

use crate::exit::usage;
use crate::guidance::{guided, in_words};
use crate::inputs::{ModelArgument, must_exist, must_not_be, open_model};
use crate::terminal::{Terminal, print_json};

/// λ of every task vector where none is given.
pub const LAMBDA: f64 = 0.2;

/// Combine models in weight space: task arithmetic, or what a mergekit file says.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert merge --base base --model makam --model carnatic --lambda 0.2 --out merged
One λ a model: culturemert merge --base base --model makam --lambda 0.3 --model carnatic --lambda -0.1 --group front-end=0 --out merged
By similarity: culturemert merge --base base --model makam=makam-model --model carnatic=carnatic-model --lambda guided \\
    --similarity similarity.json --target makam --out merged"
)]
pub struct Args {
    /// Model the others were adapted from.
    #[arg(long, required_unless_present = "config")]
    pub base: Option<PathBuf>,
    /// Adapted model, or a task vector of one (`culturemert task-vector`); repeat for several. With a name, where λ follows similarity.
    #[arg(long, required_unless_present = "config", value_name = "[NAME=]DIR")]
    pub model: Vec<ModelArgument>,
    /// Weight of every task vector, 0.2 by default; or repeated, one for each model in their order. Negative: to forget. `guided`: by similarity.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER|guided")]
    pub lambda: Vec<Lambda>,
    /// What `culturemert similarity --out` wrote, for `--lambda guided`; models are named after its cultures.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub similarity: Option<PathBuf>,
    /// Culture the merge is for, with `--lambda guided`; by default all of the file together.
    #[arg(long, value_name = "CULTURE", requires = "similarity")]
    pub target: Option<String>,
    /// λ of every task vector in the uniform merge whose sum the guided weights have.
    #[arg(long, default_value_t = LAMBDA, allow_negative_numbers = true, requires = "similarity")]
    pub uniform: f64,
    /// How evenly guided weights follow similarity, in mean divergences: large is uniform, small takes the nearest alone.
    #[arg(long, default_value_t = 1.0, requires = "similarity")]
    pub temperature: f64,
    /// Factor of λ in a group of layers: front-end, projection, positional, mask-embedding, final-norm, layers, layers.3, layers.0-5. The first that fits counts.
    #[arg(long, value_name = "GROUP=FACTOR", value_parser = group_factor)]
    pub group: Vec<(LayerGroup, f64)>,
    /// A mergekit YAML, or the same as TOML, instead.
    #[arg(long, conflicts_with_all = ["base", "model", "lambda", "group"])]
    pub config: Option<PathBuf>,
    /// Folder of the merged model. It may be that of an input, which then is replaced.
    #[arg(long)]
    pub out: PathBuf,
    /// Most bytes of tensors in one safetensors file; more makes several files with an index, as transformers reads them.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub shard_bytes: Option<u64>,
    /// Licence to give the merged model out under; refused where the data or a model it is made of does not allow it.
    #[arg(long)]
    pub licence: Option<String>,
    /// Markdown file with results of the merged model, for its card.
    #[arg(long)]
    pub results: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    print_json(&merge(args, terminal)?)
}

/// Writes the merged model; returns the report.
pub fn merge(args: &Args, terminal: &Terminal) -> anyhow::Result<MergeReport> {
    let mut output = output_of(args)?;
    let report = if let Some(config) = &args.config {
        must_exist("merge configuration", config)?;
        must_not_be(&args.out, "merge configuration", config)?;
        terminal.during("merge", || anyhow::Ok(merge_planned(config, &args.out, &output)?))?
    } else {
        let Some(base) = &args.base else { return Err(usage("name a `--base`")) };
        let models: Vec<PathBuf> = args.model.iter().map(|model| model.path.clone()).collect();
        let lambdas = if args.lambda.contains(&Lambda::Guided) {
            let (lambdas, words) = guided_lambdas(args)?;
            output.choice = Some(words);
            lambdas
        } else {
            if args.similarity.is_some() {
                return Err(usage("`--similarity` goes with `--lambda guided`"));
            }
            let numbers = args.lambda.iter().filter_map(|lambda| match lambda {
                Lambda::Number(number) => Some(*number),
                Lambda::Guided => None,
            });
            lambdas(&numbers.collect::<Vec<_>>(), models.len())?
        };
        terminal
            .during("merge", || add_task_vectors(base, &models, &lambdas, &args.group, &args.out, &output))?
    };
    terminal.say(format!("merged model in `{}`", args.out.display()));
    Ok(report)
}

/// The same by a plan that is in no file; paths in it are relative to the working directory.
pub fn merge_by(plan: &MergePlan, out: &Path, output: &MergeOutput) -> anyhow::Result<MergeReport> {
    plan.check()?;
    for model in plan.models.iter().map(|model| &model.model).chain(&plan.base_model) {
        must_exist("model", Path::new(model))?;
    }
    Ok(carry_out(plan, Path::new(""), out, output)?)
}

/// `base + Σ λᵢ (modelᵢ − base)`.
fn add_task_vectors(
    base: &Path,
    models: &[PathBuf],
    lambdas: &[f64],
    factors: &[(LayerGroup, f64)],
    out: &Path,
    output: &MergeOutput,
) -> anyhow::Result<MergeReport> {
    for model in models.iter().map(PathBuf::as_path).chain([base]) {
        open_model(model)?;
    }
    let names = models.iter().map(|model| model.display().to_string());
    let models_and_lambdas: Vec<(String, f64)> = names.zip(lambdas.iter().copied()).collect();
    let plan = MergePlan::per_culture(base.display().to_string(), &models_and_lambdas, factors);
    let models: Vec<&Path> = models.iter().map(PathBuf::as_path).collect();
    Ok(merge_directories(Some(base), &models, &plan, out, output)?)
}

/// A value of `--lambda`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lambda {
    /// As it is.
    Number(f64),
    /// By similarity.
    Guided,
}

impl FromStr for Lambda {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "guided" => Ok(Self::Guided),
            _ => text.parse().map(Self::Number).map_err(|_| "neither a number nor `guided`".into()),
        }
    }
}

/// λ of every model by the similarity of its culture, and how they came about.
fn guided_lambdas(args: &Args) -> anyhow::Result<(Vec<f64>, String)> {
    if args.lambda.len() > 1 {
        return Err(usage("`--lambda guided` sets all λ; give no others"));
    }
    let Some(similarity) = &args.similarity else {
        return Err(usage(
            "`--lambda guided` needs `--similarity FILE`, from `culturemert similarity --out FILE`",
        ));
    };
    let names = args.model.iter().map(|model| model.named("`--lambda guided`"));
    let names = names.collect::<anyhow::Result<Vec<_>>>()?;
    let guidance = Guidance { uniform_lambda: args.uniform, temperature: args.temperature };
    let guided = guided(similarity, &names, args.target.as_deref(), guidance)?;
    let words = in_words(similarity, &guided, args.temperature);
    Ok((guided.sources.iter().map(|source| source.lambda).collect(), words))
}

/// One λ for each model.
pub fn lambdas(given: &[f64], n_models: usize) -> anyhow::Result<Vec<f64>> {
    if let Some(lambda) = given.iter().find(|lambda| !lambda.is_finite()) {
        return Err(usage(format!("`--lambda {lambda}` is not a finite number")));
    }
    match given {
        [] => Ok(vec![LAMBDA; n_models]),
        [one] => Ok(vec![*one; n_models]),
        several if several.len() == n_models => Ok(several.to_vec()),
        several => Err(usage(format!(
            "there are {} `--lambda` and {n_models} `--model`; give one for all, or one for each",
            several.len()
        ))),
    }
}

/// Reads `front-end=0.5`.
pub fn group_factor(text: &str) -> Result<(LayerGroup, f64), String> {
    let (group, factor) =
        text.split_once('=').ok_or("a group and a factor are needed, as in `front-end=0.5`")?;
    let group = group.parse::<LayerGroup>().map_err(|error| error.to_string())?;
    match factor.parse::<f64>() {
        Ok(factor) if factor.is_finite() => Ok((group, factor)),
        _ => Err(format!("`{factor}` is not a finite number")),
    }
}

/// What the merged model is written with.
pub fn output_of(args: &Args) -> anyhow::Result<MergeOutput> {
    let mut sections = Vec::new();
    if let Some(results) = &args.results {
        must_exist("results", results)?;
        let text = std::fs::read_to_string(results)
            .map_err(|error| usage(format!("results `{}` cannot be read: {error}", results.display())))?;
        // A table alone becomes a section of its own.
        sections.push(if text.starts_with('#') { text } else { format!("## Results\n\n{text}") });
    }
    Ok(MergeOutput { shard_bytes: args.shard_bytes, licence: args.licence.clone(), sections, choice: None })
}
