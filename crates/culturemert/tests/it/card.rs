//! `--device`: refusals everywhere; the whole way on a card where `$CULTUREMERT_TEST_DEVICE` names one.

use std::path::Path;

use files::Npy;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

#[test]
fn a_device_that_is_not_there_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |device: &str| {
        let arguments = ["embed", "--model", "none", "none.wav", "--out", "x.npy", "--device", device];
        let output = culturemert(folder.path(), &arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", talk(&output));
        talk(&output)
    };
    assert!(refused("gpu").contains("`gpu` is no device; there are `auto`, `cpu`"), "{}", refused("gpu"));
    let card = refused("cuda:77");
    assert!(card.contains("this build knows no cuda") || card.contains("no device `cuda:77`"), "{card}");
}

/// Losses of the updates of a run.
fn losses(run: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .filter(|line| line["kind"] == "update")
        .map(|line| line["loss"]["total"].as_f64().unwrap())
        .collect()
}

#[test]
fn a_card_trains_embeds_and_probes_as_the_processor_does() {
    let Ok(card) = std::env::var("CULTUREMERT_TEST_DEVICE") else {
        eprintln!("$CULTUREMERT_TEST_DEVICE names no card: nothing compared");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = |device: &str, out: &str| {
        let run = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--init", "scratch", "--out", out];
        json(dir, &[&run[..], &FEW, &["--device", device]].concat());
        losses(&dir.join(out))
    };
    let (processor, on_card) = (train("cpu", "processor"), train(&card, "card"));
    assert_eq!((processor.len(), on_card.len()), (8, 8));
    for (ours, theirs) in on_card.iter().zip(&processor) {
        eprintln!("loss on {card} {ours}, on the processor {theirs}");
        assert!((ours / theirs - 1.0).abs() < 1e-3, "{on_card:?} {processor:?}");
    }
    let log = std::fs::read_to_string(dir.join("card/log.jsonl")).unwrap();
    assert!(log.contains("card_memory_peak_bytes"), "the log has the card's memory");
    let identity = std::fs::read_to_string(dir.join("card/identity.json")).unwrap();
    assert!(identity.contains("\"card\""), "{identity}");

    let embed = |device: &str, out: &str| {
        let piece = std::fs::read_dir(dir.join("recordings")).unwrap().map(|entry| entry.unwrap().path());
        let wav = piece.flat_map(|path| std::fs::read_dir(path).into_iter().flatten()).flatten();
        let wav = wav.map(|entry| entry.path()).min().unwrap();
        let of = ["embed", "--model", "processor/model", wav.to_str().unwrap(), "--out", out];
        json(dir, &[&of[..], &["--device", device]].concat());
        Npy::<f32>::open(&dir.join(out)).unwrap().as_slice().to_vec()
    };
    let (processor, on_card) = (embed("cpu", "a.npy"), embed(&card, "b.npy"));
    let distance =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>().sqrt();
    let zeros = vec![0.0; processor.len()];
    let error = distance(&on_card, &processor) / distance(&processor, &zeros);
    eprintln!("hidden states on {card}: relative error {error:.1e}");
    assert!(error < 1e-4, "{error}");

    std::fs::write(dir.join("probe.toml"), "epochs = 3\nseeds = [1]\nhidden = 32\n").unwrap();
    let probe = |device: &str, out: &str| {
        let of = ["probe", "--model", "processor/model", "--corpus", "corpus", "--tags", "tradition:"];
        let told =
            json(dir, &[&of[..], &["--config", "probe.toml", "--out", out, "--device", device]].concat());
        told["seeds"][0]["epochs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|epoch| epoch["loss"].as_f64().unwrap())
            .collect()
    };
    let (processor, on_card): (Vec<f64>, Vec<f64>) = (probe("cpu", "a.json"), probe(&card, "b.json"));
    assert!(!processor.is_empty() && processor.len() == on_card.len());
    for (ours, theirs) in on_card.iter().zip(&processor) {
        eprintln!("loss of the probe on features of {card} {ours}, of the processor {theirs}");
        assert!((ours / theirs - 1.0).abs() < 1e-3, "{on_card:?} {processor:?}");
    }

    let doctor = culturemert(dir, &["doctor", "--json"]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert!(!report["cards"].as_array().unwrap().is_empty(), "{report}");
}
