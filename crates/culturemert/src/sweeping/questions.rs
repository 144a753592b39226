//! What a corpus can be asked: tags by what they begin with, or all tags of every culture.

use std::collections::BTreeSet;

use corpus::{Clip, Corpus};
use study::evaluation::Named;

use super::ground::Question;
use crate::exit::usage;
use crate::inputs::must_have_culture;
use crate::probe_settings::{SHARES, Splits};
use crate::probing::Task;

/// What is asked, in the words of the command line.
pub(crate) struct Asked<'a> {
    /// Beginnings of tags, one question each; none: one question a culture.
    pub(crate) prefixes: &'a [String],
    /// Only recordings of these; none: of all.
    pub(crate) cultures: &'a [String],
    pub(crate) splits: Splits,
    pub(crate) split_seed: u64,
}

impl Asked<'_> {
    /// The questions, and what was left out because it has no answer. What was asked for by name and has none is an error.
    pub(crate) fn of(&self, corpus: &Corpus) -> anyhow::Result<(Vec<Question>, Vec<Named>)> {
        let (mut questions, mut not_measured) = (Vec::new(), Vec::new());
        for culture in self.cultures {
            must_have_culture(corpus, culture)?;
        }
        for (list, flag) in [(self.prefixes, "--tags"), (self.cultures, "--culture")] {
            if let Some(at) = (1..list.len()).find(|&at| list[..at].contains(&list[at])) {
                return Err(usage(format!("`{flag} {}` stands there twice", list[at])));
            }
        }
        if self.prefixes.is_empty() {
            for name in self.names(corpus) {
                let of_culture = |clip: &Clip| clip.culture == name;
                let has_tags = corpus.clips().iter().any(|clip| of_culture(clip) && !clip.tags.is_empty());
                let question = if has_tags {
                    self.question(corpus, &name, Task::select(corpus, of_culture, |_| true)?)
                } else {
                    Err("its recordings have no tags".to_owned())
                };
                match question {
                    Ok(question) => questions.push(question),
                    Err(reason) if self.cultures.is_empty() => not_measured.push(Named { name, reason }),
                    Err(reason) => return Err(usage(format!("culture `{name}` cannot be probed: {reason}"))),
                }
            }
        }
        for prefix in self.prefixes {
            let is_wanted = |clip: &Clip| self.cultures.is_empty() || self.cultures.contains(&clip.culture);
            let question = self.question(corpus, prefix, Task::with_prefix(corpus, is_wanted, prefix)?);
            let refused = |reason| usage(format!("tags `{prefix}` cannot be probed: {reason}"));
            questions.push(question.map_err(refused)?);
        }
        if questions.is_empty() {
            let reasons: Vec<String> =
                not_measured.iter().map(|left| format!("{}: {}", left.name, left.reason)).collect();
            return Err(usage(format!("no culture of the corpus can be probed; {}", reasons.join("; "))));
        }
        Ok((questions, not_measured))
    }

    fn names(&self, corpus: &Corpus) -> BTreeSet<String> {
        if self.cultures.is_empty() {
            corpus.clips().iter().map(|clip| clip.culture.clone()).collect()
        } else {
            self.cultures.iter().cloned().collect()
        }
    }

    fn question(&self, corpus: &Corpus, name: &str, mut task: Task) -> Result<Question, String> {
        if self.splits == Splits::Group {
            task.split_by_group(corpus, SHARES, self.split_seed);
        }
        match task.lack() {
            None => Ok(Question { name: name.to_owned(), task }),
            Some(reason) => Err(reason),
        }
    }
}
