//! The model card: `README.md` of a model directory, for people who find the model without its history.

use std::fmt::Write as _;

use serde_json::Value;

use super::{HeadsOrigin, Lineage, ModelShape, VectorOrigin};
use crate::WeightsError;

/// What a card says beyond what configuration and lineage know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Name of the model.
    pub name: String,
    /// What it is for, in a sentence or two.
    pub summary: String,
    /// Further sections in Markdown, for instance tables of results.
    pub sections: Vec<String>,
}

impl Card {
    /// A card of this name.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into(), sections: Vec::new() }
    }

    /// The whole file. Pure: the same inputs give the same text.
    pub fn render(
        &self,
        config: &Value,
        lineage: &Lineage,
        n_parameters: usize,
    ) -> Result<String, WeightsError> {
        let shape = ModelShape::from_config(config, &self.name)?;
        let mut text = front_matter(lineage);
        let _ = writeln!(text, "# {}\n\n{}\n", self.name, self.summary);
        synthetic(&mut text, lineage);
        text += "## Use\n\n```python\nfrom transformers import AutoModel\n\nmodel = AutoModel.from_pretrained(\".\")  \
                 # 24 kHz mono float32 in, 75 frames a second out\n```\n\n";
        let norm = if shape.pre_norm { "before" } else { "after" };
        let _ = writeln!(
            text,
            "{} layers of width {} with layer norm {norm} each block, {:.1} million parameters. Codeword embeddings and \
             other heads of pre-training lie in `heads.safetensors` where they were kept.\n",
            shape.n_layers,
            shape.hidden_size,
            n_parameters as f64 / 1e6
        );
        data(&mut text, lineage);
        history(&mut text, lineage);
        for section in &self.sections {
            let _ = writeln!(text, "{}\n", section.trim_end());
        }
        limits(&mut text, lineage, self.sections.is_empty());
        let _ = writeln!(
            text,
            "Written by {}. Content hash of the encoder: `{}`.",
            lineage.tool, lineage.content_hash
        );
        Ok(text)
    }

    /// The card of a task vector.
    pub(crate) fn render_vector(&self, lineage: &Lineage, n_parameters: usize) -> String {
        let mut text = front_matter(lineage);
        let _ = writeln!(text, "# {}\n\n{}\n", self.name, self.summary);
        synthetic(&mut text, lineage);
        let base = lineage.vector.as_ref().map_or("base", |vector| &vector.base.name);
        let _ = writeln!(
            text,
            "## Use\n\n```\nculturemert merge --base {base} --model {} --lambda 0.2 --out merged\n```\n\n{:.1} million differences of \
             weights; not a model by itself, and of use with the base of this hash only. A negative λ takes away what it brings.\n",
            self.name,
            n_parameters as f64 / 1e6
        );
        data(&mut text, lineage);
        history(&mut text, lineage);
        limits(&mut text, lineage, self.sections.is_empty());
        let _ = writeln!(text, "Written by {}. Content hash: `{}`.", lineage.tool, lineage.content_hash);
        text
    }
}

fn synthetic(text: &mut String, lineage: &Lineage) {
    if lineage.is_synthetic() {
        *text += "> **Synthetic data.** This model was trained on recordings made by a program, not by musicians. \
                  Its numbers say how the software behaves; they say nothing about any musical tradition.\n\n";
    }
}

fn front_matter(lineage: &Lineage) -> String {
    let mut text = String::from("---\n");
    if lineage.vector.is_none() {
        text += "library_name: transformers\npipeline_tag: feature-extraction\n";
    }
    let claimed = lineage.licence.as_deref();
    let licences: Vec<&str> =
        claimed.map_or_else(|| lineage.licences().into_iter().collect(), |licence| vec![licence]);
    if let [licence] = licences[..] {
        let _ = writeln!(text, "license: other\nlicense_name: {}", Value::from(licence));
    } else if !licences.is_empty() {
        text += "license: other\nlicense_name: several, see below\n";
    }
    text += "tags:\n- music\n- audio\n- mert\n";
    if lineage.is_synthetic() {
        text += "- synthetic-data\n";
    }
    if lineage.merge.is_some() {
        text += "- merge\n";
    }
    if !lineage.non_commercial().is_empty() {
        text += "- non-commercial\n";
    }
    text + "---\n\n"
}

fn data(text: &mut String, lineage: &Lineage) {
    *text += "## Data and licences\n\n";
    if lineage.data.is_empty() {
        *text += "No training data is recorded.\n\n";
    } else {
        *text += "| corpus | traditions | hours | recordings | licences | content hash |\n|---|---|---|---|---|---|\n";
    }
    for data in &lineage.data {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | `{}` |",
            cell(&data.corpus),
            cell(&data.cultures.join(", ")),
            data.hours.map_or_else(|| "-".into(), |hours| format!("{hours:.2}")),
            if data.synthetic { "synthetic" } else { "real" },
            cell(&data.licences.join(", ")),
            cell(&data.hash)
        );
    }
    let licences: Vec<String> = lineage.licences().into_iter().map(cell).collect();
    if !licences.is_empty() {
        let _ = writeln!(text, "\nThese licences apply together: {}.\n", licences.join("; "));
    }
    let non_commercial: Vec<String> = lineage.non_commercial().into_iter().map(cell).collect();
    if !non_commercial.is_empty() {
        let _ = writeln!(
            text,
            "**Not for commercial use.** It was made under {}, which is taken to hold for the model and for what is made of it.\n",
            non_commercial.join("; ")
        );
    }
    if let Some(licence) = &lineage.licence {
        let _ = writeln!(text, "The model is given out under {}.\n", cell(licence));
    }
    let unlicensed: Vec<String> = lineage.unlicensed().into_iter().map(cell).collect();
    if !unlicensed.is_empty() {
        let _ = writeln!(
            text,
            "No licence is recorded of {}; ask before the model is passed on.\n",
            unlicensed.join(", ")
        );
    }
}

fn history(text: &mut String, lineage: &Lineage) {
    *text += "## Lineage\n\n";
    if let Some(VectorOrigin { base, model }) = &lineage.vector {
        let _ = writeln!(
            text,
            "- task vector: {} (`{}`) minus {} (`{}`)",
            cell(&model.name),
            cell(&model.hash),
            cell(&base.name),
            cell(&base.hash)
        );
    }
    match &lineage.base {
        Some(base) => {
            let _ = writeln!(text, "- base: {} (`{}`)", cell(&base.name), cell(&base.hash));
        }
        None if lineage.parents.is_empty() && lineage.vector.is_none() => *text += "- trained from scratch\n",
        None => {}
    }
    if let Some(merge) = &lineage.merge {
        let _ = writeln!(text, "- merged: {merge}");
    }
    if let Some(choice) = &lineage.merge_choice {
        let _ = writeln!(text, "- weights of the merge: {}", cell(choice));
    }
    for parent in &lineage.parents {
        let _ = writeln!(text, "- merged from: {} (`{}`)", cell(&parent.name), cell(&parent.hash));
    }
    for stage in &lineage.stages {
        let _ = writeln!(
            text,
            "- stage {}: {} updates, {:.2} h of audio, trained {}, peak learning rate {:e}",
            cell(&stage.name),
            stage.updates,
            stage.hours,
            stage.trainable.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            stage.peak_learning_rate
        );
    }
    match &lineage.heads {
        Some(HeadsOrigin::Fresh { seed }) => {
            let _ = writeln!(
                text,
                "- heads of pre-training: drawn anew from seed {seed}; the base had none or they were not used"
            );
        }
        Some(HeadsOrigin::File { name, hash }) => {
            let _ = writeln!(text, "- heads of pre-training: from {} (`{}`)", cell(name), cell(hash));
        }
        None => {}
    }
    if let Some(seed) = lineage.seed {
        let _ = writeln!(text, "- seed: {seed}");
    }
    text.push('\n');
    if !lineage.settings.is_empty() {
        let settings: Vec<String> =
            lineage.settings.assignments().iter().map(|setting| format!("`{}`", cell(setting))).collect();
        let _ = writeln!(text, "Settings of the training: {}.\n", settings.join(", "));
    }
}

/// What the model is not known to do, as far as its history tells.
fn limits(text: &mut String, lineage: &Lineage, has_no_results: bool) {
    *text += "## Limits\n\n";
    let cultures: Vec<String> = lineage.cultures().into_iter().map(cell).collect();
    if cultures.is_empty() {
        *text +=
            "- Which music it was trained on is not recorded, so for which it is of use must be measured.\n";
    } else {
        let hours: f64 = lineage.data.iter().filter_map(|data| data.hours).sum();
        let unknown = lineage.data.iter().filter(|data| data.hours.is_none()).count();
        let _ = write!(text, "- It has learned from {hours:.2} hours of {}", cultures.join(", "));
        if unknown > 0 {
            let _ = write!(text, ", and from {unknown} corpora whose length is not recorded");
        }
        *text +=
            ". Recordings of a tradition are not the tradition, and of any other music nothing is claimed.\n";
    }
    if lineage.base.is_some() || !lineage.parents.is_empty() {
        *text += "- What the models it was made from have learned, and their biases, are in it too.\n";
    }
    if lineage.merge.is_some() {
        *text += "- A merge is arithmetic on weights: no data was learned from after it, and heads of pre-training are left out.\n";
    }
    if !lineage.forgotten.is_empty() {
        let forgotten: Vec<String> = lineage.forgotten.iter().map(|name| cell(name)).collect();
        let _ = writeln!(
            text,
            "- The task vectors of {} were subtracted. That lowers what the model does on their music; it does not prove that nothing of \
             their data can be recovered.",
            forgotten.join(", ")
        );
    }
    if has_no_results {
        *text += "- No results of this model are recorded here.\n";
    }
    *text += "- Its features describe sound. They are no authority on who belongs to a tradition or how it should be played.\n\n";
}

/// Text that stays within one cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
