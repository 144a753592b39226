//! Model cards: what history they tell, and which licences they pass on or refuse to claim.

mod drawn;

use std::fs;
use std::path::Path;

use culturemert_weights::{
    Card, DataOrigin, Lineage, MergeOutput, MergePlan, ModelDirectory, ModelFiles, Tensors, WeightsError,
    convert_to_hf, merge_directories,
};
use serde_json::{Value, json};

fn config() -> Value {
    json!({
        "model_type": "hubert", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 4,
        "conv_dim": [4], "conv_kernel": [10], "conv_stride": [5],
        "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
    })
}

fn model(salt: &str) -> Tensors {
    drawn::encoder(&config(), salt)
}

fn trained_on(culture: &str, licences: &[&str]) -> Lineage {
    let data = DataOrigin {
        corpus: format!("recordings-{culture}"),
        hash: format!("hash-{culture}"),
        cultures: vec![culture.into()],
        licences: licences.iter().map(|&licence| licence.into()).collect(),
        hours: Some(200.25),
        ..DataOrigin::default()
    };
    Lineage { data: vec![data], ..Lineage::new() }
}

fn write(dir: &Path, lineage: &Lineage) -> Result<(), WeightsError> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = ModelFiles {
        config: &config(),
        tensors: &model(&name),
        heads: None,
        lineage,
        card: &Card::new(name, "A test."),
        preprocessor: None,
        fairseq: None,
    };
    ModelDirectory::write(dir, &files).map(drop)
}

fn card(dir: &Path) -> String {
    fs::read_to_string(dir.join("README.md")).expect("a card")
}

#[test]
fn what_is_not_for_commerce_stays_so_through_every_export() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(&at("base"), &trained_on("western", &["CC0-1.0"])).unwrap();
    write(&at("free"), &trained_on("Turkish makam", &["CC-BY-4.0"])).unwrap();
    write(&at("bound"), &trained_on("Carnatic", &["CC BY-NC-SA 4.0"])).unwrap();
    let plan = MergePlan::task_arithmetic("base", &["free", "bound"], 0.2);
    let inputs = [at("free"), at("bound")];
    let inputs = [inputs[0].as_path(), inputs[1].as_path()];
    let merge = |licence: Option<&str>, sections: Vec<String>| {
        let output =
            MergeOutput { licence: licence.map(ToOwned::to_owned), sections, ..MergeOutput::default() };
        merge_directories(Some(&at("base")), &inputs, &plan, &at("merged"), &output)
    };
    let error = merge(Some("Apache-2.0"), Vec::new()).unwrap_err().to_string();
    assert!(
        error.contains("`Apache-2.0`") && error.contains("`CC BY-NC-SA 4.0`, which forbids commercial use"),
        "{error}"
    );
    assert!(!at("merged").exists(), "what is refused is not written");

    merge(None, vec!["## Results\n\n| culture | mAP |\n|---|---|\n| Carnatic | 0.42 |".into()]).unwrap();
    let merged = card(&at("merged"));
    for part in [
        "- non-commercial",
        "**Not for commercial use.**",
        "CC BY-NC-SA 4.0",
        "license_name: several",
        "200.25",
        "600.75 hours",
        "Turkish makam",
        "| Carnatic | 0.42 |",
        "## Limits",
        "no data was learned from after it",
        "base (`",
    ] {
        assert!(merged.contains(part), "{part}:\n{merged}");
    }
    assert!(!merged.contains("No results of this model"), "{merged}");

    // Converted, and merged once more: the terms go along.
    convert_to_hf(&at("merged"), None, &at("converted")).unwrap();
    assert!(card(&at("converted")).contains("**Not for commercial use.**"));
    let again = MergePlan::task_arithmetic("base", &["converted"], 1.0);
    let output = MergeOutput { licence: Some("MIT".into()), ..MergeOutput::default() };
    let error = merge_directories(Some(&at("base")), &[&at("converted")], &again, &at("again"), &output);
    assert!(error.unwrap_err().to_string().contains("CC BY-NC-SA 4.0"));

    merge(Some("CC BY-NC-SA 4.0"), Vec::new()).unwrap();
    let merged = card(&at("merged"));
    assert!(
        merged.contains("license_name: \"CC BY-NC-SA 4.0\"")
            && merged.contains("given out under CC BY-NC-SA 4.0"),
        "{merged}"
    );
    assert!(merged.contains("No results of this model are recorded"));
}

#[test]
fn a_claim_that_data_forbids_is_refused_wherever_it_is_written() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    let claiming = Lineage { licence: Some("MIT".into()), ..trained_on("Lyra", &["for research only"]) };
    assert!(matches!(write(&dir, &claiming), Err(WeightsError::Licence { .. })));
    assert!(!dir.exists());
    // A claim that was put into the file by hand is refused when the model is exported.
    write(&dir, &trained_on("Lyra", &["CC-BY-NC-4.0"])).unwrap();
    let path = dir.join("culturemert.toml");
    let text = format!("licence = \"MIT\"\n{}", fs::read_to_string(&path).unwrap());
    fs::write(&path, text).unwrap();
    let error = convert_to_hf(&dir, None, &root.path().join("out")).unwrap_err().to_string();
    assert!(error.contains("`MIT`") && error.contains("`CC-BY-NC-4.0`"), "{error}");
}

#[test]
fn the_licence_of_a_model_from_elsewhere_is_read_from_its_card() {
    let root = tempfile::tempdir().unwrap();
    let (dir, out) = (root.path().join("published"), root.path().join("ours"));
    for (front, expected) in [
        ("---\nlicense: cc-by-nc-4.0\ninference: false\ntags:\n- music\n---\n# MERT", vec!["cc-by-nc-4.0"]),
        ("---\nlicense: other\nlicense_name: our own\n---\n", vec!["our own"]),
        ("# No front matter\nlicense: mit\n", vec![]),
        ("---\nlicense: [a, b\n---\n", vec![]),
    ] {
        write(&dir, &trained_on("western", &["CC0-1.0"])).unwrap();
        fs::remove_file(dir.join("culturemert.toml")).unwrap();
        fs::write(dir.join("README.md"), front).unwrap();
        let published = ModelDirectory::open(&dir).unwrap();
        assert_eq!(published.licences().into_iter().collect::<Vec<_>>(), expected);
        assert!(published.write_card(&Card::new("ours", "Ours.")).is_err(), "the card of its authors stays");
        convert_to_hf(&dir, None, &out).unwrap();
        let ours = ModelDirectory::open(&out).unwrap();
        assert_eq!(ours.lineage().unwrap().base.as_ref().unwrap().licences, expected);
        let (says_so, says_none) = (
            card(&out).contains("Not for commercial use"),
            card(&out).contains("No licence is recorded of published"),
        );
        assert_eq!(
            (says_so, says_none),
            (expected == ["cc-by-nc-4.0"], expected.is_empty()),
            "{}",
            card(&out)
        );
    }
}

#[test]
fn results_come_into_a_card_after_the_model() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("model");
    write(&dir, &trained_on("Lyra", &["CC0-1.0"])).unwrap();
    assert!(card(&dir).contains("No results of this model are recorded"));
    let mut new = Card::new("model", "A test.");
    new.sections.push("## Results\n\n0.42 ± 0.03".into());
    ModelDirectory::open(&dir).unwrap().write_card(&new).unwrap();
    let text = card(&dir);
    assert!(
        text.contains("0.42 ± 0.03") && text.contains("recordings-Lyra") && !text.contains("No results"),
        "{text}"
    );
}
