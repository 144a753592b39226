//! A preset as a text to learn from: every key with what it does, and the keys the preset leaves out.

use std::fmt::Write;

use crate::preset::text_of;
use crate::{PretrainError, TrainFile};

/// A key of a plan.
struct Key {
    /// The table it stands in, as its heading names it.
    section: &'static str,
    name: &'static str,
    /// A value it may have; shown where the preset does not state the key.
    value: &'static str,
    /// What it does, a sentence.
    meaning: &'static str,
}

const fn key(section: &'static str, name: &'static str, value: &'static str, meaning: &'static str) -> Key {
    Key { section, name, value, meaning }
}

/// Every key a plan may have, in the order of the sections.
const KEYS: [Key; 84] = [
    key("run", "name", "'first'", "Name of the run, for people."),
    key("run", "seed", "1337", "Seed of every draw: crops, masks, mixtures, dropout, initial weights."),
    key(
        "model",
        "init",
        "'mert-95m'",
        "Shape of a model made from scratch; a model given with --init has its own.",
    ),
    key("crop", "seconds", "5.0", "Length of a crop, seconds."),
    key(
        "crop",
        "alignment",
        "'grid320'",
        "How crops lie on the grid of code frames: grid320, original-rounding.",
    ),
    key(
        "masking",
        "probability",
        "0.8",
        "Spans times their length, as a share of the frames; spans may overlap.",
    ),
    key("masking", "length", "5", "Length of a masked span, frames of 1/75 s."),
    key("masking", "min_spans", "2", "Least number of masked spans in a crop."),
    key(
        "masking",
        "same_count",
        "true",
        "Whether all crops of a micro-batch have as many masked frames as the least masked one.",
    ),
    key("mixture", "probability", "0.5", "How often a crop has pieces of other crops mixed in."),
    key("mixture", "reading", "'mixed'", "What the probability is of: mixed, left-alone."),
    key("mixture", "segments", "[1, 3]", "Least and most pieces mixed into a crop."),
    key("mixture", "samples", "[12000, 24000]", "Shortest and longest piece, samples at 24 kHz."),
    key("mixture", "gain", "1.0", "Loudness of a piece relative to the crop."),
    key("dropout", "hidden", "0.1", "Share of values dropped after embedding and sublayers."),
    key("dropout", "attention", "0.1", "Share of attention weights dropped."),
    key("dropout", "activation", "0.0", "Share of values dropped inside the feed-forward part."),
    key(
        "dropout",
        "input",
        "0.1",
        "Share of values dropped where the front end hands over to the transformer.",
    ),
    key(
        "dropout",
        "features",
        "0.1",
        "Share of values dropped of the features that the penalty does not see.",
    ),
    key("dropout", "layer", "0.05", "How often a whole layer is left out."),
    key("objective", "alpha", "10.0", "The paper's alpha: takes the place of one of the weights below."),
    key("objective", "alpha_reading", "'codes'", "Which weight alpha is: codes, spectrum, features-penalty."),
    key("objective", "masked", "1.0", "Weight of the codes of masked frames."),
    key("objective", "unmasked", "0.0", "Weight of the codes of frames that are seen."),
    key("objective", "features_penalty", "10.0", "Weight of the mean square of the front end's features."),
    key(
        "objective",
        "cqt",
        "1.0",
        "Weight of the squared error of the constant-Q spectrum at masked frames.",
    ),
    key("objective", "logit_temperature", "0.1", "Cosine similarities are divided by this."),
    key("objective", "final_dim", "64", "Width in which frames and codewords are compared."),
    key("objective", "untied", "true", "Whether each codebook has a projection of its own."),
    key("objective", "cqt_bins", "336", "Bins of the constant-Q spectrum, seven octaves from 32.7 Hz."),
    key("objective", "codebooks", "8", "Codebooks that are predicted; the corpus's codes must have as many."),
    key("objective", "entries", "1024", "Entries of each codebook."),
    key(
        "objective",
        "special_entries",
        "4",
        "Classes before the first entry that never occur; published heads hold four.",
    ),
    key("objective", "front_end_gradient", "0.1", "What gradients of the front end are multiplied by."),
    key(
        "precision",
        "compute",
        "'float32'",
        "What the model computes in: float32, bfloat16, float16; weights and moments are float32.",
    ),
    key(
        "precision",
        "recompute",
        "false",
        "Compute layers again in the backward pass: less memory, more time, the same numbers.",
    ),
    key("precision.loss_scale", "initial", "128.0", "What the loss is multiplied by at first; float16 only."),
    key("precision.loss_scale", "window", "1024", "Good updates in a row after which the scale doubles."),
    key(
        "precision.loss_scale",
        "tolerance",
        "0.0",
        "Share of overflows that is let pass without halving the scale.",
    ),
    key("precision.loss_scale", "threshold", "1.0", "A halved scale does not go below this."),
    key("precision.loss_scale", "minimum", "1e-4", "Training stops when the scale gets this small."),
    key("health", "max_skipped", "16", "So many updates in a row without a step end the run."),
    key("health", "spike", "'log'", "What a jump of the loss leads to: log, skip, roll-back."),
    key("health", "spike_factor", "2.0", "A loss above so many times the median of those before is a jump."),
    key("health", "spike_window", "32", "How many losses the median is taken of."),
    key(
        "held_out",
        "crops",
        "16",
        "Crops of each culture that never train and on which the loss is measured; 0 measures nothing.",
    ),
    key("held_out", "every", "250", "Updates between measurements."),
    key("probe", "every", "0", "Updates between small probes of the model while it trains; 0 never probes."),
    key("probe", "tags", "['makam:']", "What the tags of each probe begin with."),
    key("probe", "recordings", "200", "Recordings of each probe at most."),
    key("checkpoints", "every", "250", "Updates between checkpoints; there is one at the end of each stage."),
    key("checkpoints", "keep", "2", "Newest checkpoints that are kept."),
    key("checkpoints", "keep_every", "0", "Every so many-th checkpoint is kept for ever; 0 keeps none."),
    key("stage", "name", "'adapt'", "Name of the stage, for people and logs."),
    key("stage", "trainable", "['*']", "Names of the parameters that train; * is any run of characters."),
    key("stage", "frozen", "['mask_emb']", "Names of those that do not train although `trainable` fits."),
    key(
        "stage",
        "updates",
        "100",
        "Length in updates; or `hours` of audio read, or `epochs` over the hours of `data`.",
    ),
    key("stage", "hours", "1.0", "Length in hours of audio read, in place of `updates`."),
    key("stage", "epochs", "1.0", "Length in passes over the hours stated in `data`, in place of `updates`."),
    key("stage", "micro_batch", "4", "Crops that go through the model together."),
    key("stage", "accumulation", "8", "Micro-batches of an update."),
    key("stage", "clip_norm", "1.0", "Largest norm of a gradient; 0 lets every one pass."),
    key(
        "stage",
        "optimizer_state",
        "'fresh'",
        "Moments at the start of the stage: fresh, kept (those of the stage before).",
    ),
    key("stage.data", "hours", "100.0", "Hours of material, replay included; without it all there is."),
    key(
        "stage.data",
        "mixture",
        "'proportional'",
        "How often each culture is read: proportional (to its hours), equal, weights.",
    ),
    key(
        "stage.data",
        "cultures",
        "[]",
        "Cultures to train on, each { culture, hours, weight }; none named means all.",
    ),
    key("stage.data", "except", "['western']", "Cultures left out when none are named."),
    key(
        "stage.data",
        "replay",
        "{ cultures = ['western'], share = 0.2 }",
        "Music of before, mixed in against forgetting: its cultures and share of the crops.",
    ),
    key("stage.schedule", "kind", "'cosine'", "Curve of the learning rate: cosine, polynomial, constant."),
    key("stage.schedule", "peak", "5e-4", "Highest rate."),
    key("stage.schedule", "min", "5e-5", "Lowest rate."),
    key(
        "stage.schedule",
        "warmup",
        "0.1",
        "Share of the updates that warm up; or `warmup_updates`, a number of them.",
    ),
    key("stage.schedule", "warmup_updates", "10", "Updates that warm up, in place of `warmup`."),
    key("stage.schedule", "warmup_init", "5e-5", "Rate of the first update of the warm-up; cosine only."),
    key(
        "stage.schedule",
        "total_updates",
        "1000",
        "Updates at which the minimum is reached; without it those of the stage.",
    ),
    key(
        "stage.schedule",
        "period_updates",
        "500",
        "Updates of the first period; without it all after the warm-up; cosine only.",
    ),
    key(
        "stage.schedule",
        "period_factor",
        "2.0",
        "Each period lasts this many times the one before; cosine only.",
    ),
    key(
        "stage.schedule",
        "shrink",
        "0.5",
        "Peak and minimum of each period relative to the one before; cosine only.",
    ),
    key("stage.schedule", "power", "1.0", "Power of the decay; polynomial only."),
    key("stage.adam", "betas", "[0.9, 0.95]", "How long the two moments remember."),
    key("stage.adam", "eps", "1e-6", "Added to the root of the second moment."),
    key("stage.adam", "eps_placement", "'fairseq'", "Where eps is added: fairseq, torch."),
    key("stage.adam", "weight_decay", "0.01", "Decay of the weights, times the rate."),
    key("stage.adam", "decay_on", "'all'", "What decays: all, matrices."),
];

/// The text of the preset called `name` with a comment on each key, and the keys it leaves out as comments at the end. It reads as the
/// preset does.
pub fn example(name: &str) -> Result<String, PretrainError> {
    let mut out = format!(
        "# The preset `{name}`, every key with what it does. Save it, change it, see what becomes of it, and train:\n\
         #   culturemert pretrain --example {name} > plan.toml\n\
         #   culturemert pretrain --config plan.toml --dry-run\n\
         #   culturemert pretrain --config plan.toml --corpus corpus --init scratch --out run\n\
         # Keys and sections that are left out have MERT's values; stages are always written down.\n#\n"
    );
    let mut section = "";
    let mut told = [false; KEYS.len()];
    for line in text_of(name)?.lines() {
        if let Some(heading) = line.strip_prefix('[') {
            section = heading.trim_start_matches('[').split(']').next().unwrap_or_default();
        }
        let stated =
            line.split_once('=').map(|(name, _)| name.trim()).filter(|_| !line.starts_with([' ', '#']));
        let at =
            stated.and_then(|name| KEYS.iter().position(|key| (key.section, key.name) == (section, name)));
        if let Some(at) = at.filter(|&at| !told[at]) {
            told[at] = true;
            let _ = writeln!(out, "# {}", KEYS[at].meaning);
        }
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("\n# Not stated above; values are examples:\n");
    for (key, _) in KEYS.iter().zip(told).filter(|(_, told)| !told) {
        let Key { section, name, value, meaning } = key;
        let _ = writeln!(out, "# [{section}] {name} = {value}: {meaning}");
    }
    debug_assert!(TrainFile::parse(name, &out).is_ok(), "comments change nothing");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PRESETS, preset};

    #[test]
    fn an_example_reads_as_its_preset_and_tells_every_key() {
        for (name, _) in PRESETS {
            let example = example(name).unwrap();
            assert_eq!(TrainFile::parse(name, &example).unwrap(), preset(name).unwrap());
            for key in &KEYS {
                assert!(
                    example.contains(key.meaning),
                    "`{name}` does not tell `{}.{}`",
                    key.section,
                    key.name
                );
            }
        }
        assert!(example("papper").unwrap_err().to_string().contains("did you mean `paper`?"));
    }

    #[test]
    fn every_key_of_a_preset_has_a_meaning() {
        for (name, text) in PRESETS {
            let mut section = "";
            for line in text.lines() {
                if let Some(heading) = line.strip_prefix('[') {
                    section = heading.trim_start_matches('[').split(']').next().unwrap();
                } else if line.starts_with(|c: char| c.is_ascii_lowercase()) {
                    let stated = line.split_once('=').unwrap().0.trim();
                    let is_it = |key: &Key| (key.section, key.name) == (section, stated);
                    assert!(KEYS.iter().any(is_it), "`{name}`: `{section}.{stated}` has no meaning");
                }
            }
        }
    }

    #[test]
    fn every_key_told_is_a_key_with_that_value() {
        for Key { section, name, value, .. } in &KEYS {
            let section = section.replacen("stage", "stage.0", 1);
            let assignment = format!("{section}.{name}={value}");
            preset("pocket")
                .unwrap()
                .with_overrides(&[&assignment])
                .unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
