//! Forward pass, loss parts and gradients of pre-training equal the original's, for every case under `mert/`.

use golden::Tensors;
use mert::{Batch, Geometry, parameters};
use serde_json::Value;

use crate::fairseq;
use crate::tensors::{channels_first, device, model, on_device, relative_l2, values};

#[test]
fn golden_pretraining() {
    for case in golden::cases("mert", "logits.safetensors") {
        if !case.join("loss.json").is_file() {
            continue;
        }
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let config = golden::json(&case.join("config.json"));
        let bounds = golden::json(&case.join("tolerances.json"))["suggested"].clone();
        let bound = |key: &str| on_device(bounds[key].as_f64().unwrap());
        let inputs = Tensors::open(&case.join("inputs.safetensors"));
        let activations = Tensors::open(&case.join("activations.safetensors"));

        let encoder = fairseq::encoder_config(&config["model"]);
        let heads = fairseq::heads_config(&config);
        let layer_norm = encoder.feat_extract_norm == mert::ConvNorm::Layer;
        let weights = Tensors::open(&case.join("weights.safetensors"));
        let device = device().autodiff();
        let model = model(&encoder, Some(&heads), &device, &weights, |ours| fairseq::name(ours, layer_norm));

        let n_samples = inputs.shape("source")[1];
        let padding = inputs.i64("padding_mask");
        let valid: Vec<usize> = padding
            .chunks(n_samples)
            .map(|clip| clip.iter().filter(|&&padded| padded == 0).count())
            .collect();
        let labels: Vec<u32> = inputs.i64("target").iter().map(|&label| label as u32).collect();
        let geometry = Geometry::new(&encoder, n_samples, &valid, inputs.shape("target")[1]).unwrap();
        let frame_padding: Vec<i64> = geometry
            .n_valid
            .iter()
            .flat_map(|&n| (0..geometry.n_frames).map(move |t| i64::from(t >= n)))
            .collect();
        assert_eq!(frame_padding, inputs.i64("frame_padding_mask"), "{name}: which frames are padding");

        let mask: Vec<bool> = inputs.i64("mask_indices").iter().map(|&m| m != 0).collect();
        let source = if inputs.has("source_mixed") { "source_mixed" } else { "source" };
        let waveform = inputs.f32(source);
        let cqt = inputs.has("cqt_target_full").then(|| inputs.f32("cqt_target_full"));
        let batch = Batch {
            waveform: mert::Input::Host(&waveform),
            labels: &labels,
            cqt: cqt.as_deref().map(mert::Input::Host),
            mask: &mask,
            geometry: &geometry,
        };
        let mut worst = (0.0, String::new());
        let mut seen = 0;
        let mut logits = Vec::new();
        let objective = fairseq::objective(&config);
        let parts = model
            .loss(&batch, &objective, None, &mut |what, tensor| {
                let error = activation_error(what, tensor, &activations, heads.tied_projection);
                seen += usize::from(error.is_some());
                let error = error.unwrap_or(0.0);
                if error.is_nan() || error > worst.0 {
                    worst = (error, what.to_owned());
                }
                if what.starts_with("final_proj") {
                    let classes = model.heads.as_ref().unwrap().label_embs_concat.val();
                    if !heads.target_glu {
                        logits.push((
                            what.to_owned(),
                            kernels_logits(tensor, &classes, heads.n_codebooks, objective.temperature),
                        ));
                    }
                }
            })
            .unwrap();
        assert!(seen > 3 * encoder.num_hidden_layers, "{name}: only {seen} activations were recorded");
        golden::within(
            &format!("mert {name} activations ({})", worst.1),
            worst.0,
            bound("activation_rel_l2"),
        );

        check_losses(&name, &parts, &golden::json(&case.join("loss.json")), &bounds);
        check_logits(
            &name,
            &logits,
            &Tensors::open(&case.join("logits.safetensors")),
            bound("logit_max_abs"),
        );

        let gradients = parts.total.backward();
        let recorded = Tensors::open(&case.join("grads.safetensors"));
        let mut worst = (0.0f64, String::new());
        let mut n_compared = 0;
        parameters::gradients(&model, gradients, &mut |ours, gradient| {
            let theirs = fairseq::name(ours, layer_norm);
            let Some(gradient) = gradient.map(parameters::host) else {
                assert!(!recorded.has(&theirs), "{name}: no gradient for `{theirs}`");
                return;
            };
            if !recorded.has(&theirs) {
                assert!(
                    gradient.iter().all(|&g| g == 0.0),
                    "{name}: `{theirs}` has a gradient, recorded has none"
                );
                return;
            }
            n_compared += 1;
            // The gradient of a key bias is zero in exact arithmetic.
            if theirs.ends_with("k_proj.bias") {
                assert!(golden::max_abs_diff(&gradient, &recorded.f32(&theirs)) <= bound("grad_max_abs"));
                return;
            }
            let error = relative_l2(&gradient, &recorded.f32(&theirs));
            if error.is_nan() || error > worst.0 {
                worst = (error, theirs);
            }
        });
        assert_eq!(n_compared, recorded.names().len(), "{name}: gradients compared");
        golden::within(
            &format!("mert {name} gradients ({})", worst.1),
            worst.0,
            bound("grad_rel_l2_per_tensor"),
        );
    }
}

fn kernels_logits(
    projected: &burn::Tensor<3>,
    classes: &burn::Tensor<2>,
    n_codebooks: usize,
    temperature: f64,
) -> Vec<f32> {
    values(&kernels::code_logits(projected, classes, n_codebooks, temperature))
}

/// Relative error of an activation, or `None` when it was not recorded.
fn activation_error(what: &str, tensor: &burn::Tensor<3>, recorded: &Tensors, tied: bool) -> Option<f64> {
    let [n_clips, n_frames, n_channels] = tensor.dims();
    let ours = values(tensor);
    if what.starts_with("conv.") {
        let ours = channels_first(&ours, [n_clips, n_frames, n_channels]);
        if recorded.has(what) {
            return Some(relative_l2(&ours, &recorded.f32(what)));
        }
        let (head, tail) = (recorded.f32(&format!("{what}.head")), recorded.f32(&format!("{what}.tail")));
        let (n_head, n_tail) = (head.len() / n_clips / n_channels, tail.len() / n_clips / n_channels);
        let part = |range: std::ops::Range<usize>| {
            ours.chunks(n_frames).flat_map(|row| row[range.clone()].to_vec()).collect()
        };
        let (our_head, our_tail): (Vec<f32>, Vec<f32>) = (part(0..n_head), part(n_frames - n_tail..n_frames));
        let lengths: Vec<f32> = ours
            .chunks(n_frames * n_channels)
            .map(|clip| clip.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32)
            .collect();
        let errors = [
            relative_l2(&our_head, &head),
            relative_l2(&our_tail, &tail),
            relative_l2(&lengths, &recorded.f32(&format!("{what}.l2"))),
        ];
        return Some(errors.into_iter().fold(0.0, golden::nan_is_worst));
    }
    if !recorded.has(what) {
        return None;
    }
    let theirs = recorded.f32(what);
    let shape = recorded.shape(what);
    if tied && what.starts_with("final_proj") {
        let width = shape[1];
        let first: Vec<f32> = ours.chunks(n_channels).flat_map(|row| row[..width].to_vec()).collect();
        return Some(relative_l2(&first, &theirs));
    }
    // Layers were recorded with frames padded to an even count.
    if shape.len() == 3 && shape[1] > n_frames {
        let rows = theirs.chunks(shape[1] * n_channels);
        let theirs: Vec<f32> = rows.flat_map(|clip| clip[..n_frames * n_channels].to_vec()).collect();
        return Some(relative_l2(&ours, &theirs));
    }
    Some(relative_l2(&ours, &theirs))
}

fn check_losses(name: &str, parts: &mert::LossParts, recorded: &Value, bounds: &Value) {
    let relative = |ours: f64, theirs: f64| (ours - theirs).abs() / theirs.abs();
    let bound = |key: &str| on_device(bounds[key].as_f64().unwrap());
    assert_eq!(parts.n_frames as u64, recorded["sample_size"].as_u64().unwrap(), "{name}: sample size");
    assert_eq!(parts.n_masked as u64, recorded["masked_frames"].as_u64().unwrap(), "{name}: masked frames");
    let error = relative(parts.value, recorded["loss_sum"].as_f64().unwrap());
    golden::within(&format!("mert {name} loss"), error, bound("loss_sum_rel"));
    let error = relative(parts.features_penalty, recorded["features_pen"].as_f64().unwrap());
    golden::within(&format!("mert {name} features penalty"), error, bound("features_pen_rel"));
    match (parts.cqt, recorded["cqt_mse"].as_f64()) {
        (Some(ours), Some(theirs)) => {
            golden::within(&format!("mert {name} cqt"), relative(ours, theirs), bound("cqt_mse_rel"));
        }
        (ours, theirs) => assert_eq!(ours, theirs, "{name}: constant-Q error"),
    }
    let log = &recorded["logging_output"];
    let groups =
        [("m", &parts.masked, &parts.masked_correct), ("u", &parts.unmasked, &parts.unmasked_correct)];
    for (letter, sums, correct) in groups {
        let n_recorded = (0..1024).take_while(|k| !log[format!("loss_{letter}_{k}")].is_null()).count();
        assert_eq!(sums.len(), n_recorded, "{name}: codebooks with a loss");
        for (k, (sum, correct)) in sums.iter().zip(correct).enumerate() {
            let error = relative(*sum, log[format!("loss_{letter}_{k}")].as_f64().unwrap());
            golden::within(&format!("mert {name} loss_{letter}_{k}"), error, bound("loss_sum_rel"));
            assert_eq!(
                Some(*correct),
                log[format!("correct_{letter}_{k}")].as_u64(),
                "{name}: frames found, {letter} {k}"
            );
        }
    }
}

fn check_logits(name: &str, ours: &[(String, Vec<f32>)], recorded: &Tensors, bound: f64) {
    for (what, logits) in ours {
        let letter = if what == "final_proj_masked" { "m" } else { "u" };
        let n_codebooks = (0..1024).take_while(|k| recorded.has(&format!("logit_{letter}.{k}"))).count();
        let mut worst = 0.0;
        for (k, book) in logits.chunks(logits.len() / n_codebooks).enumerate() {
            let key = format!("logit_{letter}.{k}");
            let [n_rows, n_columns]: [usize; 2] = recorded.shape(&key).try_into().unwrap();
            let n_classes = n_columns - 1;
            for (ours, theirs) in book.chunks(n_classes).zip(recorded.f32(&key).chunks(n_columns)) {
                let target = theirs[1..].iter().position(|x| *x == f32::NEG_INFINITY).unwrap();
                worst = golden::nan_is_worst(worst, f64::from((ours[target] - theirs[0]).abs()));
                for class in (0..n_classes).filter(|&class| theirs[class + 1] != f32::NEG_INFINITY) {
                    worst = golden::nan_is_worst(worst, f64::from((ours[class] - theirs[class + 1]).abs()));
                }
            }
            assert_eq!(book.len(), n_rows * n_classes);
        }
        golden::within(&format!("mert {name} {what} logits"), worst, bound);
    }
}
