//! The data sets there are: what they are, their licences, where to ask, what to cite.

use corpus::datasets::{DataSetCard, cards};

use crate::terminal::{print_json, print_text};

pub(super) fn run(json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&cards());
    }
    print_text(&cards().into_iter().map(in_words).collect::<Vec<_>>().join("\n"))
}

fn in_words(card: &DataSetCard) -> String {
    let [train, valid, test] = card.recordings;
    let cut = card.max_seconds.map_or(String::new(), |seconds| format!(", the first {seconds} s of each"));
    let hours = card.pretraining_hours.map_or(String::new(), |hours| format!("  pre-training  {hours} h\n"));
    format!(
        "{} ({}, culture `{}`)\n  splits        {train} / {valid} / {test} recordings, {} tags{cut}\n{hours}  size          {}\n  \
         licence       {}\n  metadata      {}\n  where to ask  {}\n  to cite       {}\n",
        card.name,
        card.title,
        card.culture,
        card.tags,
        card.size,
        card.licence,
        card.metadata_licence,
        card.source,
        card.citation,
    )
}
