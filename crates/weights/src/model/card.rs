//! The model card: `README.md` of a model directory, for people who find the model without its history.

use std::fmt::Write as _;

use serde_json::Value;

use super::{HeadsOrigin, Lineage, ModelShape};
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
        if lineage.is_synthetic() {
            text += "> **Synthetic data.** This model was trained on recordings made by a program, not by musicians. \
                     Its numbers say how the software behaves; they say nothing about any musical tradition.\n\n";
        }
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
        let _ = writeln!(
            text,
            "Written by {}. Content hash of the encoder: `{}`.",
            lineage.tool, lineage.content_hash
        );
        Ok(text)
    }
}

fn front_matter(lineage: &Lineage) -> String {
    let mut text = String::from("---\nlibrary_name: transformers\npipeline_tag: feature-extraction\n");
    let licences: Vec<&str> = lineage.licences().into_iter().collect();
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
}

fn history(text: &mut String, lineage: &Lineage) {
    *text += "## Lineage\n\n";
    match &lineage.base {
        Some(base) => {
            let _ = writeln!(text, "- base: {} (`{}`)", cell(&base.name), cell(&base.hash));
        }
        None if lineage.parents.is_empty() => *text += "- trained from scratch\n",
        None => {}
    }
    if let Some(merge) = &lineage.merge {
        let _ = writeln!(text, "- merged: {merge}");
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

/// Text that stays within one cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
