//! `datasets gather`: pre-training data of several data sets, as an index for `prepare` with a report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use corpus::datasets::{DataReport, DataSetRequest, GatherRequest, GatherSet, Gathered, MtatSplit, gather};
use corpus::{Clip, CorpusError, Material, Sampler};
use pretrain::{TrainFile, TrainPlan, sampler_plan};
use serde::Serialize;

use crate::exit::{Interrupted, usage};
use crate::inputs::pair;
use crate::interrupt::stop_flag;
use crate::terminal::{Terminal, print_json};

/// Gather continual pre-training data: hours of the training splits of data sets, and none of what they are evaluated on.
///
/// Hours are by default the paper's: 200 of makam, hindustani and carnatic, 50 of lyra, 20 of music4all to be replayed.
#[derive(clap::Args)]
#[command(
    after_help = "Example: culturemert datasets gather --data makam=/data/makam,lyra=/data/lyra --out index.jsonl --report data-report.json"
)]
pub(super) struct Args {
    /// Data sets and the folders of their recordings.
    #[arg(long, value_name = "NAME=DIR", value_delimiter = ',', required = true)]
    data: Vec<String>,
    /// Hours of data sets, where they are not the paper's.
    #[arg(long, value_name = "NAME=HOURS", value_delimiter = ',')]
    hours: Vec<String>,
    /// Data sets whose evaluation splits are compared with too, and the folders of their recordings.
    #[arg(long, value_name = "NAME=DIR", value_delimiter = ',')]
    against: Vec<String>,
    /// Folder that holds a folder of splits and tags for each set; by default they lie with the recordings, or in `metadata` there.
    #[arg(long, value_name = "DIR")]
    metadata: Option<PathBuf>,
    /// Where the index goes.
    #[arg(long)]
    out: PathBuf,
    /// Where the report goes.
    #[arg(long)]
    report: PathBuf,
    /// Another seed takes other recordings.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Minutes of each set's training split held out beyond its hours, as validation split.
    #[arg(long, default_value_t = 10.0)]
    held_out_minutes: f64,
    /// Plan whose stages are compared with what was found: a TOML file or a preset.
    #[arg(long, default_value = "paper")]
    config: String,
    /// Go on where recordings are missing; hours that are not reached are told either way.
    #[arg(long)]
    allow_missing: bool,
}

/// The report as it is written.
#[derive(Serialize)]
struct Stated<'a> {
    #[serde(flatten)]
    data: &'a DataReport,
    /// Name of the plan.
    plan: &'a str,
    /// What each of its stages would read.
    stages: Vec<StageMaterial>,
}

/// What a stage of the plan would read of the data.
#[derive(Serialize)]
struct StageMaterial {
    stage: String,
    /// Hours asked for, found and taken of each culture; replay is marked.
    material: Vec<Material>,
    /// Hours that one pass reads.
    hours: f64,
    /// Share of them that is replayed.
    replay_share: f64,
    /// Why the stage cannot be trained on the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    let request = request_of(args)?;
    let plan = TrainFile::find(&args.config)?.plan()?;
    let bar = terminal.bar("gather", 0);
    let progress = |done: usize| {
        bar.set_length(done as u64);
        bar.set_position(done as u64);
    };
    let gathered = gather(&request, stop_flag(), &progress);
    bar.finish_and_clear();
    let gathered = match gathered {
        Err(CorpusError::Interrupted { .. }) => {
            return Err(Interrupted("nothing was written; run the same command again".into()).into());
        }
        gathered => gathered?,
    };
    let stages = stages(&plan, &gathered.clips());
    let stated = Stated { data: &gathered.report, plan: &plan.run.name, stages };
    write(args, &gathered, &stated)?;
    in_words(&stated, args, terminal);
    print_json(&summary(&stated))
}

fn request_of(args: &Args) -> anyhow::Result<GatherRequest> {
    let place = |dir: &str| DataSetRequest {
        metadata: args.metadata.clone(),
        allow_missing: args.allow_missing,
        split: MtatSplit::default(),
        ..DataSetRequest::new(dir)
    };
    let mut hours: BTreeMap<&str, f64> = BTreeMap::new();
    for given in &args.hours {
        let (name, number) = pair("--hours", given, "makam=50")?;
        let number = number
            .parse()
            .map_err(|_| usage(format!("`--hours {given}`: `{number}` is no number of hours")))?;
        hours.insert(name, number);
    }
    let mut sets = Vec::new();
    for given in &args.data {
        let (name, dir) = pair("--data", given, "makam=/data/makam")?;
        sets.push(GatherSet { name: name.into(), request: place(dir), hours: hours.remove(name) });
    }
    if let Some(name) = hours.keys().next() {
        let meant = nearest::did_you_mean(name, sets.iter().map(|set| set.name.as_str()));
        return Err(usage(format!("`--hours {name}=…` names a data set that `--data` does not{meant}")));
    }
    let against = args.against.iter().map(|given| {
        let (name, dir) = pair("--against", given, "makam=/data/makam")?;
        Ok((name.to_owned(), place(dir)))
    });
    Ok(GatherRequest {
        sets,
        against: against.collect::<anyhow::Result<_>>()?,
        seed: args.seed,
        held_out_minutes: args.held_out_minutes,
    })
}

/// What every stage of a plan would read of these clips, by the sampler's own choice.
fn stages(plan: &TrainPlan, clips: &[Clip]) -> Vec<StageMaterial> {
    let of_stage = |(index, stage): (usize, &pretrain::StagePlan)| {
        let sampler = Sampler::new(clips, &sampler_plan(plan, index, stage, clips));
        let (material, fault) = match sampler {
            Ok(sampler) => (sampler.material().to_vec(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let sum = |is_counted: fn(&Material) -> bool| -> f64 {
            material.iter().filter(|one| is_counted(one)).map(|one| one.hours_taken).sum()
        };
        let (hours, replayed) = (sum(|_| true), sum(|one| one.is_replay));
        let replay_share = if hours > 0.0 { replayed / hours } else { 0.0 };
        StageMaterial { stage: stage.name.clone(), material, hours, replay_share, fault }
    };
    plan.stages.iter().enumerate().map(of_stage).collect()
}

fn write(args: &Args, gathered: &Gathered, stated: &Stated<'_>) -> anyhow::Result<()> {
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let index = gathered.index(folder)?;
    let report = serde_json::to_string_pretty(stated)? + "\n";
    files::write_together(&[(&args.out, index.as_bytes()), (&args.report, report.as_bytes())])?;
    Ok(())
}

fn in_words(stated: &Stated<'_>, args: &Args, terminal: &Terminal) {
    for set in &stated.data.sets {
        let asked = set.hours_asked.map_or("all".into(), |hours| format!("{hours}"));
        terminal.say(format!(
            "{}: {asked} h asked, {:.2} h found in {} recordings; held out {:.2} h; {} absent, {} unreadable, {} too short, {} left out{}",
            set.name,
            set.hours_found,
            set.recordings,
            set.held_out_hours,
            set.absent,
            set.unreadable.len(),
            set.too_short.len(),
            set.excluded.len(),
            if set.falls_short { "; fewer than asked" } else { "" }
        ));
    }
    let overlap = &stated.data.overlap;
    terminal.say(format!(
        "overlap with {} evaluation recordings: {} by id, {} by content ({} of them were there to compare)",
        overlap.evaluation_recordings, overlap.by_id, overlap.by_content, overlap.evaluation_contents
    ));
    for stage in &stated.stages {
        terminal.say(match &stage.fault {
            Some(fault) => format!("stage `{}` of `{}`: {fault}", stage.stage, stated.plan),
            None => format!(
                "stage `{}` of `{}`: {:.2} h, {:.1} % of them replay",
                stage.stage,
                stated.plan,
                stage.hours,
                100.0 * stage.replay_share
            ),
        });
    }
    let roots = args.data.iter().filter_map(|given| given.split_once('='));
    let roots: Vec<String> = roots.map(|(_, dir)| format!(" --audio-root {dir}")).collect();
    terminal.say(format!(
        "go on with: culturemert prepare --index {}{} --out corpus",
        args.out.display(),
        roots.concat()
    ));
}

/// The report without the lists of files.
fn summary(stated: &Stated<'_>) -> serde_json::Value {
    let mut value = serde_json::json!(stated);
    for set in value["sets"].as_array_mut().into_iter().flatten() {
        if let Some(set) = set.as_object_mut() {
            set.remove("files");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clips of 30 s that make the hours given of each culture.
    fn clips(hours: &[(&'static str, f64)]) -> Vec<Clip> {
        let numbered = |&(culture, hours): &(&'static str, f64)| {
            (0..(hours * 120.0) as usize).map(move |at| (culture, at))
        };
        let clip = |(culture, at): (&str, usize)| Clip {
            id: format!("{culture}/{at}#0"),
            source: format!("{culture}/{at}"),
            source_sha256: String::new(),
            start: 0,
            samples: 720_000,
            culture: culture.into(),
            split: corpus::Split::Train,
            group: None,
            tags: Vec::new(),
            licence: None,
            shard: 0,
            offset: 0,
            silent: false,
        };
        hours.iter().flat_map(numbered).map(clip).collect()
    }

    #[test]
    fn the_papers_stages_are_a_hundred_hours_with_a_fifth_of_replay_and_all_of_it() {
        let plan = TrainFile::find("paper").unwrap().plan().unwrap();
        let hours = [
            ("turkish-makam", 200.0),
            ("carnatic", 200.0),
            ("hindustani", 200.0),
            ("greek", 50.0),
            ("western", 20.0),
        ];
        let stages = stages(&plan, &clips(&hours));
        let short = |stage: &StageMaterial| stage.material.iter().any(Material::falls_short);
        assert!(stages.iter().all(|stage| stage.fault.is_none() && !short(stage)));
        let numbers: Vec<(f64, f64)> = stages.iter().map(|stage| (stage.hours, stage.replay_share)).collect();
        assert!((numbers[0].0 - 100.0).abs() < 1e-9 && (numbers[0].1 - 0.2).abs() < 1e-9, "{numbers:?}");
        assert!((numbers[1].0 - 650.0).abs() < 1e-9 && numbers[1].1.abs() < 1e-9, "{numbers:?}");
    }

    #[test]
    fn a_culture_that_is_not_there_is_told_and_one_that_falls_short_is_marked() {
        let plan = TrainFile::find("paper").unwrap().plan().unwrap();
        let found = stages(&plan, &clips(&[("greek", 50.0)]));
        assert!(found[0].fault.as_ref().unwrap().contains("turkish-makam"), "{:?}", found[0].fault);
    }
}
