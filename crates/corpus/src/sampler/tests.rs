use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{CROP_SAMPLES, Split};

const CROP: usize = 3200;

fn clip(index: usize, culture: &str, samples: u64) -> Clip {
    Clip {
        id: format!("{culture}/{index}#0"),
        source: format!("{culture}/{index}"),
        source_sha256: String::new(),
        start: 0,
        samples,
        culture: culture.into(),
        split: Split::Train,
        group: None,
        tags: Vec::new(),
        licence: None,
        shard: 0,
        offset: 0,
        silent: false,
    }
}

/// Clips of the cultures `a`, `b`, ... with the lengths given.
fn clips(lengths: &[Vec<u64>]) -> Vec<Clip> {
    let names = ["a", "b", "c", "d"];
    let mut clips = Vec::new();
    for (culture, lengths) in names.iter().zip(lengths) {
        for &samples in lengths {
            clips.push(clip(clips.len(), culture, samples));
        }
    }
    clips
}

fn hours(slots: u64) -> f64 {
    (slots * CROP as u64) as f64 / 24_000.0 / 3600.0
}

fn lengths() -> impl Strategy<Value = Vec<u64>> {
    // At least one clip of each culture holds a crop.
    prop::collection::vec(1u64..20_000, 0..12).prop_map(|mut lengths| {
        lengths.push(CROP as u64 + lengths.len() as u64);
        lengths
    })
}

proptest! {
    #[test]
    fn one_pass_reads_every_slot_once(lengths in prop::collection::vec(lengths(), 1..4), seed: u64, stage in 0u64..3) {
        let clips = clips(&lengths);
        let sampler = Sampler::new(&clips, &SamplerPlan::new(seed, stage, 1, CROP)).unwrap();
        for pass in 0..2 {
            let mut read = BTreeMap::new();
            for update in pass * sampler.slots()..(pass + 1) * sampler.slots() {
                *read.entry(sampler.crop(update, 0).clip).or_insert(0) += 1;
            }
            for (clip_idx, clip) in clips.iter().enumerate() {
                prop_assert_eq!(read.get(&clip_idx).copied().unwrap_or(0), clip.samples / CROP as u64);
            }
        }
    }

    #[test]
    fn crops_lie_in_their_clips_and_codes_lie_beside_them(lengths in prop::collection::vec(lengths(), 1..4), seed: u64, grid: bool) {
        let clips = clips(&lengths);
        let mut plan = SamplerPlan::new(seed, 1, 8, CROP);
        plan.alignment = if grid { Alignment::Grid320 } else { Alignment::OriginalRounding };
        let sampler = Sampler::new(&clips, &plan).unwrap();
        for update in 0..20 {
            for (item, crop) in sampler.batch(update).into_iter().enumerate() {
                // Pure: the same from a sampler made anew, asked out of order.
                prop_assert_eq!(crop, Sampler::new(&clips, &plan).unwrap().crop(update, item as u64));
                let clip = &clips[crop.clip];
                prop_assert!(crop.start + crop.n_samples as u64 <= clip.samples && crop.n_samples == CROP);
                prop_assert!((crop.code_start + crop.n_codes) as u64 <= clip.n_frames());
                let offset = (crop.code_start as u64 * 320).abs_diff(crop.start);
                let furthest = if grid { 0 } else { 160 };
                prop_assert!(offset <= furthest);
                // Rows of a batch are equally long under either rule.
                prop_assert_eq!(crop.n_codes, CROP / 320);
            }
        }
    }

    #[test]
    fn replay_has_exactly_its_share(share in 1u32..20, seed: u64, mixture in prop::sample::select(vec![Mixture::Proportional, Mixture::Equal])) {
        let clips = clips(&[vec![9000; 5], vec![40_000; 3], vec![5000; 7]]);
        let mut plan = SamplerPlan::new(seed, 0, 20, CROP);
        plan.mixture = mixture;
        plan.replay = Some(Replay { cultures: vec!["c".into()], share: f64::from(share) / 20.0, hours: None });
        let sampler = Sampler::new(&clips, &plan).unwrap();
        for update in 0..30 {
            let replayed = sampler.batch(update).iter().filter(|crop| clips[crop.clip].culture == "c").count();
            prop_assert_eq!(replayed, share as usize);
        }
    }

    #[test]
    fn every_possible_start_is_drawn_about_equally_often(seed: u64) {
        let clips = clips(&[vec![CROP as u64 + 320 * 3]]);
        let sampler = Sampler::new(&clips, &SamplerPlan::new(seed, 0, 100, CROP)).unwrap();
        let mut counts = BTreeMap::new();
        for crop in (0..40).flat_map(|update| sampler.batch(update)) {
            *counts.entry(crop.start).or_insert(0u32) += 1;
        }
        prop_assert_eq!(counts.keys().copied().collect::<Vec<_>>(), vec![0, 320, 640, 960]);
        // 4000 draws over 4 starts: standard deviation 27.
        prop_assert!(counts.values().all(|count| count.abs_diff(1000) < 27 * 6));
    }
}

#[test]
fn equal_mixture_reads_a_small_culture_as_often_as_a_large_one() {
    let clips = clips(&[vec![6400; 2], vec![64_000; 20]]);
    let mut plan = SamplerPlan::new(3, 0, 10, CROP);
    plan.mixture = Mixture::Equal;
    let sampler = Sampler::new(&clips, &plan).unwrap();
    let of_a = sampler.batch(5).iter().filter(|crop| clips[crop.clip].culture == "a").count();
    assert_eq!(of_a, 5);
}

#[test]
fn hours_choose_a_part_that_grows_with_them_and_lasts_exactly_as_long() {
    let clips = clips(&[vec![32_000; 40], vec![32_000; 60]]);
    let chosen = |slots: u64| {
        let mut plan = SamplerPlan::new(11, 0, 1, CROP);
        plan.hours = Some(hours(slots));
        let sampler = Sampler::new(&clips, &plan).unwrap();
        assert_eq!(sampler.slots(), slots);
        assert!(sampler.material().iter().all(|material| !material.falls_short()));
        (0..slots).map(|update| sampler.crop(update, 0).clip).collect::<BTreeSet<_>>()
    };
    let (few, many) = (chosen(100), chosen(503));
    assert!(few.is_subset(&many));
    let of_a = few.iter().filter(|&&clip_idx| clips[clip_idx].culture == "a").count();
    assert_eq!((of_a, few.len()), (4, 10));
}

#[test]
fn replay_takes_its_share_of_the_hours() {
    let clips = clips(&[vec![32_000; 40], vec![32_000; 60]]);
    let mut plan = SamplerPlan::new(11, 0, 10, CROP);
    plan.hours = Some(hours(200));
    plan.replay = Some(Replay { cultures: vec!["b".into()], share: 0.2, hours: None });
    let sampler = Sampler::new(&clips, &plan).unwrap();
    let taken: Vec<f64> = sampler.material().iter().map(|material| material.hours_taken).collect();
    assert_eq!(taken, [hours(40), hours(160)]);
    // One pass over both lasts the whole 200 slots, and reads none twice.
    let mut read = BTreeMap::new();
    (0..20)
        .flat_map(|update| sampler.batch(update))
        .for_each(|crop| *read.entry(crop.clip).or_insert(0) += 1);
    assert!(read.values().all(|&count| count == 10) && read.len() == 20);
}

#[test]
fn a_shortfall_and_clips_that_cannot_train_are_told() {
    let mut clips = clips(&[vec![32_000, 100, 3200]]);
    clips[2].silent = true;
    let mut plan = SamplerPlan::new(0, 0, 1, CROP);
    plan.hours = Some(hours(50));
    let sampler = Sampler::new(&clips, &plan).unwrap();
    let material = &sampler.material()[0];
    assert!(material.falls_short());
    assert_eq!((material.clips, material.too_short, material.silent), (1, 1, 1));
    assert_eq!((material.hours_found, material.hours_asked), (hours(10), Some(hours(50))));
}

#[test]
fn a_plan_that_does_not_fit_is_one_clear_sentence() {
    let clips = clips(&[vec![32_000], vec![100]]);
    let base = SamplerPlan::new(0, 0, 4, CROP);
    let culture = |name: &str| CultureHours { culture: name.into(), hours: None, weight: None };
    let replay = |name: &str, share| Some(Replay { cultures: vec![name.into()], share, hours: None });
    let cases = [
        (SamplerPlan { batch: 0, ..base.clone() }, "reads nothing"),
        (SamplerPlan { split: Split::Test, ..base.clone() }, "no culture to train on"),
        (SamplerPlan { cultures: vec![culture("z")], ..base.clone() }, "has no `z`, only: a, b"),
        (SamplerPlan { cultures: vec![culture("a"), culture("a")], ..base.clone() }, "named twice"),
        (
            SamplerPlan { cultures: vec![culture("a")], replay: replay("a", 0.2), ..base.clone() },
            "named twice",
        ),
        (SamplerPlan { replay: replay("b", 1.0), ..base.clone() }, "not between 0 and 1"),
        (SamplerPlan { replay: replay("b", f64::NAN), ..base.clone() }, "not between 0 and 1"),
        (SamplerPlan { cultures: vec![culture("b")], ..base.clone() }, "none of the 1 clips of `b`"),
        (
            SamplerPlan { cultures: vec![culture("a")], mixture: Mixture::Weights, ..base.clone() },
            "has no weight",
        ),
        (SamplerPlan { hours: Some(-1.0), ..base.clone() }, "no number of hours"),
    ];
    for (plan, expected) in cases {
        let message = Sampler::new(&clips, &plan).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(message.contains(expected), "`{message}` does not say `{expected}`");
    }
}

#[test]
fn held_out_crops_are_fixed_apart_and_on_the_grid() {
    let mut clips = clips(&[vec![32_000; 4], vec![32_000, 10], vec![32_000]]);
    for clip in &mut clips[..6] {
        clip.split = Split::Valid;
    }
    let held_out = held_out_crops(&clips, Split::Valid, 15, CROP).unwrap();
    assert_eq!(held_out, held_out_crops(&clips, Split::Valid, 15, CROP).unwrap());
    assert_eq!(held_out.per_culture, BTreeMap::from([("a".into(), 15), ("b".into(), 10)]));
    assert_eq!(held_out.not_read, 1);
    let places: BTreeSet<_> = held_out.crops.iter().map(|crop| (crop.clip, crop.start)).collect();
    assert_eq!(places.len(), 25);
    assert!(held_out.crops.iter().all(|crop| crop.start % 320 == 0 && crop.start + 3200 <= 32_000));
}

#[test]
fn a_seed_means_the_same_crops_for_ever() {
    let clips = clips(&[vec![720_000; 3], vec![720_000, 500_000]]);
    let mut plan = SamplerPlan::new(20250921, 1, 3, CROP_SAMPLES);
    plan.replay = Some(Replay { cultures: vec!["b".into()], share: 0.2, hours: None });
    let sampler = Sampler::new(&clips, &plan).unwrap();
    let read: Vec<(usize, u64)> =
        (0..2).flat_map(|update| sampler.batch(update)).map(|crop| (crop.clip, crop.start / 320)).collect();
    assert_eq!(read, [(2, 1753), (1, 1295), (2, 691), (0, 459), (4, 421), (1, 1173)]);
}
