//! `datasets check`: what is there of a data set.

use std::path::PathBuf;

use corpus::datasets::{DataSetCheck, DataSetRequest, MtatSplit, check};

use crate::exit::usage;
use crate::inputs::must_exist;
use crate::terminal::{Terminal, print_json};

/// Say what is there of a data set, what is absent or unreadable, and which splits and tags come out.
///
/// Exits with 1 where it cannot be used without `--allow-missing`.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert datasets check fma /data/fma --metadata /data/metadata")]
pub(super) struct Args {
    /// Short name, as `culturemert datasets` lists it.
    name: String,
    /// Folder of the recordings.
    dir: PathBuf,
    /// Folder of splits and tags, or one that holds a folder for each set; by default the recordings' own, then `metadata` in it.
    #[arg(long, value_name = "DIR")]
    metadata: Option<PathBuf>,
    /// Which published split of MagnaTagATune: `ccml` or `jongpillee`.
    #[arg(long, default_value_t)]
    split: MtatSplit,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    must_exist("folder", &args.dir)?;
    args.metadata.as_ref().map_or(Ok(()), |folder| must_exist("folder", folder))?;
    if !args.dir.is_dir() {
        return Err(usage(format!("`{}` is no folder", args.dir.display())));
    }
    let request = DataSetRequest {
        metadata: args.metadata.clone(),
        split: args.split,
        ..DataSetRequest::new(&args.dir)
    };
    let found = check(&args.name, &request)?;
    in_words(&found, terminal);
    print_json(&found)?;
    if found.is_complete {
        return Ok(());
    }
    anyhow::bail!("data set `{}` is not complete; what is missing is listed", found.card.name)
}

fn in_words(found: &DataSetCheck, terminal: &Terminal) {
    let card = &found.card;
    terminal.say(format!("{}: splits and tags from `{}`", card.title, found.metadata.display()));
    for split in &found.splits {
        terminal.say(format!(
            "{}: {} of {} recordings are there; the tags of {} are stated, {} of them have none of the {}",
            split.split,
            split.there,
            split.listed,
            split.tagged,
            split.without_tag,
            found.tags.len()
        ));
    }
    let faults = [
        ("absent", found.absent.len(), found.absent.first().cloned()),
        ("without a byte", found.empty.len(), found.empty.first().cloned()),
        (
            "unreadable",
            found.unreadable.len(),
            found.unreadable.first().map(|one| format!("{}: {}", one.file.display(), one.reason)),
        ),
    ];
    for (what, n, first) in faults {
        if let Some(first) = first {
            terminal.say(format!("{n} recordings are {what}, the first is `{first}`"));
        }
    }
    if found.groups_in_several_splits > 0 {
        let n = found.groups_in_several_splits;
        terminal
            .say(format!("{n} groups (artists, concerts, songs) stand in several of the published splits"));
    }
    for sentence in &found.deviations {
        terminal.say(format!("not as published: {sentence}"));
    }
    for sentence in &found.remarks {
        terminal.say(format!("note: {sentence}"));
    }
}
