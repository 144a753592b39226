//! The published 95M shape, heads included, with weights, waveforms and codes from formulas: activations, logits, losses and the gradient of
//! every parameter against the original (`golden/mert/README.md`, closed forms).

use draws::{Draws, fnv1a64};
use golden::Tensors;
use mert::{Batch, Geometry, Mert, parameters};
use serde_json::Value;

use crate::fairseq;
use crate::tensors::{channels_first, device, on_device, values};

#[test]
fn golden_full_size() {
    for case in golden::cases("mert", "summary.json") {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let config = golden::json(&case.join("config.json"));
        let summary = golden::json(&case.join("summary.json"));
        let bounds = golden::json(&case.join("tolerances.json"))["suggested"].clone();
        let bound = |key: &str| on_device(bounds[key].as_f64().unwrap());
        let seed = config["seed"].as_str().unwrap();
        let count = |key: &str| config[key].as_u64().unwrap() as usize;
        let (n_samples, columns) = (count("clip_length"), count("labels"));

        let encoder = fairseq::encoder_config(&config["model"]);
        let heads = fairseq::heads_config(&config);
        let device = device().autodiff();
        let layer_norm = encoder.feat_extract_norm == mert::ConvNorm::Layer;
        let weights = golden::json(&case.join("weights.json"));
        let model = closed_form(&weights, Mert::blank(&encoder, Some(&heads), &device).unwrap(), layer_norm);

        let mask = Tensors::open(&case.join("mask.safetensors"));
        let n_clips = mask.shape("mask_indices")[0];
        let mask: Vec<bool> = mask.i64("mask_indices").iter().map(|&masked| masked != 0).collect();
        let waveform = waves(seed, n_clips, n_samples, &summary["waveform"]);
        let labels = labels(seed, [n_clips, columns, heads.n_codebooks], count("codebook_size"), &summary);
        let cqt = audio::cqt::Cqt::new(audio::cqt::CqtConfig::mert(heads.cqt_bins.unwrap()));
        let targets: Vec<f32> = waveform.chunks(n_samples).flat_map(|clip| cqt.transform(clip)).collect();
        let geometry = Geometry::new(&encoder, n_samples, &vec![n_samples; n_clips], columns).unwrap();
        assert_eq!(geometry.n_frames, count("frames"));
        let batch = Batch {
            waveform: mert::Input::Host(&waveform),
            labels: &labels,
            cqt: Some(mert::Input::Host(&targets)),
            mask: &mask,
            geometry: &geometry,
        };

        let mut activations = Compared::new(&summary["activations"]);
        // The constant-Q target has a bound of its own.
        let n_targets = targets.len() / n_clips / cqt.n_bins();
        let shape = [n_clips, n_targets, cqt.n_bins()];
        let target = activations.compare("cqt_target_full", &targets, &shape).unwrap();
        golden::within(&format!("mert {name} cqt target"), target.element, bound("cqt_target_max_abs"));
        let (mut worst, mut worst_element) = (Error::default(), 0.0);
        let mut logits = Vec::new();
        let objective = fairseq::objective(&config);
        let parts = model
            .loss(&batch, &objective, None, &mut |what, tensor| {
                let [n, t, c] = tensor.dims();
                let ours = values(tensor);
                let (ours, shape) = match what {
                    _ if what.starts_with("conv.") => (channels_first(&ours, [n, t, c]), vec![n, c, t]),
                    "final_proj_masked" | "cqt_pred_masked" => (ours, vec![t, c]),
                    _ => (ours, vec![n, t, c]),
                };
                if let Some(error) = activations.compare(what, &ours, &shape) {
                    worst.relative = golden::nan_is_worst(worst.relative, error.relative);
                    worst_element = golden::nan_is_worst(worst_element, error.element);
                }
                if what == "final_proj_masked" {
                    let classes = model.heads.as_ref().unwrap().label_embs_concat.val();
                    let similar =
                        kernels::code_logits(tensor, &classes, heads.n_codebooks, objective.temperature);
                    logits = values(&similar);
                }
            })
            .unwrap();
        activations.all_were_compared();
        golden::within(
            &format!("mert {name} activations, norms and sums"),
            worst.relative,
            bound("activation_rel_l2"),
        );
        golden::within(
            &format!("mert {name} activations, elements"),
            worst_element,
            bound("activation_max_abs"),
        );
        let targets = targets_of(&mask, &labels, &geometry, [columns, heads.n_codebooks]);
        check_logits(&name, &logits, &summary["logits"], &targets, bound("logit_max_abs"));
        check_losses(&name, &parts, &summary, heads.n_codebooks, bound("loss_sum_rel"));
        check_gradients(&name, &model, &parts, &summary, layer_norm, bound("grad_rel_l2_per_tensor"));
    }
}

/// The model with every parameter from its formula; first and last values are compared with the stated ones.
fn closed_form(stated: &Value, blank: Mert, layer_norm: bool) -> Mert {
    let seed = stated["seed"].as_str().unwrap();
    let parameters_stated = stated["parameters"].as_object().unwrap();
    let (mut n_parameters, mut n_elements) = (0, 0);
    let model = parameters::load(blank, &mut |ours| {
        let name = fairseq::name(ours, layer_norm);
        let rule = parameters_stated.get(&name)?;
        let shape: Vec<usize> =
            rule["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let scale = 2f32.powi(rule["log2_scale"].as_i64().unwrap() as i32);
        let offset = rule["offset"].as_f64().unwrap() as f32;
        let uniforms = golden::cf_uniforms(&format!("{seed}/{name}"), shape.iter().product());
        let values: Vec<f32> = uniforms.into_iter().map(|x| offset + x * scale).collect();
        assert_eq!(&values[..4], floats(&rule["first4"]), "`{name}`");
        let last = rule["last"].as_f64().unwrap() as f32;
        assert_eq!(values.last().map(|x| x.to_bits()), Some(last.to_bits()), "`{name}`");
        n_parameters += 1;
        n_elements += values.len();
        Some((shape, values))
    })
    .unwrap();
    assert_eq!(
        (n_parameters, n_elements as u64),
        (parameters_stated.len(), stated["total"].as_u64().unwrap())
    );
    model
}

fn floats(list: &Value) -> Vec<f32> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Four gated triangles and noise, in integers.
fn waves(seed: &str, n_clips: usize, n_samples: usize, stated: &Value) -> Vec<f32> {
    let tri = |q: i64| (q.rem_euclid(65_536) - 32_768).abs() - 16_384;
    let mut waves = Vec::with_capacity(n_clips * n_samples);
    for clip in 0..n_clips {
        let parameters = Draws::from_key(fnv1a64(format!("{seed}/wave/{clip}").as_bytes()));
        let p = |index: u64, modulus: u64, least: i64| (parameters.at(index) % modulus) as i64 + least;
        let (a, b, h, c, g) =
            (p(0, 500, 150), p(1, 2500, 700), p(2, 6000, 3500), p(3, 7, 1), p(4, 3000, 2000));
        let noise = Draws::from_key(parameters.at(5));
        let samples: Vec<i64> = (0..n_samples as i64)
            .map(|i| {
                let r = (noise.at(i as u64) >> 49) as i64 - 16_384;
                let m = i / g;
                let envelope = 256 - (256 * (i % g)).div_euclid(g);
                let v = 120 * tri(a * i + 9973 * m)
                    + (160 * envelope * tri((b + 131 * (m % 5)) * i)).div_euclid(256)
                    + (70 * envelope * tri(h * i + ((c * i * i) >> 10))).div_euclid(256)
                    + 12 * r;
                (v >> 9).clamp(-32_768, 32_767)
            })
            .collect();
        let first: Vec<i64> =
            stated["first16_i16"][clip].as_array().unwrap().iter().map(|x| x.as_i64().unwrap()).collect();
        assert_eq!(samples[..16], first, "clip {clip}");
        assert_eq!(Some(samples.iter().sum::<i64>()), stated["sum_i16"][clip].as_i64(), "clip {clip}");
        waves.extend(samples.into_iter().map(|sample| sample as f32 / 32_768.0));
    }
    waves
}

/// Classes `[B, columns, K]`: drawn codes plus the four specials.
fn labels(seed: &str, [n_clips, columns, n_codebooks]: [usize; 3], size: usize, summary: &Value) -> Vec<u32> {
    let mut labels = vec![0; n_clips * columns * n_codebooks];
    for clip in 0..n_clips {
        for book in 0..n_codebooks {
            let stream = Draws::from_key(fnv1a64(format!("{seed}/codes/{clip}/{book}").as_bytes()));
            for column in 0..columns {
                let code = stream.at(column as u64) % size as u64;
                labels[(clip * columns + column) * n_codebooks + book] = code as u32 + 4;
            }
        }
        let first = &summary["codes"]["first8_book0_raw"][clip];
        let ours: Vec<u32> =
            (0..8).map(|column| labels[(clip * columns + column) * n_codebooks] - 4).collect();
        let theirs: Vec<u32> = first.as_array().unwrap().iter().map(|x| x.as_u64().unwrap() as u32).collect();
        assert_eq!(ours, theirs, "codes of clip {clip}");
    }
    labels
}

/// Classes of the masked frames, `[N, K]`.
fn targets_of(
    mask: &[bool],
    labels: &[u32],
    geometry: &Geometry,
    [columns, n_codebooks]: [usize; 2],
) -> Vec<Vec<u32>> {
    let n_frames = geometry.n_frames;
    let masked = mask.iter().enumerate().filter(|(_, masked)| **masked);
    masked
        .map(|(frame, _)| {
            let first = (frame / n_frames * columns + geometry.label_of(frame % n_frames)) * n_codebooks;
            labels[first..first + n_codebooks].to_vec()
        })
        .collect()
}

/// Errors of one tensor: of its norm and sum, relative to its norm, and of the listed elements.
#[derive(Clone, Copy, Default)]
struct Error {
    relative: f64,
    element: f64,
}

/// Stated norms, sums and slices, and which of them were compared.
struct Compared<'a> {
    stated: &'a serde_json::Map<String, Value>,
    seen: std::collections::BTreeSet<String>,
}

impl<'a> Compared<'a> {
    fn new(stated: &'a Value) -> Self {
        Self { stated: stated.as_object().unwrap(), seen: std::collections::BTreeSet::new() }
    }

    fn compare(&mut self, what: &str, ours: &[f32], shape: &[usize]) -> Option<Error> {
        let stated = self.stated.get(what)?;
        let theirs: Vec<u64> =
            stated["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        assert_eq!(shape.iter().map(|&n| n as u64).collect::<Vec<_>>(), theirs, "{what}");
        let number = |key: &str| stated[key].as_f64().unwrap();
        let relative = norm_and_sum(ours, number("l2"), number("sum"));
        let most = ours.iter().fold(0.0f64, |most, &x| most.max(f64::from(x.abs())));
        let mut element = (most - number("max_abs")).abs();
        for slice in stated["slices"].as_array().unwrap() {
            let index = slice["index"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize);
            let row = index.zip(shape).fold(0, |row, (at, &size)| row * size + at);
            let width = shape[shape.len() - 1];
            let first8 = floats(&slice["first8"]);
            let error = golden::max_abs_diff(&ours[row * width..][..first8.len()], &first8);
            element = golden::nan_is_worst(element, error);
        }
        self.seen.insert(what.to_owned());
        Some(Error { relative, element })
    }

    fn all_were_compared(&self) {
        let missed: Vec<&String> = self.stated.keys().filter(|key| !self.seen.contains(*key)).collect();
        assert!(missed.is_empty(), "stated and not compared: {missed:?}");
    }
}

/// Error of norm and sum relative to the norm. A difference of norm `d` changes the sum by at most `d` times the root of the count.
fn norm_and_sum(ours: &[f32], norm: f64, sum: f64) -> f64 {
    let our_norm = ours.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let our_sum = ours.iter().map(|&x| f64::from(x)).sum::<f64>();
    let of_sum = (our_sum - sum).abs() / (ours.len() as f64).sqrt();
    golden::nan_is_worst((our_norm - norm).abs(), of_sum) / norm
}

fn check_logits(name: &str, ours: &[f32], stated: &Value, targets: &[Vec<u32>], bound: f64) {
    let stated = stated.as_array().unwrap();
    let (mut worst, mut of_sums) = (0.0, 0.0);
    for (book, stated) in ours.chunks(ours.len() / stated.len()).zip(stated) {
        let number = stated["book"].as_u64().unwrap() as usize;
        let shape = [0, 1].map(|axis| stated["shape"][axis].as_u64().unwrap() as usize);
        // Column 0 is the target's, the others are all classes, the target's own minus infinity.
        let (n_rows, n_classes) = (shape[0], shape[1] - 1);
        assert_eq!((book.len(), targets.len()), (n_rows * n_classes, n_rows), "{name}: book {number}");
        let rows: Vec<&[f32]> = book.chunks(n_classes).collect();
        let of_target: Vec<f32> =
            rows.iter().zip(targets).map(|(row, target)| row[target[number] as usize]).collect();
        let log_sum = |row: &&[f32]| row.iter().map(|&x| f64::from(x).exp()).sum::<f64>().ln() as f32;
        let log_sums: Vec<f32> = rows.iter().take(16).map(log_sum).collect();
        let mut compare = |ours: &[f32], key: &str| {
            worst = golden::nan_is_worst(worst, golden::max_abs_diff(ours, &floats(&stated[key])));
        };
        compare(&of_target[..16], "column0_first16");
        compare(&log_sums, "logsumexp_first16");
        let first_row = stated["row0_columns_1_to_8"].as_array().unwrap();
        for (class, theirs) in
            first_row.iter().enumerate().filter(|(class, _)| *class as u32 != targets[0][number])
        {
            worst = golden::nan_is_worst(worst, (f64::from(rows[0][class]) - theirs.as_f64().unwrap()).abs());
        }
        let sum: f64 = of_target.iter().map(|&x| f64::from(x)).sum();
        let error = (sum - stated["column0_sum"].as_f64().unwrap()).abs() / n_rows as f64;
        of_sums = golden::nan_is_worst(of_sums, error);
    }
    golden::within(&format!("mert {name} logits"), worst, bound);
    golden::within(&format!("mert {name} sums of logits, a row"), of_sums, bound);
}

fn check_losses(name: &str, parts: &mert::LossParts, summary: &Value, n_codebooks: usize, bound: f64) {
    let log = &summary["logging_output"];
    assert_eq!(Some(parts.n_frames as u64), summary["sample_size"].as_u64());
    let n = parts.n_frames as f64;
    let mut worst = 0.0;
    let mut compare = |ours: f64, theirs: &Value| {
        worst = golden::nan_is_worst(worst, (ours / theirs.as_f64().unwrap() - 1.0).abs());
    };
    compare(parts.value, &summary["loss_sum"]);
    compare(parts.value / n, &summary["loss_per_sample"]);
    compare(parts.features_penalty, &summary["features_pen"]);
    compare(parts.cqt.unwrap(), &summary["cqt_mse"]);
    assert_eq!(parts.masked.len(), n_codebooks);
    for (book, (&loss, &correct)) in parts.masked.iter().zip(&parts.masked_correct).enumerate() {
        compare(loss, &log[format!("loss_m_{book}")]);
        assert_eq!(Some(correct), log[format!("correct_m_{book}")].as_u64(), "{name}: book {book}");
        assert_eq!(
            Some(parts.n_masked as u64),
            log[format!("count_m_{book}")].as_u64(),
            "{name}: book {book}"
        );
    }
    golden::within(&format!("mert {name} losses and their parts"), worst, bound);
}

fn check_gradients(
    name: &str,
    model: &Mert,
    parts: &mert::LossParts,
    summary: &Value,
    layer_norm: bool,
    bound: f64,
) {
    let stated = summary["gradients"].as_object().unwrap();
    let (mut worst, mut square, mut n_compared) = ((0.0f64, String::new()), 0.0, 0);
    parameters::gradients(model, parts.total.clone().backward(), &mut |ours, gradient| {
        let theirs = fairseq::name(ours, layer_norm);
        let (stated, gradient) = (&stated[&theirs], parameters::host(gradient.unwrap()));
        n_compared += 1;
        square += gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
        // Zero in exact arithmetic.
        if theirs.ends_with("k_proj.bias") {
            return;
        }
        let number = |key: &str| stated[key].as_f64().unwrap();
        let norm = number("l2");
        let listed = golden::max_abs_diff(&gradient[..4], &floats(&stated["first4"]));
        let last = (f64::from(gradient[gradient.len() - 1]) - number("last")).abs();
        let of_elements = golden::nan_is_worst(listed, last) / norm;
        let error = golden::nan_is_worst(norm_and_sum(&gradient, norm, number("sum")), of_elements);
        if error > worst.0 {
            worst = (error, theirs);
        }
    });
    assert_eq!(n_compared, stated.len(), "{name}: gradients compared");
    golden::within(&format!("mert {name} gradients ({})", worst.1), worst.0, bound);
    let norm = square.sqrt() / summary["grad_norm_sum_loss"].as_f64().unwrap() - 1.0;
    golden::within(&format!("mert {name} norm of all gradients"), norm.abs(), bound);
}
