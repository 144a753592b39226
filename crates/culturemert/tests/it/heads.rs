//! Heads of pre-training: a model without any is refused until the user says where they come from, and what was said is recorded.

use std::fs;

use crate::command::{FEW, culturemert, json, small_corpus, talk};

#[test]
fn a_model_without_heads_trains_only_when_told_whence() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus"];
    let run = |more: &[&str]| culturemert(dir, &[&train[..], more, &FEW].concat()).output().unwrap();
    json(dir, &[&train[..], &["--out", "base"], &FEW].concat());
    // What a published export is: the same encoder, no heads.
    fs::create_dir(dir.join("export")).unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(dir.join("base/model").join(file), dir.join("export").join(file)).unwrap();
    }

    let refused = run(&["--out", "refused", "--init", "export"]);
    let said = talk(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`export` has no heads")
            && said.contains("--fresh-heads")
            && said.contains("--heads FILE"),
        "{said}"
    );
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");

    let fresh = run(&["--out", "fresh", "--init", "export", "--fresh-heads"]);
    assert!(fresh.status.success() && talk(&fresh).contains("drawn anew from seed 1337"), "{}", talk(&fresh));
    let given = run(&["--out", "given", "--init", "export", "--heads", "base/model/heads.safetensors"]);
    assert!(given.status.success(), "{}", talk(&given));
    let whole = run(&["--out", "whole", "--init", "base/model"]);
    assert!(whole.status.success(), "{}", talk(&whole));
    let read = |file: &str| fs::read(dir.join(file)).unwrap();
    assert_eq!(read("given/model/heads.safetensors"), read("whole/model/heads.safetensors"));
    assert_ne!(read("fresh/model/heads.safetensors"), read("whole/model/heads.safetensors"));

    let text = |file: &str| fs::read_to_string(dir.join(file)).unwrap();
    assert!(text("fresh/identity.json").contains("with fresh heads"));
    assert!(text("fresh/model/README.md").contains("drawn anew from seed 1337"));
    assert!(text("fresh/model/culturemert.toml").contains("from = \"fresh\""));
    assert!(text("given/identity.json").contains("with heads "));
    assert!(text("given/model/README.md").contains("heads of pre-training: from heads.safetensors"));
    assert!(text("given/model/README.md").contains("## Results"));

    // A fairseq checkpoint brings heads as well; heads of another shape are refused by name.
    json(dir, &["convert", "base/model", "base.pt", "--to", "fairseq"]);
    let fairseq = run(&["--out", "fairseq", "--init", "export", "--heads", "base.pt"]);
    assert!(fairseq.status.success(), "{}", talk(&fairseq));
    assert_eq!(read("fairseq/model/model.safetensors"), read("given/model/model.safetensors"));
    let other = run(&["--out", "other", "--init", "base/model", "--set", "objective.final_dim=48"]);
    let said = talk(&other);
    assert_eq!(other.status.code(), Some(2), "{said}");
    assert!(said.contains("has shape") && said.contains("final_dim"), "{said}");
    // What the first run was trained with is in its model: the next takes it from there.
    let as_trained = run(&["--out", "as-trained", "--init", "base/model", "--as-trained", "--dry-run"]);
    assert!(as_trained.status.success(), "{}", talk(&as_trained));
    let none = run(&["--out", "none", "--init", "export", "--as-trained"]);
    assert_eq!(none.status.code(), Some(2), "{}", talk(&none));
    let scratch = run(&["--out", "none", "--fresh-heads"]);
    assert_eq!(scratch.status.code(), Some(2), "{}", talk(&scratch));
}

#[test]
fn a_codebook_that_never_changes_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    small_corpus(dir);
    let codes = fs::read_dir(dir.join("corpus/codes")).unwrap().next().unwrap().unwrap().path();
    for entry in fs::read_dir(&codes).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "npy") {
            let mut bytes = fs::read(&path).unwrap();
            // Four codebooks of two bytes; the third is made constant behind the header.
            let begin = 128;
            bytes[begin..].chunks_exact_mut(8).for_each(|row| row[4..6].copy_from_slice(&[7, 0]));
            fs::write(&path, bytes).unwrap();
        }
    }
    let train = ["pretrain", "--config", "pocket", "--corpus", "corpus", "--out", "run"];
    let output = culturemert(dir, &[&train[..], &FEW].concat()).output().unwrap();
    let said = talk(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("codebook 2 has the code 7 in every frame"), "{said}");
}
