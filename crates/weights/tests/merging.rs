//! Merging against mergekit's answers, and on directories.

mod drawn;

use std::fs;
use std::path::Path;

use culturemert_weights::{
    Card, DareRescale, DataOrigin, Lineage, MergeMethod, MergeOutput, MergePlan, ModelDirectory, ModelFiles,
    Tensor, TensorSource, Tensors, dare_with_mask, merge_directories, merge_files, merge_planned,
    merge_tensors, read_safetensors, task_vector_statistics, write_safetensors,
};
use serde_json::json;

#[test]
fn golden_merges_equal_mergekit() {
    for case in golden::cases("merge", "mergekit.yml") {
        let root = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(case.parent().unwrap().join("inputs")).unwrap() {
            let path = entry.unwrap().path();
            fs::write(root.path().join(path.file_name().unwrap()), fs::read(&path).unwrap()).unwrap();
        }
        let plan = root.path().join("mergekit.yml");
        fs::write(&plan, fs::read(case.join("mergekit.yml")).unwrap()).unwrap();
        let out = root.path().join("out/merged.safetensors");
        let report = merge_planned(&plan, &out, &MergeOutput::default()).unwrap();
        let (ours, theirs) =
            (read_safetensors(&out).unwrap(), golden::Tensors::open(&case.join("expected.safetensors")));
        assert_eq!(ours.names().collect::<Vec<_>>(), theirs.names());
        assert_eq!(report.content_hash, ours.content_hash().to_string());
        assert_eq!(report.n_parameters, ours.n_parameters());
        let mut worst = 0.0;
        for (name, tensor) in &ours {
            assert_eq!(tensor.shape, theirs.shape(name));
            worst = golden::nan_is_worst(worst, golden::max_abs_diff(&tensor.data, &theirs.f32(name)));
        }
        let config = golden::json(&case.join("config.json"));
        golden::within(
            &format!("merge/{}", case.file_name().unwrap().display()),
            worst,
            config["tolerance_abs"].as_f64().unwrap(),
        );
    }
}

#[test]
fn golden_dare_with_a_given_mask_equals_both_rules() {
    for case in golden::cases("merge", "config.json") {
        let config = golden::json(&case.join("config.json"));
        let expected = golden::Tensors::open(&case.join("expected.safetensors"));
        let Some(model) = config["model"].as_str().filter(|_| config["paper"].is_string()) else { continue };
        let inputs = case.parent().unwrap().join("inputs");
        let base = read_safetensors(&inputs.join("base.safetensors")).unwrap();
        let model = read_safetensors(&inputs.join(format!("{model}.safetensors"))).unwrap();
        let density = config["density"].as_f64().unwrap();
        for (rule, key) in [(DareRescale::Density, "delta_paper"), (DareRescale::Magnitude, "delta_mergekit")]
        {
            let mut worst = 0.0;
            for (name, tensor) in &model {
                let mut delta: Vec<f32> =
                    tensor.data.iter().zip(&base.get(name).unwrap().data).map(|(x, b)| x - b).collect();
                let mask: Vec<bool> =
                    expected.f32(&format!("mask/{name}")).iter().map(|&x| x != 0.0).collect();
                dare_with_mask(&mut delta, &mask, density, Some(rule));
                let theirs = expected.f32(&format!("{key}/{name}"));
                worst = golden::nan_is_worst(worst, golden::max_abs_diff(&delta, &theirs));
            }
            let what = format!("merge/{}/{key}", case.file_name().unwrap().display());
            golden::within(&what, worst, config["tolerance_abs"].as_f64().unwrap());
        }
    }
}

fn config() -> serde_json::Value {
    json!({
        "model_type": "hubert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
        "conv_dim": [4, 6], "conv_kernel": [10, 3], "conv_stride": [5, 2],
        "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
    })
}

fn model(salt: &str) -> Tensors {
    drawn::encoder(&config(), salt)
}

fn write(dir: &Path, config: &serde_json::Value, tensors: &Tensors, culture: &str) {
    let data = DataOrigin {
        cultures: vec![culture.into()],
        licences: vec!["CC0-1.0".into()],
        ..DataOrigin::default()
    };
    let lineage = Lineage { data: vec![data], ..Lineage::new() };
    let card = Card::new(culture, "A test.");
    let heads: Tensors =
        [("label_embs_concat".to_owned(), Tensor { shape: vec![1], data: vec![1.0] })].into_iter().collect();
    let files = ModelFiles {
        config,
        tensors,
        heads: Some(&heads),
        lineage: &lineage,
        card: &card,
        preprocessor: None,
        fairseq: None,
    };
    ModelDirectory::write(dir, &files).expect("written");
}

#[test]
fn directories_merge_into_a_directory_with_its_history() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["base", "makam", "lyra"] {
        write(&at(name), &config(), &model(name), name);
    }
    let plan = MergePlan::task_arithmetic("base", &["makam", "lyra"], 0.2);
    let report = merge_directories(
        Some(&at("base")),
        &[&at("makam"), &at("lyra")],
        &plan,
        &at("out"),
        &MergeOutput::default(),
    )
    .unwrap();
    let merged = ModelDirectory::open(&at("out")).unwrap();
    assert_eq!(merged.content_hash().unwrap().to_string(), report.content_hash);
    assert!(merged.heads().unwrap().is_none());
    let lineage = merged.lineage().unwrap();
    assert_eq!(lineage.base.as_ref().unwrap().hash, model("base").content_hash().to_string());
    assert_eq!(lineage.parents.len(), 2);
    assert_eq!(lineage.cultures().into_iter().collect::<Vec<_>>(), ["base", "lyra", "makam"]);
    let name = "encoder.layers.0.attention.q_proj.weight";
    let value = |model: &Tensors| f64::from(model.get(name).unwrap().data[3]);
    let (base, makam, lyra) = (value(&model("base")), value(&model("makam")), value(&model("lyra")));
    let expected = base + 0.2 * (makam - base + lyra - base);
    assert!((value(&merged.tensors().unwrap().0) - expected).abs() < 1e-7);
}

/// The output is one of the inputs: under every fault it is the input as it was or the merged model, never a mixture of both.
#[test]
fn under_every_fault_a_merge_over_its_own_input_is_old_or_new() {
    let before = |root: &Path| {
        for name in ["base", "makam"] {
            write(&root.join(name), &config(), &model(name), name);
        }
    };
    let plan = MergePlan::task_arithmetic("base", &["makam"], 0.5);
    let merge = |root: &Path, out: &str| {
        merge_directories(
            Some(&root.join("base")),
            &[&root.join("makam")],
            &plan,
            &root.join(out),
            &MergeOutput::default(),
        )
    };
    for (out, other) in [("base", "makam"), ("makam", "base")] {
        let root = tempfile::tempdir().unwrap();
        before(root.path());
        let merged = merge(root.path(), "merged").unwrap().content_hash;
        let hash =
            |root: &Path, name: &str| ModelDirectory::open(&root.join(name)).unwrap().content_hash().unwrap();
        let look = |root: &Path, is_done: bool| {
            let found = hash(root, out);
            // Once more merges what the first merge left, so then only the model's wholeness is looked at.
            assert!(is_done || found == model(out).content_hash() || found.to_string() == merged, "{found}");
            assert_eq!(hash(root, other), model(other).content_hash(), "the other input is not touched");
        };
        files::faults::everywhere(before, |root| merge(root, out).map(drop), look);
    }
}

#[test]
fn under_every_fault_a_merged_file_over_its_own_input_is_old_or_new() {
    let save = |root: &Path, name: &str| {
        write_safetensors(&root.join(name), &model(name), &std::collections::BTreeMap::new()).unwrap();
    };
    let plan = MergePlan::task_arithmetic("base", &["a"], 0.5);
    let work = |root: &Path| {
        merge_files(Some(&root.join("base")), &[&root.join("a")], &plan, &root.join("a")).map(drop)
    };
    let before = |root: &Path| ["base", "a"].into_iter().for_each(|name| save(root, name));
    let root = tempfile::tempdir().unwrap();
    before(root.path());
    work(root.path()).unwrap();
    let new = read_safetensors(&root.path().join("a")).unwrap();
    files::faults::everywhere(before, work, |root, is_done| {
        let found = read_safetensors(&root.join("a")).unwrap();
        assert!(is_done || found == model("a") || found == new);
    });
}

#[test]
fn pre_norm_and_post_norm_do_not_merge() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    write(&at("post"), &config(), &model("post"), "x");
    let mut other = config();
    other["do_stable_layer_norm"] = json!(true);
    write(&at("pre"), &other, &model("pre"), "x");
    let plan = MergePlan::task_arithmetic("post", &["pre"], 1.0);
    let error =
        merge_directories(Some(&at("post")), &[&at("pre")], &plan, &at("out"), &MergeOutput::default())
            .unwrap_err()
            .to_string();
    assert!(error.contains("architecture") && error.contains("pre"), "{error}");
    assert!(!at("out").exists());
}

#[test]
fn differing_tensors_are_named_with_their_model() {
    let collect = |models: &[&Tensors]| {
        let plan = MergePlan::task_arithmetic("base", &["a", "b"], 1.0);
        let base = model("base");
        let models: Vec<&dyn TensorSource> = models.iter().map(|model| *model as &dyn TensorSource).collect();
        merge_tensors(&plan, Some(&base), &models, |_, _| Ok(())).map_err(|error| error.to_string())
    };
    let (a, mut b) = (model("a"), model("b"));
    let taken = b.remove("masked_spec_embed").unwrap();
    let error = collect(&[&a, &b]).unwrap_err();
    assert!(error.contains("model `b` lacks tensor `masked_spec_embed`"), "{error}");
    b.insert("masked_spec_embed", Tensor { shape: vec![2, 4], ..taken.clone() });
    let error = collect(&[&a, &b]).unwrap_err();
    assert!(error.contains("[2, 4] in `b` and [8] in `base`"), "{error}");
    b.insert(
        "masked_spec_embed",
        Tensor { data: vec![1.0, f32::NAN, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], ..taken.clone() },
    );
    let error = collect(&[&a, &b]).unwrap_err();
    assert!(error.contains("`b`") && error.contains("not finite at position 1"), "{error}");
    b.insert("masked_spec_embed", taken.clone());
    b.insert("extra", taken);
    let error = collect(&[&a, &b]).unwrap_err();
    assert!(error.contains("model `b` has the extra tensor `extra`"), "{error}");
}

#[test]
fn threads_do_not_change_a_merge() {
    let (base, a, b) = (model("base"), model("a"), model("b"));
    let mut plan = MergePlan::task_arithmetic("base", &["a", "b"], 0.5);
    plan.merge_method = MergeMethod::DareTies;
    for model in &mut plan.models {
        model.parameters.density = Some(culturemert_weights::Setting::Everywhere(0.3));
    }
    let merged = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let mut out = Tensors::new();
        let sink = |name: &str, tensor| {
            out.insert(name, tensor);
            Ok(())
        };
        pool.install(|| merge_tensors(&plan, Some(&base), &[&a, &b], sink)).unwrap();
        out
    };
    assert_eq!(merged(1), merged(3));
    assert_ne!(merged(1), base);
}

#[test]
fn tensors_of_whole_numbers_are_taken_over() {
    use culturemert_weights::{Dtype, RawTensor, TensorInfo};
    let root = tempfile::tempdir().unwrap();
    for name in ["base", "a"] {
        let mut tensors = model(name);
        for (other, dtype) in [("long", Dtype::Int64), ("flags", Dtype::Uint8)] {
            let info = TensorInfo { dtype, shape: vec![2] };
            tensors.insert_raw(other, RawTensor { bytes: vec![1; 2 * dtype.size()], info });
        }
        write_safetensors(&root.path().join(name), &tensors, &std::collections::BTreeMap::new()).unwrap();
    }
    let plan = root.path().join("plan.yml");
    fs::write(&plan, "merge_method: linear\nmodels: [{model: base}, {model: a}]\nparameters: {weight: 1}")
        .unwrap();
    let report = merge_planned(&plan, &root.path().join("out"), &MergeOutput::default()).unwrap();
    assert_eq!(report.copied, ["flags", "long"]);
    let out = read_safetensors(&root.path().join("out")).unwrap();
    assert_eq!(out.others().len(), 2);
    assert_eq!(report.content_hash, out.content_hash().to_string());
}

#[test]
fn statistics_of_known_vectors() {
    let make = |data: [f32; 4]| -> Tensors {
        [("x".to_owned(), Tensor { shape: vec![4], data: data.into() })].into_iter().collect()
    };
    let base = make([1.0, 0.0, 2.0, 0.0]);
    let (a, b) = (make([4.0, 4.0, 2.0, 0.0]), make([1.0, 3.0, 2.0, -4.0]));
    let models: [(&str, &dyn TensorSource); 2] = [("a", &a), ("b", &b)];
    let statistics = task_vector_statistics(&base, &models).unwrap();
    assert_eq!(statistics.norms, [5.0, 5.0]);
    assert!((statistics.base_norm - 5f64.sqrt()).abs() < 1e-12);
    assert!((statistics.cosines[0][1] - 12.0 / 25.0).abs() < 1e-12);
    assert_eq!(statistics.cosines[1], [12.0 / 25.0, 1.0]);
    assert_eq!(statistics.sign_agreement[0], [1.0, 1.0]);
    assert_eq!(statistics.tensor_norms["x"], [5.0, 5.0]);
}
