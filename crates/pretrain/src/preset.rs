//! Shipped configurations: whole files, the same a user would write.

use crate::{PretrainError, TrainFile};

/// Name and text of every preset.
pub const PRESETS: [(&str, &str); 2] =
    [("pocket", include_str!("../presets/pocket.toml")), ("paper", include_str!("../presets/paper.toml"))];

/// The preset called `name`.
pub fn preset(name: &str) -> Result<TrainFile, PretrainError> {
    let text = PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| text);
    let text = text.ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|(known, _)| *known).collect();
        PretrainError::Preset { name: name.into(), known: known.join(", ") }
    })?;
    TrainFile::parse(name, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, EpsPlacement, OptimizerState};

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
                "held_out",
                "checkpoints",
            ] {
                assert!(text.contains(&format!("\n[{section}]")), "`{name}` has no section `{section}`");
            }
        }
        assert!(preset("pockt").unwrap_err().to_string().contains("only: pocket, paper"));
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
        let adam =
            Adam { betas: [0.9, 0.999], eps: 1e-5, eps_placement: EpsPlacement::Fairseq, weight_decay: 0.01 };
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
        assert_eq!(plan.model.init.unwrap()["num_hidden_layers"].as_integer(), Some(12));
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
