//! Task vectors, λ by culture and by group of layers, sharded output, and the laws of a merge.

mod drawn;

use std::fs;
use std::path::{Path, PathBuf};

use culturemert_weights::{
    Card, DataOrigin, Kind, LambdaSweep, LayerGroup, Lineage, MergeMethod, MergeModel, MergeOutput,
    MergePlan, ModelDirectory, ModelFiles, ModelParameters, Setting, TensorSource, Tensors, identity,
    inspect, merge_directories, merge_in_memory, merge_planned, open_source, write_safetensors,
    write_task_vector, write_task_vector_file,
};
use serde_json::{Value, json};

fn config() -> Value {
    json!({
        "model_type": "hubert", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12,
        "conv_dim": [4, 6], "conv_kernel": [10, 3], "conv_stride": [5, 2],
        "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
    })
}

fn model(salt: &str) -> Tensors {
    drawn::encoder(&config(), salt)
}

fn write(dir: &Path, tensors: &Tensors, culture: &str, licences: &[&str]) {
    let data = DataOrigin {
        corpus: format!("recordings-{culture}"),
        cultures: vec![culture.into()],
        licences: licences.iter().map(|&licence| licence.into()).collect(),
        hours: Some(2.0),
        ..DataOrigin::default()
    };
    let lineage = Lineage { data: vec![data], ..Lineage::new() };
    let files = ModelFiles {
        config: &config(),
        tensors,
        heads: None,
        lineage: &lineage,
        card: &Card::new(culture, "A test."),
        preprocessor: None,
        fairseq: None,
    };
    ModelDirectory::write(dir, &files).expect("written");
}

/// `base` and three models of it in a folder.
struct World {
    root: tempfile::TempDir,
}

const MODELS: [&str; 3] = ["makam", "lyra", "carnatic"];

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().expect("a folder") };
        for name in MODELS.into_iter().chain(["base"]) {
            write(&world.at(name), &model(name), name, &["CC-BY-4.0"]);
        }
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn merge(&self, models: &[&str], plan: &MergePlan, output: &MergeOutput) -> Result<Tensors, String> {
        let paths: Vec<PathBuf> = models.iter().map(|name| self.at(name)).collect();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        merge_directories(Some(&self.at("base")), &paths, plan, &self.at("out"), output)
            .and_then(|_| ModelDirectory::open(&self.at("out"))?.tensors())
            .map(|(tensors, _)| tensors)
            .map_err(|error| error.to_string())
    }
}

fn bits(tensors: &Tensors) -> Vec<(String, Vec<u32>)> {
    tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.data.iter().map(|x| x.to_bits()).collect()))
        .collect()
}

fn methods() -> [MergeMethod; 4] {
    [MergeMethod::TaskArithmetic, MergeMethod::Ties, MergeMethod::DareLinear, MergeMethod::DareTies]
}

/// A plan with another weight for every model, thinned where the method thins.
fn plan(method: MergeMethod, models: &[(&str, f64)]) -> MergePlan {
    let model = |&(name, weight): &(&str, f64)| MergeModel {
        model: name.into(),
        parameters: ModelParameters {
            weight: Some(Setting::Everywhere(weight)),
            density: Some(Setting::Everywhere(0.6)),
        },
    };
    let models = models.iter().map(model).collect();
    MergePlan { merge_method: method, models, ..MergePlan::task_arithmetic("base", &["x"], 0.7) }
}

#[test]
fn a_vector_gives_what_its_model_gives() {
    let world = World::new();
    for name in MODELS {
        let vector = world.at(&format!("{name}-vector"));
        let report = write_task_vector(&world.at("base"), &world.at(name), &vector).unwrap();
        assert_eq!(report.base, model("base").content_hash().to_string());
        assert_eq!(report.model, model(name).content_hash().to_string());
        assert_eq!(report.n_parameters, model(name).n_parameters());
        let (base, adapted) = (model("base"), model(name));
        let squares = adapted.iter().map(|(tensor, value)| {
            let base = &base.get(tensor).unwrap().data;
            value.data.iter().zip(base).map(|(x, b)| f64::from(x - b).powi(2)).sum::<f64>()
        });
        assert!((report.norm - squares.sum::<f64>().sqrt()).abs() < 1e-9);
        let listing = inspect(&vector).unwrap();
        assert_eq!((listing.kind, listing.content_hash), (Kind::TaskVector, report.content_hash));
    }
    // Masks of DARE are drawn from the models' names in the plan, which here stay.
    for method in methods() {
        let plan = plan(method, &[("makam", 0.3), ("lyra", -0.5), ("carnatic", 0.9)]);
        let output = MergeOutput::default();
        let of_models = world.merge(&MODELS, &plan, &output).unwrap();
        let of_vectors =
            world.merge(&["makam-vector", "lyra-vector", "carnatic-vector"], &plan, &output).unwrap();
        assert_eq!(bits(&of_models), bits(&of_vectors), "{method:?}");
        let mixed = world.merge(&["makam", "lyra-vector", "carnatic"], &plan, &output).unwrap();
        assert_eq!(bits(&of_models), bits(&mixed), "{method:?}");
    }
    let merged = ModelDirectory::open(&world.at("out")).unwrap();
    let lineage = merged.lineage().unwrap();
    assert_eq!(lineage.parents[1].name, "lyra");
    assert_eq!(lineage.parents[1].hash, model("lyra").content_hash().to_string());
    assert_eq!(lineage.cultures().into_iter().collect::<Vec<_>>(), ["base", "carnatic", "lyra", "makam"]);
    assert_eq!(lineage.forgotten, ["lyra"]);
    let card = fs::read_to_string(world.at("out/README.md")).unwrap();
    assert!(card.contains("The task vectors of lyra were subtracted"), "{card}");
}

#[test]
fn a_vector_of_another_base_is_refused_by_name() {
    let world = World::new();
    let vector = world.at("vector");
    write_task_vector(&world.at("carnatic"), &world.at("makam"), &vector).unwrap();
    let plan = MergePlan::task_arithmetic("base", &["vector"], 0.2);
    let error = world.merge(&["vector"], &plan, &MergeOutput::default()).unwrap_err();
    for part in [
        "`vector`",
        "`base`",
        &model("base").content_hash().to_string(),
        &model("carnatic").content_hash().to_string(),
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!world.at("out").exists());
}

#[test]
fn a_vector_is_no_model() {
    let world = World::new();
    let vector = world.at("vector");
    write_task_vector(&world.at("base"), &world.at("makam"), &vector).unwrap();
    let error = ModelDirectory::open(&vector).unwrap().tensors().unwrap_err().to_string();
    assert!(error.contains("task vector"), "{error}");
    let error = write_task_vector(&world.at("base"), &vector, &world.at("other")).unwrap_err().to_string();
    assert!(error.contains("task vector"), "{error}");
    let linear = MergePlan {
        merge_method: MergeMethod::Linear,
        base_model: None,
        ..plan(MergeMethod::Linear, &[("vector", 1.0)])
    };
    let error = world.merge(&["vector"], &linear, &MergeOutput::default()).unwrap_err();
    assert!(error.contains("`vector` is a task vector"), "{error}");
    let based = MergePlan::task_arithmetic("vector", &["makam"], 1.0);
    let error = merge_directories(
        Some(&vector),
        &[&world.at("makam")],
        &based,
        &world.at("out"),
        &MergeOutput::default(),
    );
    assert!(error.unwrap_err().to_string().contains("cannot be the base"));
    // What is there may be made again, as a model may.
    write_task_vector(&world.at("base"), &world.at("lyra"), &vector).unwrap();
    let card = fs::read_to_string(vector.join("README.md")).unwrap();
    for part in ["lyra", "minus base", "culturemert merge --base base", "CC-BY-4.0", "2.00"] {
        assert!(card.contains(part), "{part}:\n{card}");
    }
    assert!(!card.contains("AutoModel"), "{card}");
}

#[test]
fn files_have_vectors_too() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["base", "makam", "lyra"] {
        write_safetensors(
            &at(&format!("{name}.safetensors")),
            &model(name),
            &std::collections::BTreeMap::new(),
        )
        .unwrap();
    }
    write_task_vector_file(&at("base.safetensors"), &at("makam.safetensors"), &at("vector.safetensors"))
        .unwrap();
    let merged = |listed: &str, base: &str| {
        let yaml = format!(
            "merge_method: ties\nbase_model: {base}.safetensors\nmodels:\n  - model: {listed}.safetensors\n    parameters: {{weight: 0.4, density: 0.5}}\n  - model: lyra.safetensors\n    parameters: {{weight: 0.4, density: 0.5}}\n"
        );
        fs::write(at("plan.yml"), yaml).unwrap();
        merge_planned(&at("plan.yml"), &at("out.safetensors"), &MergeOutput::default())
            .map(|report| report.content_hash)
            .map_err(|error| error.to_string())
    };
    assert_eq!(merged("makam", "base").unwrap(), merged("vector", "base").unwrap());
    assert!(merged("vector", "lyra").unwrap_err().contains("vector.safetensors"));
}

#[test]
fn no_lambda_is_the_base_bit_for_bit() {
    let mut base = model("base");
    let signed = base.get_mut("masked_spec_embed").unwrap();
    signed.data[..3].copy_from_slice(&[-0.0, 0.0, -f32::MIN_POSITIVE]);
    let models = MODELS.map(model);
    let sources = [0, 1, 2].map(|index| &models[index] as &dyn TensorSource);
    for method in methods() {
        let mut plan = plan(method, &[("makam", 0.3), ("lyra", -0.5), ("carnatic", 0.9)]);
        plan.parameters.lambda = Some(Setting::Everywhere(0.0));
        let merged = merge_in_memory(&plan, Some(&base), &sources).unwrap();
        assert_eq!(bits(&merged), bits(&base), "{method:?}");
    }
    let slerp = MergePlan { merge_method: MergeMethod::Slerp, ..plan(MergeMethod::Slerp, &[("makam", 1.0)]) };
    let slerp = MergePlan {
        parameters: culturemert_weights::MergeParameters {
            t: Some(Setting::Everywhere(0.0)),
            ..slerp.parameters.clone()
        },
        ..slerp
    };
    assert_eq!(bits(&merge_in_memory(&slerp, Some(&base), &sources[..1]).unwrap()), bits(&base));
}

#[test]
fn the_order_of_models_changes_no_bit() {
    let base = model("base");
    let models = MODELS.map(model);
    let listed = [("makam", 0.3), ("lyra", -0.57), ("carnatic", 0.91)];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for method in methods().into_iter().chain([MergeMethod::Linear]) {
        let merged = orders.map(|order| {
            let mut plan = plan(method, &order.map(|index| listed[index]));
            if method == MergeMethod::Linear {
                plan.base_model = None;
            }
            let sources = order.map(|index| &models[index] as &dyn TensorSource);
            let base = (method != MergeMethod::Linear).then_some(&base as &dyn TensorSource);
            bits(&merge_in_memory(&plan, base, &sources).unwrap())
        });
        assert!(merged.iter().all(|one| *one == merged[0]), "{method:?}");
    }
}

#[test]
fn negation_forgets_what_was_learned() {
    let (base, makam) = (model("base"), model("makam"));
    let source: [&dyn TensorSource; 1] = [&makam];
    let at = |lambda: f64| {
        merge_in_memory(&MergePlan::task_arithmetic("base", &["makam"], lambda), Some(&base), &source)
            .unwrap()
    };
    let (plus, minus) = (at(0.5), at(-0.5));
    assert_ne!(minus, base);
    for (name, tensor) in &base {
        let values =
            tensor.data.iter().zip(&plus.get(name).unwrap().data).zip(&minus.get(name).unwrap().data);
        for ((b, up), down) in values {
            // Half a unit in the last place of either, below 2.
            assert!(
                (f64::from(*up) + f64::from(*down) - 2.0 * f64::from(*b)).abs() <= 2.0 * 2f64.powi(-24),
                "{name}"
            );
        }
    }
    // And it undoes the addition, but for the rounding of the sum in between.
    let source: [&dyn TensorSource; 2] = [&makam, &makam];
    let none = MergePlan::per_culture("base", &[("makam", 0.5), ("again", -0.5)], &[]);
    assert_eq!(bits(&merge_in_memory(&none, Some(&base), &source).unwrap()), bits(&base));
}

#[test]
fn every_culture_and_every_group_has_its_lambda() {
    let base = model("base");
    let models = MODELS.map(model);
    let sources = [0, 1, 2].map(|index| &models[index] as &dyn TensorSource);
    let lambdas = [0.2, -0.1, 0.4];
    let group = |text: &str| text.parse::<LayerGroup>().unwrap();
    let factors = [(group("front-end"), 0.0), (group("layers.1"), 0.5)];
    let listed: Vec<(&str, f64)> = MODELS.into_iter().zip(lambdas).collect();
    let plan = MergePlan::per_culture("base", &listed, &factors);
    let merged = merge_in_memory(&plan, Some(&base), &sources).unwrap();
    for (name, tensor) in &merged {
        let factor = match name {
            _ if name.starts_with("feature_extractor.") => 0.0,
            _ if name.starts_with("encoder.layers.1.") => 0.5,
            _ => 1.0,
        };
        for (i, &x) in tensor.data.iter().enumerate() {
            let b = base.get(name).unwrap().data[i];
            let moved = models
                .iter()
                .zip(lambdas)
                .map(|(model, lambda)| lambda * f64::from(model.get(name).unwrap().data[i] - b));
            let expected = f64::from(b) + factor * moved.sum::<f64>();
            assert!((f64::from(x) - expected).abs() < 1e-7, "{name}[{i}]: {x} {expected}");
            assert!(factor != 0.0 || x.to_bits() == b.to_bits(), "{name}[{i}]");
        }
    }
    // The same as a file, in either spelling.
    assert_eq!(MergePlan::from_toml(TOML).unwrap(), plan);
    let yaml = "merge_method: task_arithmetic\nbase_model: base\nparameters:\n  lambda:\n    - {group: front-end, value: 0}\n    - {group: layers.1, value: 0.5}\n    - {value: 1}\nmodels:\n  - {model: makam, parameters: {weight: 0.2}}\n  - {model: lyra, parameters: {weight: -0.1}}\n  - {model: carnatic, parameters: {weight: 0.4}}\n";
    let read = merge_in_memory(&MergePlan::from_yaml(yaml).unwrap(), Some(&base), &sources).unwrap();
    assert_eq!(bits(&read), bits(&merged));
    // One λ for all is the plain merge.
    let same = MergePlan::per_culture("base", &MODELS.map(|name| (name, 0.2)), &[]);
    assert_eq!(same, MergePlan::task_arithmetic("base", &MODELS, 0.2));
    let beyond = MergePlan::per_culture("base", &listed, &[(group("layers.2-3"), 0.5)]);
    let error = merge_in_memory(&beyond, Some(&base), &sources).unwrap_err().to_string();
    assert!(error.contains("`layers.2-3`") && error.contains("lambda"), "{error}");
}

/// The plan of the test above as TOML.
const TOML: &str = r#"
merge_method = "task_arithmetic"
base_model = "base"
[parameters]
lambda = [{group = "front-end", value = 0}, {group = "layers.1", value = 0.5}, {value = 1}]
[[models]]
model = "makam"
parameters = {weight = 0.2}
[[models]]
model = "lyra"
parameters = {weight = -0.1}
[[models]]
model = "carnatic"
parameters = {weight = 0.4}
"#;

#[test]
fn a_sweep_in_memory_gives_what_is_written() {
    let world = World::new();
    write_task_vector(&world.at("base"), &world.at("lyra"), &world.at("vector")).unwrap();
    let paths = [world.at("makam"), world.at("vector")];
    let sweep = LambdaSweep::open(&world.at("base"), &[&paths[0], &paths[1]]).unwrap();
    for lambdas in [[0.2, 0.2], [0.7, -0.3], [0.0, 0.0]] {
        let tensors = sweep.tensors(&lambdas, &[]).unwrap();
        let plan = MergePlan::per_culture("base", &[("makam", lambdas[0]), ("lyra", lambdas[1])], &[]);
        let written = world.merge(&["makam", "lyra"], &plan, &MergeOutput::default()).unwrap();
        assert_eq!(bits(&tensors), bits(&written));
        let expected = ModelDirectory::open(&world.at("out")).unwrap().identity().unwrap();
        assert_eq!(identity(sweep.config(), tensors.content_hash()), expected);
    }
    let hashes = sweep.content_hashes().unwrap();
    let of = |name: &str| ModelDirectory::open(&world.at(name)).unwrap().content_hash().unwrap();
    assert_eq!(hashes[..2], [of("base"), of("makam")]);
    assert!(hashes.len() == 3 && hashes[2] != of("lyra"), "a vector is not its model");
    let error = sweep.tensors(&[0.2], &[]).unwrap_err().to_string();
    assert!(error.contains("1 λ to 2 models"), "{error}");
    let other = [world.at("vector")];
    assert!(LambdaSweep::open(&world.at("makam"), &[&other[0]]).is_err(), "a vector of another base");
}

#[test]
fn how_weights_were_chosen_stays_with_the_model() {
    let world = World::new();
    let plan = MergePlan::task_arithmetic("base", &["makam", "lyra"], 0.2);
    let choice = Some("λ by probes | on validation recordings".to_owned());
    let output = MergeOutput { choice: choice.clone(), ..MergeOutput::default() };
    world.merge(&["makam", "lyra"], &plan, &output).unwrap();
    let out = ModelDirectory::open(&world.at("out")).unwrap();
    assert_eq!(out.lineage().unwrap().merge_choice, choice);
    let card = fs::read_to_string(world.at("out").join("README.md")).unwrap();
    assert!(card.contains("- weights of the merge: λ by probes \\| on validation recordings\n"), "{card}");
    world.merge(&["makam", "lyra"], &plan, &MergeOutput::default()).unwrap();
    assert_eq!(ModelDirectory::open(&world.at("out")).unwrap().lineage().unwrap().merge_choice, None);
}

#[test]
fn a_merge_is_cut_into_files_with_an_index() {
    let world = World::new();
    let plan = MergePlan::task_arithmetic("base", &["makam", "lyra"], 0.2);
    let whole = world.merge(&["makam", "lyra"], &plan, &MergeOutput::default()).unwrap();
    let output = MergeOutput { shard_bytes: Some(2_000), ..MergeOutput::default() };
    // Over the whole model that is there: no file of it stays.
    let cut = world.merge(&["makam", "lyra"], &plan, &output).unwrap();
    assert_eq!(bits(&cut), bits(&whole));
    let out = world.at("out");
    assert!(!out.join("model.safetensors").exists());
    let index: Value =
        serde_json::from_slice(&fs::read(out.join("model.safetensors.index.json")).unwrap()).unwrap();
    assert_eq!(index["metadata"]["total_size"], 4 * whole.n_parameters());
    let files: std::collections::BTreeSet<&str> =
        index["weight_map"].as_object().unwrap().values().map(|file| file.as_str().unwrap()).collect();
    assert!(files.len() > 2, "{files:?}");
    for file in files {
        let infos = open_source(&out.join(file)).unwrap().infos();
        let n_bytes: usize = infos.values().map(|info| info.n_bytes().unwrap()).sum();
        assert!(n_bytes <= 2_000 || infos.len() == 1, "{file}: {n_bytes}");
    }
    // And back into one.
    world.merge(&["makam", "lyra"], &plan, &MergeOutput::default()).unwrap();
    assert!(!out.join("model.safetensors.index.json").exists());
    // What is cut is a base like any other.
    fs::rename(&out, world.at("whole")).unwrap();
    world.merge(&["makam", "lyra"], &plan, &output).unwrap();
    let again = MergePlan::task_arithmetic("out", &["makam"], 0.0);
    let again = merge_directories(
        Some(&out),
        &[&world.at("makam")],
        &again,
        &world.at("again"),
        &MergeOutput::default(),
    );
    assert_eq!(again.unwrap().content_hash, whole.content_hash().to_string());
}

#[test]
fn under_every_fault_a_vector_is_old_or_new() {
    let before = |root: &Path| {
        for name in ["base", "makam", "lyra"] {
            write(&root.join(name), &model(name), name, &["CC0-1.0"]);
        }
        write_task_vector(&root.join("base"), &root.join("makam"), &root.join("vector")).unwrap();
    };
    let work = |root: &Path| {
        write_task_vector(&root.join("base"), &root.join("lyra"), &root.join("vector")).map(drop)
    };
    let made = tempfile::tempdir().unwrap();
    before(made.path());
    let hash = |root: &Path| open_source(&root.join("vector")).unwrap().content_hash().unwrap();
    let old = hash(made.path());
    work(made.path()).unwrap();
    let new = hash(made.path());
    assert_ne!(old, new);
    files::faults::everywhere(before, work, |root, is_done| {
        files::recover_directory(&root.join("vector")).unwrap();
        let found = hash(root);
        assert!(found == new || (!is_done && found == old));
    });
}
