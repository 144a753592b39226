//! Scores of single tags, each with a test recording that has it.

use corpus::{Corpus, Split};
use evaluate::TagResult;
use study::results::TagScore;

/// Tags for which ROC-AUC is defined.
pub(crate) fn tag_scores(corpus: &Corpus, tradition: &str, per_tag: &[TagResult]) -> Vec<TagScore> {
    let with = |tag: &String| {
        let mut tests =
            corpus.clips().iter().filter(|clip| clip.split == Split::Test && clip.culture == tradition);
        tests.find(|clip| clip.tags.contains(tag)).map(|clip| clip.source.clone())
    };
    let score = |result: &TagResult| {
        let roc_auc = result.roc_auc.as_ref()?.mean;
        let positives = result.positives as u64;
        Some(TagScore { tag: result.tag.clone(), roc_auc, positives, example: with(&result.tag) })
    };
    per_tag.iter().filter_map(score).collect()
}
