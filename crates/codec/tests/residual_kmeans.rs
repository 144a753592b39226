//! The laws of the fitted tokenizer, on frames of formula waves and on frames drawn.

use std::sync::LazyLock;

use culturemert_codec::{
    CodecError, Codes, FeatureExtractor, Features, FitSettings, FrameSample, ResidualKMeans, Tokenizer, open,
};
use draws::Draws;
use proptest::prelude::*;

const BINS: usize = 24;

fn settings() -> FitSettings {
    FitSettings {
        codebooks: 4,
        entries: 32,
        max_frames: 5000,
        features: Features::LogMel { bins: BINS },
        seed: 7,
        ..FitSettings::default()
    }
}

/// Correlated frames: a few hidden causes and some noise.
fn frames(seed: u64, n_frames: usize, bins: usize) -> Vec<f32> {
    let mut draws = Draws::new(seed, "frames", &[]);
    // The causes are the same for every seed: held-out frames come from the same source.
    let mut loadings = Draws::new(0, "loadings", &[]);
    let loadings: Vec<f64> = (0..4 * bins).map(|_| loadings.normal()).collect();
    let mut frames = Vec::with_capacity(n_frames * bins);
    for _ in 0..n_frames {
        let causes: [f64; 4] = std::array::from_fn(|_| draws.normal());
        for bin in 0..bins {
            let signal: f64 =
                causes.iter().enumerate().map(|(cause, x)| x * loadings[cause * bins + bin]).sum();
            frames.push((signal + 0.3 * draws.normal() - 4.0 + bin as f64) as f32);
        }
    }
    frames
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

#[test]
fn the_residual_falls_with_each_codebook() {
    let codec = ResidualKMeans::fit(&frames(1, 5000, BINS), &settings()).unwrap();
    let statistics = codec.statistics();
    let mut last = statistics.initial_error;
    assert!((last - 1.0).abs() < 1e-3, "{last}");
    for codebook in &statistics.codebook {
        assert!(codebook.error < last, "{statistics:?}");
        assert!(codebook.used_entries == 32 && codebook.perplexity > 8.0, "{codebook:?}");
        last = codebook.error;
    }
    let held_out = frames(2, 3000, BINS);
    let codes = codec.encode_frames(&held_out).unwrap();
    let mut last = f64::INFINITY;
    for n_codebooks in 0..=4 {
        let data = (0..codes.n_frames).flat_map(|frame| codes.frame(frame)[..n_codebooks].to_vec()).collect();
        let coarse = codec.decode(&Codes { n_codebooks, data, ..codes }).unwrap();
        let error: f64 = coarse.iter().zip(&held_out).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        assert!(error < last, "{n_codebooks} codebooks: {error} after {last}");
        last = error;
    }
    let error = codec.reconstruction_error(&held_out).unwrap();
    assert!(error < 1.2 * statistics.codebook[3].error && error < 0.3, "{error}, {statistics:?}");
}

#[test]
fn threads_change_nothing() {
    // More frames than the cap, a number that no block size divides.
    let material = frames(3, 6011, BINS);
    let wave = golden::cf_wave("threads", 50_003);
    let run = |threads| {
        pool(threads).install(|| {
            let codec = ResidualKMeans::fit(&material, &settings()).unwrap();
            let codes = codec.encode_frames(&material).unwrap();
            (codec.hash().to_owned(), codec.statistics().clone(), codes, codec.encode(&wave).unwrap())
        })
    };
    let (one, four) = (run(1), run(4));
    assert_eq!(one, four);
    assert_eq!(one.1.frames_used, 5000);
    assert_eq!((one.3.n_frames, one.3.n_codebooks, one.3.data.len()), (157, 4, 628));
}

#[test]
fn the_seed_matters_and_the_hash_tells() {
    let material = frames(3, 3000, BINS);
    let hash =
        |seed| ResidualKMeans::fit(&material, &FitSettings { seed, ..settings() }).unwrap().hash().to_owned();
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
    assert!(hash(1).len() >= 16 && hash(1).chars().all(|c| c.is_ascii_hexdigit()));
}

#[test]
fn what_is_saved_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/codec");
    let codec = ResidualKMeans::fit(&frames(4, 3000, BINS), &settings()).unwrap();
    codec.save(&path).unwrap();
    let opened = open(&path).unwrap();
    assert_eq!(
        (opened.name(), opened.hash(), opened.n_codebooks(), opened.n_entries()),
        ("residual-kmeans", codec.hash(), 4, 32)
    );
    let wave = golden::cf_wave("saved", 24_001);
    let codes = opened.encode(&wave).unwrap();
    assert_eq!(codes, codec.encode(&wave).unwrap());
    assert_eq!(codes.n_frames, 76);
    let whole = ResidualKMeans::open(&path).unwrap();
    assert_eq!((whole.settings(), whole.statistics()), (codec.settings(), codec.statistics()));
    assert_eq!(opened.encode(&[]).unwrap().n_frames, 0);
    assert_eq!(opened.encode(&[0.1]).unwrap().n_frames, 1);
    // Saved again, the same bytes.
    let again = dir.path().join("again");
    whole.save(&again).unwrap();
    for file in ["codec.toml", "codebooks.safetensors"] {
        assert_eq!(
            std::fs::read(path.join(file)).unwrap(),
            std::fs::read(again.join(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn under_every_fault_a_tokenizer_is_the_old_or_the_new_one() {
    let fit =
        |seed| ResidualKMeans::fit(&frames(4, 1000, BINS), &FitSettings { seed, ..settings() }).unwrap();
    let (old, new) = (fit(1), fit(2));
    let n_struck = files::faults::everywhere(
        |root| old.save(root.join("codec")).unwrap(),
        |root| new.save(root.join("codec")),
        |root, is_done| {
            let found = open(root.join("codec")).unwrap();
            assert!(found.hash() == new.hash() || (!is_done && found.hash() == old.hash()));
        },
    );
    assert!(n_struck > 30, "{n_struck} operations");
}

#[test]
fn a_directory_of_others_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let codec = ResidualKMeans::fit(&frames(4, 1000, BINS), &settings()).unwrap();
    codec.save(dir.path()).unwrap();
    std::fs::write(dir.path().join("thesis.tex"), "years of work").unwrap();
    let message = codec.save(dir.path()).unwrap_err().to_string();
    assert!(message.contains("`thesis.tex`"), "{message}");
    assert!(dir.path().join("thesis.tex").exists());
}

#[test]
fn damage_is_one_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let codec = ResidualKMeans::fit(&frames(4, 1000, BINS), &settings()).unwrap();
    codec.save(dir.path()).unwrap();
    let (toml_file, tensor_file) = (dir.path().join("codec.toml"), dir.path().join("codebooks.safetensors"));
    let (text, tensors) =
        (std::fs::read_to_string(&toml_file).unwrap(), std::fs::read(&tensor_file).unwrap());
    let check = |text: &str, tensors: &[u8], says: &str| {
        std::fs::write(&toml_file, text).unwrap();
        std::fs::write(&tensor_file, tensors).unwrap();
        let message = open(dir.path()).err().unwrap_or_else(|| panic!("opened, not: {says}")).to_string();
        assert!(message.contains(says), "`{message}` does not say `{says}`");
        assert!(!message.contains('\n') && !message.ends_with('.'), "`{message}` is one sentence");
    };
    let mut flipped = tensors.clone();
    *flipped.last_mut().unwrap() ^= 1;
    check(&text, &flipped, "was changed after it was written");
    check(&text.replace("seed = 7", "seed = 8"), &tensors, "was changed after it was written");
    check(&text.replace("frames_given = 1000", "frames_given = 1001"), &tensors, "was changed");
    check(&text.replace("entries = 32", "entries = 33"), &tensors, "has shape [4, 32, 24]");
    check(
        &text.replace("entries = 32", "entries = 4000000000"),
        &tensors,
        "`entries = 4000000000` cannot be",
    );
    check(&text.replace("bins = 24", "bins = 0"), &tensors, "`features.bins = 0` cannot be");
    check(&text.replace("seed = 7", "seed = -7"), &tensors, "codec.toml");
    check(&text.replace("seed", "sead"), &tensors, "unknown field `sead`");
    check(&text.replace("residual-kmeans", "vocoder"), &tensors, "kind `vocoder`");
    check("", &tensors, "missing field `kind`");
    check("kind = [", &tensors, "codec.toml");
    check(&text, b"", "it is no safetensors file");
    check(&text, &tensors[..tensors.len() - 1], "it is no safetensors file");
    check(&text, &[&tensors[..], &vec![0; 100_000]].concat(), "longer than");
    let at = tensors.windows(7).position(|bytes| bytes == b"\"scale\"").unwrap();
    let mut renamed = tensors.clone();
    renamed[at + 5] = b'd';
    check(&text, &renamed, "holds tensor `scald`");
    for cut in 0..64 {
        std::fs::write(&toml_file, &text).unwrap();
        std::fs::write(&tensor_file, &tensors[..cut * tensors.len() / 64]).unwrap();
        assert!(open(dir.path()).is_err(), "cut at {cut}/64");
    }
    std::fs::remove_file(&tensor_file).unwrap();
    assert!(matches!(open(dir.path()), Err(CodecError::Files(_))));
    assert!(matches!(open(dir.path().join("nowhere")), Err(CodecError::NoTokenizer { .. })));
}

#[test]
fn senseless_fits_are_refused() {
    let material = frames(5, 100, BINS);
    let refuse =
        |frames: &[f32], settings: FitSettings| ResidualKMeans::fit(frames, &settings).err().unwrap();
    let base = settings();
    for bad in [
        FitSettings { codebooks: 0, ..base },
        FitSettings { entries: 1, ..base },
        FitSettings { entries: 70_000, ..base },
        FitSettings { iterations: 0, ..base },
        FitSettings { tolerance: f64::NAN, ..base },
        FitSettings { seed: u64::MAX, ..base },
    ] {
        assert!(matches!(refuse(&material, bad), CodecError::Setting { .. }), "{bad:?}");
    }
    let error = refuse(&material, FitSettings { entries: 101, ..base });
    assert!(matches!(error, CodecError::TooFewFrames { found: 100, needed: 101 }), "{error}");
    assert!(matches!(refuse(&material[1..], base), CodecError::FrameShape { .. }));
    let mut broken = material.clone();
    broken[50 * BINS + 3] = f32::INFINITY;
    assert!(matches!(refuse(&broken, base), CodecError::NotFinite { frame_idx: 50 }));
    // Silence throughout: every frame the same.
    let silent = ResidualKMeans::fit(&vec![-11.5; 200 * BINS], &base).unwrap();
    assert!(silent.statistics().codebook[3].error.abs() < 1e-12);
}

#[test]
fn from_sound_to_codes_and_back() {
    for features in [Features::LogMel { bins: 32 }, Features::Cqt { bins: 84 }] {
        let extractor = FeatureExtractor::new(features).unwrap();
        let mut sample = FrameSample::new(features.bins(), 1000, 3);
        for clip in 0..8 {
            let wave = golden::cf_wave(&format!("sound {clip}"), 72_000);
            sample.push_clip(clip, &extractor.frames(&wave).unwrap()).unwrap();
        }
        let settings = FitSettings { features, entries: 64, ..settings() };
        let codec = ResidualKMeans::fit(&sample.into_frames(), &settings).unwrap();
        let wave = golden::cf_wave("sound 3", 72_000);
        let frames = extractor.frames(&wave).unwrap();
        let error = codec.reconstruction_error(&frames).unwrap();
        assert!(error < 0.5, "{features:?}: {error}");
        assert_eq!(codec.encode(&wave).unwrap(), codec.encode_frames(&frames).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn codes_do_not_depend_on_pieces(
        n in prop_oneof![0usize..3, 1usize..2000, (0usize..900).prop_map(|hops| hops * 320), 1usize..300_000],
        lengths in prop::collection::vec(1usize..100_000, 1..5),
        cqt: bool,
    ) {
        let codec = &FITTED[usize::from(cqt)];
        let samples = golden::cf_wave("pieces", n);
        let (mut codes, mut stream) = (codec.no_codes(), codec.stream());
        let (mut rest, mut lengths) = (&samples[..], lengths.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            stream.push(now, &mut codes).unwrap();
            rest = later;
        }
        stream.finish(&mut codes).unwrap();
        prop_assert_eq!(codes.n_frames, n.div_ceil(320));
        prop_assert_eq!(&codes, &codec.encode(&samples).unwrap());
        let frames = codec.extractor().frames(&samples).unwrap();
        prop_assert_eq!(&codes, &codec.encode_frames(&frames).unwrap());
    }
}

/// Tokenizers of log-mel and of constant-Q frames.
static FITTED: LazyLock<[ResidualKMeans; 2]> = LazyLock::new(|| {
    [Features::LogMel { bins: BINS }, Features::Cqt { bins: 84 }].map(|features| {
        let settings = FitSettings { features, ..settings() };
        ResidualKMeans::fit(&frames(1, 2000, features.bins()), &settings).expect("frames can be fitted")
    })
});
