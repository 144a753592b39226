//! Shipped configurations: whole files, the same a user would write.

use crate::{PretrainError, TrainFile};

/// Name and text of every preset.
pub const PRESETS: [(&str, &str); 3] = [
    ("pocket", include_str!("../presets/pocket.toml")),
    ("paper", include_str!("../presets/paper.toml")),
    ("mert", include_str!("../presets/mert.toml")),
];

/// The preset called `name`.
pub fn preset(name: &str) -> Result<TrainFile, PretrainError> {
    TrainFile::parse(name, text_of(name)?)
}

/// The text of the preset called `name`.
pub(crate) fn text_of(name: &str) -> Result<&'static str, PretrainError> {
    let text = PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    text.ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|(known, _)| *known).collect();
        PretrainError::Preset { name: name.into(), known: known.join(", ") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Adam, AlphaReading, DecayOn, EpsPlacement, MixtureReading, OptimizerState, Schedule, SpikePolicy,
    };

    #[test]
    fn every_preset_makes_a_plan_and_states_every_section() {
        for (name, text) in PRESETS {
            preset(name).unwrap().plan().unwrap();
            for section in [
                "run",
                "model",
                "crop",
                "masking",
                "mixture",
                "dropout",
                "objective",
                "precision",
                "health",
                "held_out",
                "checkpoints",
            ] {
                assert!(text.contains(&format!("\n[{section}]")), "`{name}` has no section `{section}`");
            }
        }
        let message = preset("pockt").unwrap_err().to_string();
        assert!(message.contains("only: pocket, paper, mert") && message.ends_with("did you mean `pocket`?"));
    }

    #[test]
    fn paper_is_the_table_of_the_paper() {
        let plan = preset("paper").unwrap().plan().unwrap();
        let [stabilise, adapt] = &plan.stages[..] else { panic!("the paper has two stages") };
        let totals = plan.totals();
        // 2250 updates of 32 x 5 s are 100 h, 14625 are 650 h: one pass each.
        assert_eq!(
            (totals[0].crops_per_update, totals[0].seconds_per_update, totals[0].hours),
            (32, 160.0, 100.0)
        );
        assert_eq!(
            (totals[1].crops_per_update, totals[1].seconds_per_update, totals[1].hours),
            (32, 160.0, 650.0)
        );
        assert_eq!((stabilise.updates, adapt.updates), (2250, 14625));
        assert_eq!((stabilise.data.hours_in_all(), adapt.data.hours_in_all()), (Some(100.0), Some(650.0)));
        assert_eq!((stabilise.schedule.warmup_updates(), adapt.schedule.warmup_updates()), (225, 146));
        assert_eq!((stabilise.schedule.rate(225), stabilise.schedule.floor()), (5e-4, 5e-5));
        assert_eq!((adapt.schedule.rate(146), adapt.schedule.floor()), (5e-5, 5e-6));
        let adam = Adam {
            betas: [0.9, 0.999],
            eps: 1e-5,
            eps_placement: EpsPlacement::Fairseq,
            weight_decay: 0.01,
            decay_on: DecayOn::All,
        };
        assert_eq!((stabilise.adam, adapt.adam), (adam, Adam { betas: [0.9, 0.95], ..adam }));
        for stage in [stabilise, adapt] {
            assert_eq!((stage.clip_norm, stage.accumulation), (1.0, 8));
            assert_eq!(stage.optimizer_state, OptimizerState::Fresh);
        }
        assert_eq!(stabilise.data.replay.as_ref().map(|replay| replay.share), Some(0.2));
        assert_eq!(adapt.data.replay, None);
        assert_eq!(stabilise.trainable, ["feature_extractor.*", "label_embs_concat"]);
        assert_eq!(adapt.trainable, ["*"]);
        assert_eq!(
            (plan.objective.codebooks, plan.objective.classes(), plan.objective.cqt_bins),
            (8, 1028, 336)
        );
        assert_eq!((plan.crop.samples(), plan.mixture.probability), (120_000, 0.5));
        // The text's readings: alpha on the codes, a crop mixed with this probability, warm-up from the minimum.
        assert_eq!((plan.objective.alpha, plan.objective.alpha_reading), (Some(10.0), AlphaReading::Codes));
        assert_eq!(plan.objective.weights(), [10.0, 10.0, 1.0]);
        assert_eq!(plan.mixture.reading, MixtureReading::Mixed);
        assert_eq!((stabilise.schedule.rate(0), adapt.schedule.rate(0)), (5e-5, 5e-6));
        assert_eq!(plan.model.init.unwrap()["num_hidden_layers"].as_integer(), Some(12));
    }

    #[test]
    fn mert_is_the_released_configuration() {
        let plan = preset("mert").unwrap().plan().unwrap();
        let [stage] = &plan.stages[..] else { panic!("MERT has one stage") };
        assert_eq!((plan.run.seed, plan.crop.samples()), (1337, 120_000));
        assert_eq!(plan.crop.alignment, crate::Alignment::OriginalRounding);
        assert_eq!((plan.masking.probability, plan.masking.length, plan.masking.min_spans), (0.8, 5, 2));
        assert!(plan.masking.same_count);
        let mixture = &plan.mixture;
        assert_eq!((mixture.probability, mixture.reading), (0.5, MixtureReading::LeftAlone));
        assert_eq!((mixture.segments, mixture.samples, mixture.gain), ([1, 3], [12_000, 24_000], 1.0));
        let dropout = &plan.dropout;
        let shares = [dropout.hidden, dropout.attention, dropout.activation, dropout.input, dropout.features];
        assert_eq!((shares, dropout.layer), ([0.1, 0.1, 0.0, 0.1, 0.1], 0.05));
        let objective = &plan.objective;
        assert_eq!((objective.alpha, objective.weights(), objective.unmasked), (None, [1.0, 10.0, 1.0], 0.0));
        assert_eq!((objective.logit_temperature, objective.final_dim, objective.untied), (0.1, 64, true));
        assert_eq!((objective.codebooks, objective.classes(), objective.cqt_bins), (8, 1028, 336));
        assert_eq!(objective.front_end_gradient, 0.1);
        let Schedule::Polynomial(schedule) = &stage.schedule else { panic!("MERT decays straight") };
        assert_eq!((schedule.warmup_updates, schedule.total_updates), (32_000, 400_000));
        assert_eq!((schedule.peak, schedule.min, schedule.power), (5e-4, 0.0, 1.0));
        assert_eq!((stage.schedule.rate(0), stage.schedule.rate(32_000)), (0.0, 5e-4));
        let adam = Adam {
            betas: [0.9, 0.98],
            eps: 1e-6,
            eps_placement: EpsPlacement::Fairseq,
            weight_decay: 0.01,
            decay_on: DecayOn::All,
        };
        assert_eq!((stage.adam, stage.clip_norm, stage.updates), (adam, 10.0, 400_000));
        assert_eq!((stage.micro_batch, stage.accumulation), (16, 64));
        assert_eq!((&stage.trainable[..], &stage.data.replay), (&["*".to_owned()][..], &None));
        assert_eq!(plan.precision.loss_scale, crate::ScalerSettings::default());
        assert_eq!(plan.health.spike, SpikePolicy::Log);
        assert_eq!(plan.model.init.unwrap()["do_stable_layer_norm"].as_bool(), Some(false));
    }

    #[test]
    fn pocket_is_small() {
        let plan = preset("pocket").unwrap().plan().unwrap();
        assert_eq!(
            (plan.crop.samples(), plan.objective.codebooks, plan.objective.classes()),
            (61_440, 4, 68)
        );
        let seconds: f64 = plan.totals().iter().map(|stage| stage.hours * 3600.0).sum();
        assert!(seconds < 3.0 * 3600.0, "{seconds} s of audio take more than minutes");
    }
}
