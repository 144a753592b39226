//! `pretrain`: a run of the two-stage plan.

use std::path::PathBuf;

use burn::tensor::Device;
use pretrain::{Event, Outcome, RunRequest, TrainFile, TrainPlan, run as train};
use serde_json::json;

use crate::exit::{Interrupted, usage};
use crate::init::InitArgs;
use crate::inputs::{open_corpus, tokenizer_of};
use crate::interrupt::stop_flag;
use crate::terminal::{Terminal, print_json, print_text};

/// Train a model in the stages of a plan.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert pretrain --config pocket --corpus corpus --init scratch --out run"
)]
pub(crate) struct Args {
    /// Plan: a TOML file, or a preset (`pocket`, `paper`).
    #[arg(long)]
    config: String,
    /// Prepared corpus with codes.
    #[arg(long, required_unless_present = "dry_run")]
    corpus: Option<PathBuf>,
    #[command(flatten)]
    begin: InitArgs,
    /// Folder of the run.
    #[arg(long, required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Go on with the run in the folder.
    #[arg(long)]
    resume: bool,
    /// Print the plan with every default filled in, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Change a key of the plan, for instance `stage.0.updates=100`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Which codes of the corpus are predicted, where it has several.
    #[arg(long)]
    codec_hash: Option<String>,
}

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let beginning = args.begin.open()?;
    let file = TrainFile::find(&args.config)?.with_overrides(&beginning.assignments)?;
    let plan = file.with_overrides(&args.set)?.plan()?;
    if args.dry_run {
        return print_text(&plan.to_toml());
    }
    let (Some(corpus), Some(out)) = (&args.corpus, &args.out) else {
        return Err(usage("name a `--corpus` and `--out`"));
    };
    let corpus = open_corpus(corpus)?;
    let tokenizer = tokenizer_of(&corpus, args.codec_hash.as_deref())?;
    let request = RunRequest {
        plan: &plan,
        corpus: &corpus,
        tokenizer: &tokenizer,
        init: beginning.init(),
        out,
        resume: args.resume,
        device: Device::flex(),
        stop: stop_flag(),
    };
    match train(&request, &mut Watch::new(&plan, terminal).watcher())? {
        Outcome::Finished(finished) => {
            terminal.say(format!(
                "model in `{}` after {:.0} s",
                out.join("model").display(),
                finished.seconds
            ));
            print_json(&json!({
                "model": out.join("model"),
                "model_hash": finished.model_hash,
                "seconds": finished.seconds,
                "trained_parameters": finished.trained_parameters,
            }))
        }
        Outcome::Interrupted(update) => {
            let message = format!("a checkpoint holds update {update}; add `--resume` to go on");
            Err(Interrupted(message).into())
        }
    }
}

/// Shows a run: a bar with audio seconds a second, and lines for what matters.
pub(crate) struct Watch<'a> {
    terminal: &'a Terminal,
    bar: indicatif::ProgressBar,
    updates: u64,
}

impl<'a> Watch<'a> {
    pub(crate) fn new(plan: &TrainPlan, terminal: &'a Terminal) -> Self {
        let bar = terminal.bar(&plan.run.name, plan.updates());
        Self { terminal, bar, updates: plan.updates() }
    }

    pub(crate) fn watcher(self) -> impl FnMut(Event<'_>) {
        move |event| match event {
            Event::Resumed(update) => {
                self.bar.set_position(update);
                self.line(format!("going on after update {update}"));
            }
            Event::Notice(text) => self.line(text),
            Event::Stage(report) => self.line(report.to_string().trim_end()),
            Event::Update(record) => {
                self.bar.set_position(record.update);
                let speed = record.audio_seconds_per_second;
                self.bar.set_message(format!("loss {:.3}, {speed:.0}x real time,", record.loss.total));
                let tenth = (self.updates / 10).max(1);
                if !self.terminal.draws() && record.update % tenth == 0 {
                    self.line(format!(
                        "update {}/{}: loss {:.3}, accuracy {:.3}, {speed:.0} s of audio a second",
                        record.update, self.updates, record.loss.total, record.accuracy.masked
                    ));
                }
                if record.update == self.updates {
                    self.bar.finish_and_clear();
                }
            }
            Event::HeldOut(record) => self.line(format!(
                "update {}: held-out loss of {} {:.3}, accuracy {:.3}",
                record.update, record.culture, record.loss.total, record.accuracy.masked
            )),
        }
    }

    fn line(&self, text: impl AsRef<str>) {
        self.bar.suspend(|| self.terminal.say(text.as_ref()));
    }
}
