//! `pretrain`: a run of the two-stage plan.

use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::tensor::Device;
use corpus::Corpus;
use pretrain::{
    Alone, Calibration, Event, Finished, Outcome, Ranks, RunFolder, RunRequest, TrainFile, TrainPlan,
    calibrate, run as train, together,
};
use serde_json::json;

use crate::device::DeviceArgs;
use crate::exit::{interrupted, usage};
use crate::init::{Beginning, InitArgs};
use crate::inputs::{open_corpus, tokenizer_of};
use crate::interrupt::be_silent;
use crate::launch::with_ranks;
use crate::terminal::{Terminal, print_json, print_text};
use crate::training_probes::TrainingProbes;

/// Train a model in the stages of a plan.
#[derive(clap::Args)]
#[command(
    after_help = "Presets: `pocket` trains in minutes; `paper` follows the paper's text; `mert` is MERT-v1-95M's released configuration.\n\n\
                  Example: culturemert pretrain --config pocket --corpus corpus --init scratch --out run\n\
                  To go on: culturemert pretrain --resume --corpus corpus --out run\n\
                  By 4 processes: mpirun -n 4 culturemert pretrain … (built with `--features mpi`)"
)]
pub struct Args {
    /// Plan: a TOML file, or a preset (`pocket`, `paper`, `mert`). With `--resume` by default the run's own.
    #[arg(long, required_unless_present_any = ["resume", "example"])]
    pub config: Option<String>,
    /// Prepared corpus with codes.
    #[arg(long, required_unless_present_any = ["dry_run", "example"])]
    pub corpus: Option<PathBuf>,
    /// What it begins with.
    #[command(flatten)]
    pub begin: InitArgs,
    /// Folder of the run.
    #[arg(long, required_unless_present_any = ["dry_run", "example"])]
    pub out: Option<PathBuf>,
    /// Go on with the run in the folder: weights, optimiser and place from its newest whole checkpoint.
    #[arg(long)]
    pub resume: bool,
    /// Go on although plan, corpus, codes or initial weights are not what the run was begun with; run, log and model record it.
    #[arg(long, requires = "resume")]
    pub accept_drift: bool,
    /// Print the plan with every default filled in, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// With `--dry-run`: make so many updates of each stage (by default 20, within 5 minutes in all) on the corpus, write nothing, and print
    /// as JSON what hours and memory the plan would take here, and how far that may be off.
    #[arg(long, value_name = "UPDATES", num_args = 0..=1, default_missing_value = "20", requires = "dry_run", requires = "corpus")]
    pub calibrate: Option<u64>,
    /// Print a preset (by default `pocket`) as a plan to start from, every key with what it does, and do nothing.
    #[arg(long, value_name = "PRESET", num_args = 0..=1, default_missing_value = "pocket", conflicts_with_all = ["config", "corpus", "out", "resume", "dry_run", "set"])]
    pub example: Option<String>,
    /// Change a key of the plan, for instance `stage.0.updates=100`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Which codes of the corpus are predicted, where it has several.
    #[arg(long)]
    pub codec_hash: Option<String>,
    /// Where the model computes; on a card, weights and moments of the optimiser are there too.
    #[command(flatten)]
    pub place: DeviceArgs,
    /// Of several processes started together: seconds after which one that the others wait for is taken for lost.
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE)]
    pub patience: u64,
}

/// Most time a calibration takes, but for what a first update of each stage does.
const CALIBRATION: Duration = Duration::from_mins(5);

/// Seconds after which a silent rank is taken for lost.
pub const PATIENCE: u64 = 3600;

pub(crate) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    if let Some(preset) = &args.example {
        return print_text(&pretrain::example(preset)?);
    }
    with_ranks(Duration::from_secs(args.patience), |ranks| {
        if ranks.rank() == 0 {
            return run_as(args, ranks, terminal);
        }
        be_silent();
        run_as(args, ranks, &Terminal::new(true, true))
    })
}

fn run_as(args: &Args, ranks: &dyn Ranks, terminal: &Terminal) -> anyhow::Result<()> {
    let opened = together(ranks, open(args))?;
    let is_first = ranks.rank() == 0;
    let Some(ground) = &opened.ground else {
        return if is_first { print_text(&opened.plan.to_toml()) } else { Ok(()) };
    };
    if let Some(updates) = args.calibrate {
        return match calibrated(updates, &opened.request(ground, args, ranks, terminal), terminal)? {
            Some(calibration) if is_first => print_json(&calibration),
            Some(_) => Ok(()),
            None => Err(interrupted("nothing was written")),
        };
    }
    match trained(&opened.request(ground, args, ranks, terminal), terminal, &mut |_| {})? {
        Trained::Finished(..) if !is_first => Ok(()),
        Trained::Finished(finished, model) => {
            terminal.say(format!("model in `{}` after {:.0} s", model.display(), finished.seconds));
            print_json(&document(&finished, &model))
        }
        Trained::Interrupted(interruption) => {
            let command = resuming(std::env::args());
            Err(interrupted(interruption.sentence(&format!("with: {command}"))))
        }
    }
}

/// How training ended.
pub enum Trained {
    /// The model was written to this folder.
    Finished(Finished, PathBuf),
    /// It was asked to stop.
    Interrupted(Interruption),
}

/// What there is of a run that was asked to stop: this many updates, in a checkpoint.
pub struct Interruption(pub u64);

impl Interruption {
    /// What is kept, and `how` to go on with it.
    pub fn sentence(&self, how: &str) -> String {
        match self.0 {
            0 => format!("no update was completed; begin again {how}"),
            update => format!("a checkpoint holds update {update}; go on {how}"),
        }
    }
}

/// What is said of a finished run on stdout.
pub fn document(finished: &Finished, model: &Path) -> serde_json::Value {
    json!({
        "model": model,
        "model_hash": finished.model_hash,
        "seconds": finished.seconds,
        "trained_parameters": finished.trained_parameters,
    })
}

/// Trains in this process alone. `heard` is told of every event after the terminal.
pub fn pretrain(
    args: &Args,
    terminal: &Terminal,
    heard: &mut dyn FnMut(&Event<'_>),
) -> anyhow::Result<Trained> {
    let opened = open(args)?;
    let Some(ground) = opened.ground.as_ref().filter(|_| !args.dry_run) else {
        return Err(usage("`--dry-run` trains nothing"));
    };
    trained(&opened.request(ground, args, &Alone, terminal), terminal, heard)
}

/// What all ranks open alike.
struct Opened {
    device: Device,
    plan: TrainPlan,
    beginning: Beginning,
    /// Where something is to be trained.
    ground: Option<Ground>,
}

/// What is trained on, and where to.
struct Ground {
    corpus: Corpus,
    tokenizer: String,
    out: PathBuf,
}

fn open(args: &Args) -> anyhow::Result<Opened> {
    let device = args.place.find()?;
    let begun = args.out.as_ref().filter(|_| args.resume).map(|out| RunFolder::at(out));
    let begun = begun.filter(RunFolder::holds_run).map(|folder| folder.identity()).transpose()?;
    let beginning = args.begin.open(begun.as_ref())?;
    let plan = plan_of(args, &beginning)?;
    if args.dry_run && args.calibrate.is_none() {
        return Ok(Opened { device, plan, beginning, ground: None });
    }
    let Some(corpus) = &args.corpus else { return Err(usage("name a `--corpus`")) };
    if args.out.is_none() && !args.dry_run {
        return Err(usage("name an `--out`"));
    }
    let corpus = open_corpus(corpus)?;
    let tokenizer = tokenizer_of(&corpus, args.codec_hash.as_deref())?;
    let out = args.out.clone().unwrap_or_default();
    Ok(Opened { device, plan, beginning, ground: Some(Ground { corpus, tokenizer, out }) })
}

impl Opened {
    fn request<'a>(
        &'a self,
        ground: &'a Ground,
        args: &Args,
        ranks: &'a dyn Ranks,
        terminal: &'a Terminal,
    ) -> RunRequest<'a> {
        RunRequest {
            plan: &self.plan,
            corpus: &ground.corpus,
            tokenizer: &ground.tokenizer,
            init: self.beginning.init(),
            out: &ground.out,
            resume: args.resume,
            accept_drift: args.accept_drift,
            device: self.device.clone(),
            ranks,
            stop: terminal.stop_flag(),
        }
    }
}

/// What the plan would take here; none where it was asked to stop.
fn calibrated(
    updates: u64,
    request: &RunRequest<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Option<Calibration>> {
    let mut shown = Watch::new(request.plan, terminal).watcher();
    let mut watch = |event: Event<'_>| {
        if let Event::Notice(_) = event {
            shown(&event);
        }
    };
    Ok(calibrate(request, updates, CALIBRATION, &mut watch)?)
}

/// Trains as one of the ranks; the first shows it and tells `heard`.
fn trained(
    request: &RunRequest<'_>,
    terminal: &Terminal,
    heard: &mut dyn FnMut(&Event<'_>),
) -> anyhow::Result<Trained> {
    let RunRequest { plan, corpus, out, ranks, .. } = *request;
    let mut probes = together(ranks, TrainingProbes::new(&plan.probe, corpus, out, terminal))?;
    let mut shown = Watch::new(plan, terminal).watcher();
    let mut watch = |event: Event<'_>| {
        if ranks.rank() > 0 {
            return;
        }
        match &event {
            Event::Probe(due) => probes.probe(due),
            Event::Resumed(update) => probes.resume(*update),
            _ => {}
        }
        shown(&event);
        heard(&event);
    };
    Ok(match train(request, &mut watch)? {
        Outcome::Finished(finished) => Trained::Finished(finished, out.join("model")),
        Outcome::Interrupted(update) => Trained::Interrupted(Interruption(update)),
    })
}

/// The plan asked for; of a run that is resumed, without another, its own.
fn plan_of(args: &Args, beginning: &Beginning) -> anyhow::Result<TrainPlan> {
    match (&args.config, &args.out) {
        (Some(config), _) => {
            let file = TrainFile::find(config)?.with_overrides(&beginning.assignments)?;
            Ok(file.with_overrides(&args.set)?.plan()?)
        }
        (None, _) if !args.set.is_empty() || !beginning.assignments.is_empty() => {
            Err(usage("`--set` and `--as-trained` change a plan; name it with `--config`"))
        }
        (None, Some(out)) => Ok(RunFolder::open(out)?.read_plan()?),
        (None, None) => Err(usage("name a `--config`, or with `--resume` the `--out` of the run")),
    }
}

/// That much of an update goes by waiting for data, where it is worth a word.
fn waiting(share: f64) -> String {
    if share < 0.05 {
        String::new()
    } else {
        format!(", {:.0} % of the time waiting for data", 100.0 * share)
    }
}

/// The command that goes on with what `arguments` began, as a shell takes it.
fn resuming(arguments: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = arguments.map(|word| quoted(&word)).collect();
    if !words.iter().any(|word| word == "--resume") {
        words.push("--resume".into());
    }
    words.join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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

    pub(crate) fn watcher(self) -> impl FnMut(&Event<'_>) {
        move |event| match event {
            Event::Resumed(update) => {
                self.bar.set_position(*update);
                // What an earlier sitting did says nothing about the speed of this one.
                self.bar.reset_eta();
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
                        "update {}/{}: loss {:.3}, accuracy {:.3}, {speed:.0} s of audio a second{}",
                        record.update,
                        self.updates,
                        record.loss.total,
                        record.accuracy.masked,
                        waiting(record.waiting_share())
                    ));
                }
                if record.update == self.updates {
                    self.bar.finish_and_clear();
                }
            }
            Event::Probe(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_go_on_is_the_one_given_with_resume() {
        let of = |words: &[&str]| resuming(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(
            of(&["culturemert", "pretrain", "--out", "my run", "--set", "stage.1.trainable=['encoder.*']"]),
            r"culturemert pretrain --out 'my run' --set 'stage.1.trainable=['\''encoder.*'\'']' --resume"
        );
        assert_eq!(of(&["c", "--resume", "--out", "run"]), "c --resume --out run");
    }
}
