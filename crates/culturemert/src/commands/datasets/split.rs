//! `datasets split`: splits of a user's own recordings, drawn once and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use corpus::Split;
use corpus::datasets::{IndexRequest, load_index};
use serde_json::json;

use crate::inputs::must_exist;
use crate::terminal::{Terminal, print_json};

/// Split your own recordings into training, validation and test, and keep the splits for every later run.
///
/// No group (`singer:X;work:Y` in the column `group`), no work and no recording comes to two sides, and every tag to all three where it can.
#[derive(clap::Args)]
#[command(after_help = "Example: culturemert datasets split recordings/index.tsv")]
pub(super) struct Args {
    /// A TSV, CSV or JSONL file with the columns path, culture, split, tags, licence, group, start, end.
    index: PathBuf,
    /// File that keeps the splits that are drawn; by default beside the index, `INDEX.splits.tsv`.
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
    /// Another seed is another split, where none is kept yet.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Go on where recordings are missing, or stated splits part a group.
    #[arg(long)]
    allow_missing: bool,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> anyhow::Result<()> {
    must_exist("index", &args.index)?;
    let request = IndexRequest {
        splits: args.splits.clone(),
        seed: args.seed,
        allow_missing: args.allow_missing,
        ..IndexRequest::new(&args.index)
    };
    let (data_set, kept) = load_index(&request)?;
    terminal.say(format!(
        "splits of {} recordings are stated, of {} read and of {} drawn; kept in `{}`",
        kept.stated,
        kept.read,
        kept.drawn,
        kept.file.display()
    ));
    let count = |split| data_set.items.iter().filter(|item| item.split == split).count();
    let splits: BTreeMap<Split, usize> = Split::ALL.map(|split| (split, count(split))).into();
    let with_tag = |tag: &String| {
        Split::ALL.map(|split| {
            let items = data_set.items.iter().filter(|item| item.split == split);
            items.filter(|item| item.tags.contains(tag)).count()
        })
    };
    let tags: BTreeMap<&str, [usize; 3]> =
        data_set.vocabulary.iter().map(|tag| (tag.as_str(), with_tag(tag))).collect();
    print_json(&json!({
        "kept": kept,
        "splits": splits,
        "tags": tags,
        "missing": data_set.missing,
        "deviations": data_set.deviations,
    }))
}
