//! The steps of a study as a graph: which there are, what each needs, what they are called.

use std::collections::BTreeSet;

use study::graph::{Graph, Node};

use super::models::{Origin, Part};
use super::plan::{CorpusSource, PlannedCorpus, StudyPlan};
use super::steps::{Subject, Work, corpora_of, is_recorded};

/// Names of steps: their kind and what they are of.
pub(crate) mod names {
    /// Longest part of a name that is taken as it is; behind it comes a hash.
    const LONGEST: usize = 48;

    pub(crate) const REPORT: &str = "report";
    pub(crate) const SIMILARITY: &str = "similarity";
    pub(crate) const MAP: &str = "map";

    pub(crate) fn recordings(corpus: &str) -> String {
        format!("recordings-{}", plain(corpus))
    }

    pub(crate) fn corpus(corpus: &str) -> String {
        format!("corpus-{}", plain(corpus))
    }

    pub(crate) fn codec(tokenizer: &str) -> String {
        format!("codec-{}", plain(tokenizer))
    }

    pub(crate) fn codes(corpus: &str, tokenizer: &str) -> String {
        format!("codes-{}", plain(&format!("{corpus}-{tokenizer}")))
    }

    pub(crate) fn train(model: &str) -> String {
        format!("train-{}", plain(model))
    }

    pub(crate) fn merge(model: &str) -> String {
        format!("merge-{}", plain(model))
    }

    pub(crate) fn probe(model: &str) -> String {
        format!("probe-{}", plain(model))
    }

    pub(crate) fn sets(evaluation: &str) -> String {
        format!("sets-{}", plain(evaluation))
    }

    pub(crate) fn embed(evaluation: &str, model: &str) -> String {
        format!("embed-{}", plain(&format!("{evaluation}-{model}")))
    }

    pub(crate) fn evaluate(evaluation: &str) -> String {
        format!("evaluate-{}", plain(evaluation))
    }

    /// Letters, digits and a few marks; whatever else there is becomes `_`, and a hash keeps such names apart.
    fn plain(name: &str) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        if !name.is_empty() && name.len() <= LONGEST && name.chars().all(is_plain) {
            return name.into();
        }
        let start: String = name
            .chars()
            .take(LONGEST / 2)
            .map(|letter| if is_plain(letter) { letter } else { '_' })
            .collect();
        format!("{start}-{}", &files::hash_bytes(name.as_bytes()).to_string()[..8])
    }
}

impl StudyPlan {
    /// Every step.
    pub(crate) fn graph(&self) -> anyhow::Result<Graph<Work>> {
        let mut nodes = self.material();
        for (place, model) in self.models.iter().enumerate().filter(|(_, model)| model.plan.is_some()) {
            let mut needs = self.of_corpus(&model.corpus);
            needs.push(names::codes(&model.corpus, &model.tokenizer));
            if let Origin::Model(from) = &model.origin {
                needs.extend(self.maker(from));
            }
            nodes.push(Node::new(names::train(&model.name), needs, Work::Train(place)));
        }
        for (place, merge) in self.merges.iter().enumerate() {
            let needs: Vec<String> =
                merge.experts.iter().chain([&merge.base]).filter_map(|model| self.maker(model)).collect();
            nodes.push(Node::new(names::merge(&merge.name), needs, Work::Merge(place)));
        }
        if let Some(probe) = &self.file.probe {
            let corpus = self.of_corpus(&self.corpus(&probe.corpus).name);
            for subject in self.subjects() {
                let needs = corpus.iter().cloned().chain(self.maker(&subject.name));
                nodes.push(Node::new(
                    names::probe(&subject.name),
                    needs.collect::<Vec<_>>(),
                    Work::Probe(subject),
                ));
            }
        }
        for place in 0..self.file.evaluations.len() {
            nodes.extend(self.evaluation(place)?);
        }
        if self.file.similarity.is_some() {
            let (corpus, tokenizer) = self.compared();
            let mut needs = self.of_corpus(&corpus);
            needs.push(names::codes(&corpus, &tokenizer));
            nodes.push(Node::new(names::SIMILARITY, needs, Work::Similarity));
        }
        if let Some(map) = &self.file.map {
            let models = map.models.iter().filter_map(|model| self.maker(model));
            let needs: Vec<String> = self.of_corpus(&map.corpus).into_iter().chain(models).collect();
            nodes.push(Node::new(names::MAP, needs, Work::Map));
        }
        let all: Vec<String> = nodes.iter().map(|node| node.name.clone()).collect();
        nodes.push(Node { collects: true, ..Node::new(names::REPORT, all, Work::Report) });
        Ok(Graph::new(nodes)?)
    }

    /// Corpora, tokenizers, codes.
    fn material(&self) -> Vec<Node<Work>> {
        let mut nodes = Vec::new();
        for (place, corpus) in self.corpora.iter().enumerate() {
            if matches!(corpus.source, CorpusSource::Prepared(_)) {
                continue;
            }
            let recordings =
                is_recorded(corpus, self.rehearsal.is_some()).then(|| names::recordings(&corpus.name));
            if let Some(name) = &recordings {
                nodes.push(Node::new(name.as_str(), [], Work::Recordings(place)));
            }
            nodes.push(Node::new(names::corpus(&corpus.name), recordings, Work::Corpus(place)));
        }
        for (place, tokenizer) in self.file.tokenizers.iter().enumerate() {
            if tokenizer.fit.is_some() {
                let needs = self.of_corpus(&tokenizer.corpus);
                nodes.push(Node::new(names::codec(&tokenizer.name), needs, Work::Codec(place)));
            }
        }
        for (corpus, tokenizer) in self.coded() {
            let mut needs = self.of_corpus(&corpus);
            let fitted = self.file.tokenizers.iter().find(|one| one.name == tokenizer);
            if fitted.is_some_and(|fitted| fitted.fit.is_some()) {
                needs.push(names::codec(&tokenizer));
            }
            nodes.push(Node::new(names::codes(&corpus, &tokenizer), needs, Work::Codes(corpus, tokenizer)));
        }
        nodes
    }

    /// Corpora with the tokenizers whose codes of them are needed.
    fn coded(&self) -> Vec<(String, String)> {
        let trained = self.models.iter().filter(|model| model.plan.is_some());
        let mut pairs: Vec<(String, String)> = Vec::new();
        let trained = trained.map(|model| (model.corpus.clone(), model.tokenizer.clone()));
        for pair in trained.chain([self.compared()]) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        pairs
    }

    /// Steps of one evaluation: sets, features of each model, probes.
    fn evaluation(&self, place: usize) -> anyhow::Result<Vec<Node<Work>>> {
        let evaluation = &self.file.evaluations[place];
        let subjects = self.evaluated(place)?;
        let sets = names::sets(&evaluation.name);
        let corpora = corpora_of(self, evaluation);
        let mut nodes = vec![Node::new(sets.as_str(), corpora.clone(), Work::Sets(place))];
        let mut all: BTreeSet<String> = corpora.iter().cloned().chain([sets.clone()]).collect();
        for subject in &subjects {
            let name = names::embed(&evaluation.name, &subject.name);
            let maker = self.maker(&subject.name);
            let needs: Vec<String> =
                corpora.iter().cloned().chain([sets.clone()]).chain(maker.clone()).collect();
            nodes.push(Node::new(name.as_str(), needs, Work::Embed(place, subject.clone())));
            all.extend(maker.into_iter().chain([name]));
        }
        nodes.push(Node::new(names::evaluate(&evaluation.name), all, Work::Evaluate(place, subjects)));
        Ok(nodes)
    }

    /// Models of an evaluation, the one the others are compared with first.
    fn evaluated(&self, place: usize) -> anyhow::Result<Vec<Subject>> {
        let evaluation = &self.file.evaluations[place];
        let all = self.subjects();
        if evaluation.models.is_empty() {
            return Ok(all);
        }
        let mut chosen: Vec<Subject> = Vec::new();
        for pattern in &evaluation.models {
            let fits = |subject: &&Subject| {
                study::graph::fits(pattern, &subject.name) || study::graph::fits(pattern, &subject.title)
            };
            let found: Vec<Subject> = all.iter().filter(fits).cloned().collect();
            if found.is_empty() && self.rehearsal.is_none() {
                let meant = nearest::did_you_mean(pattern, all.iter().map(|subject| subject.title.as_str()));
                let name = &evaluation.name;
                return Err(crate::exit::usage(format!(
                    "evaluation `{name}`: no model is called `{pattern}`{meant}"
                )));
            }
            for subject in found {
                if !chosen.contains(&subject) {
                    chosen.push(subject);
                }
            }
        }
        Ok(chosen)
    }

    /// Every model that is measured: those of the tables, merged ones, variants, and the same with other seeds.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let subject = |name: &str, title: &str| Subject { name: name.into(), title: title.into() };
        let merged = |is_first: bool| {
            let of_kind = self.merges.iter().filter(move |merge| merge.is_first == is_first);
            of_kind.map(move |merge| subject(&merge.name, merge.title()))
        };
        let models = |is_row: bool| {
            let of_kind = self.models.iter().filter(move |model| (model.part == Part::Table) == is_row);
            of_kind.map(move |model| subject(&model.name, &model.name))
        };
        models(true).chain(merged(true)).chain(models(false)).chain(merged(false)).collect()
    }

    /// Names of the corpus and the tokenizer whose tokens are compared.
    pub(crate) fn compared(&self) -> (String, String) {
        let asked = self.file.similarity.clone().unwrap_or_default();
        let tokenizer = self.tokenizer(&asked.tokenizer).map(|tokenizer| tokenizer.name.clone());
        (self.corpus(&asked.corpus).name.clone(), tokenizer.unwrap_or_default())
    }

    /// The step that prepares a corpus; none for one that lies there.
    fn of_corpus(&self, name: &str) -> Vec<String> {
        let corpus: &PlannedCorpus = self.corpus(name);
        match corpus.source {
            CorpusSource::Prepared(_) => Vec::new(),
            _ => vec![names::corpus(&corpus.name)],
        }
    }

    /// The step that makes a model; none for one that lies there.
    fn maker(&self, name: &str) -> Option<String> {
        match self.model(name) {
            Some(model) => model.plan.as_ref().map(|_| names::train(name)),
            None => Some(names::merge(name)),
        }
    }
}
