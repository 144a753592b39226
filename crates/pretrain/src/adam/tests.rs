use super::*;

const FAIRSEQ: Adam = Adam {
    betas: [0.9, 0.999],
    eps: 1e-5,
    eps_placement: EpsPlacement::Fairseq,
    weight_decay: 0.01,
    decay_on: DecayOn::All,
};

/// A float32 step loses at most this, relative to the size of weight and step: a few roundings of 6e-8.
const TOLERANCE: f64 = 1e-6;

/// The formulas as they are written, in float64, one weight.
struct Reference {
    p: f64,
    m: f64,
    v: f64,
}

impl Reference {
    fn step(&mut self, adam: &Adam, rate: f64, t: i32, g: f64) {
        let [b1, b2] = adam.betas;
        self.m = b1 * self.m + (1.0 - b1) * g;
        self.v = b2 * self.v + (1.0 - b2) * g * g;
        self.p -= adam.weight_decay * rate * self.p;
        let (m_hat, v_hat) = (self.m / (1.0 - b1.powi(t)), self.v / (1.0 - b2.powi(t)));
        // PyTorch's words: corrected moments, eps beside the corrected root. fairseq's eps is larger by the correction.
        let eps = match adam.eps_placement {
            EpsPlacement::Torch => adam.eps,
            EpsPlacement::Fairseq => adam.eps / (1.0 - b2.powi(t)).sqrt(),
        };
        self.p -= rate * m_hat / (v_hat.sqrt() + eps);
    }
}

fn gradients(n: usize, t: u64) -> Vec<f32> {
    golden::cf_uniforms(&format!("adam/{t}"), n)
}

#[track_caller]
fn follows_the_formulas(adam: Adam) {
    let n = CHUNK + 37;
    let start = golden::cf_uniforms("adam/start", n);
    let mut reference: Vec<Reference> =
        start.iter().map(|&p| Reference { p: f64::from(p), m: 0.0, v: 0.0 }).collect();
    let (mut value, mut first, mut second) = (start, vec![0.0; n], vec![0.0; n]);
    for t in 1..=20 {
        // Small enough that eps matters, and different in every update.
        let (rate, scale) = (1e-3 * t as f64, 1e-4 / t as f64);
        let gradient = gradients(n, t);
        let mut parameter = [Parameter {
            value: &mut value,
            gradient: &gradient,
            first_moment: &mut first,
            second_moment: &mut second,
        }];
        adam.update(&mut parameter, rate, t, scale);
        for (reference, &g) in reference.iter_mut().zip(&gradient) {
            reference.step(&adam, rate, t as i32, f64::from(g) * scale);
        }
    }
    let errors = value.iter().zip(&reference).map(|(&ours, theirs)| (f64::from(ours) - theirs.p).abs());
    let worst = errors.fold(0.0, golden::nan_is_worst);
    assert!(worst < 20.0 * TOLERANCE, "{worst:.3e}");
}

#[test]
fn fairseq_steps_follow_the_formula() {
    follows_the_formulas(FAIRSEQ);
}

#[test]
fn torch_steps_follow_the_formula() {
    follows_the_formulas(Adam { eps_placement: EpsPlacement::Torch, ..FAIRSEQ });
}

#[test]
fn a_hand_computed_first_step() {
    // g = 1e-5: m = 1e-6, v = 1e-13. Decay: 1 - 0.1 * 0.01 = 0.999.
    // fairseq: step 0.1 sqrt(0.001) / 0.1 = 0.0316228; root sqrt(1e-13) + 1e-5 = 1.0316228e-5; 0.0316228 * 1e-6 / 1.0316228e-5 = 3.0653e-3.
    // torch: step 0.1 / 0.1 = 1; root 1e-5 + 1e-5 = 2e-5; 1e-6 / 2e-5 = 0.05.
    for (eps_placement, expected) in
        [(EpsPlacement::Fairseq, 0.999 - 3.065_345_6e-3), (EpsPlacement::Torch, 0.999 - 0.05)]
    {
        let adam = Adam { eps_placement, ..FAIRSEQ };
        let (mut value, mut first, mut second) = ([1.0], [0.0], [0.0]);
        let mut parameter = [Parameter {
            value: &mut value,
            gradient: &[2e-5],
            first_moment: &mut first,
            second_moment: &mut second,
        }];
        adam.update(&mut parameter, 0.1, 1, 0.5);
        assert!((f64::from(value[0]) - expected).abs() < 2e-7, "{eps_placement:?}: {} {expected}", value[0]);
        assert!((first[0] - 1e-6).abs() < 1e-12 && (second[0] - 1e-13).abs() < 1e-19);
    }
}

/// The recorded run holds no gradients, but the weights before and after a first step, and the norm of each tensor's gradient. With
/// zero moments a step is `rate g / (|g| + eps / sqrt(1 - b2))`, so the gradient follows from the change, its norm is compared with the
/// recorded one, and our step with this gradient must lead to the recorded weights. Another place of eps would miss the norms 32 times.
#[test]
fn golden_the_first_recorded_step_is_ours() {
    for folder in golden::cases("mert", "weights_1.safetensors") {
        let config = golden::json(&folder.join("config.json"));
        let update = &golden::json(&folder.join("trace.json"))["updates"][0];
        let before = golden::Tensors::open(&folder.join("weights_0.safetensors"));
        let after = golden::Tensors::open(&folder.join("weights_1.safetensors"));
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let betas = &config["stages"][0]["betas"];
        let adam = Adam {
            betas: [number(&betas[0]), number(&betas[1])],
            eps: number(&config["optimizer"]["eps"]),
            eps_placement: EpsPlacement::Fairseq,
            weight_decay: number(&config["optimizer"]["weight_decay"]),
            decay_on: DecayOn::All,
        };
        let (rate, clip) = (number(&update["lr"]), number(&update["clip_coef"]));
        let (mut squares, mut recorded_squares, mut worst) = (0.0, 0.0, 0.0);
        for (name, norm) in update["grad_l2_before_clip"].as_object().unwrap() {
            let (mut value, after) = (before.f32(name), after.f32(name));
            let small = adam.eps / (1.0 - adam.betas[1]).sqrt();
            let gradient: Vec<f32> = value
                .iter()
                .zip(&after)
                .map(|(&p, &next)| {
                    let p = f64::from(p) * (1.0 - adam.weight_decay * rate);
                    let share = ((p - f64::from(next)) / rate).clamp(-0.9999, 0.9999);
                    (small * share / (1.0 - share.abs())) as f32
                })
                .collect();
            squares += gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
            recorded_squares += (number(norm) * clip).powi(2);
            let (mut first, mut second) = (vec![0.0; value.len()], vec![0.0; value.len()]);
            let mut parameter = [Parameter {
                value: &mut value,
                gradient: &gradient,
                first_moment: &mut first,
                second_moment: &mut second,
            }];
            adam.update(&mut parameter, rate, 1, 1.0);
            worst = golden::nan_is_worst(worst, golden::max_abs_diff(&value, &after));
        }
        let error = (squares.sqrt() / recorded_squares.sqrt() - 1.0).abs();
        // Weights of size 1 are float32, so a change of 5e-5 is known to 1e-3 and a large gradient, far up the curve, to some per cent.
        golden::within("train_trace, gradient norm from the first step, relative", error, 0.05);
        // Half a unit in the last place of a weight near 1, and the step's own roundings.
        golden::within("train_trace, weights after the first step, absolute", worst, 1.2e-7);
    }
}

#[test]
fn vectors_decay_only_where_everything_does() {
    let matrices = Adam { decay_on: DecayOn::Matrices, ..FAIRSEQ };
    assert_eq!(FAIRSEQ.for_axes(1), FAIRSEQ);
    assert_eq!((matrices.for_axes(1).weight_decay, matrices.for_axes(2).weight_decay), (0.0, 0.01));
}

#[test]
fn threads_and_splitting_change_no_bit() {
    let n = 3 * CHUNK + 5;
    let run = |n_threads: usize, cut: usize| {
        let mut value = golden::cf_uniforms("threads", n);
        let (mut first, mut second) = (vec![0.0; n], vec![0.0; n]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        for t in 1..4 {
            let gradient = gradients(n, t);
            let (value, first, second) =
                (value.split_at_mut(cut), first.split_at_mut(cut), second.split_at_mut(cut));
            let mut parameters = [
                Parameter {
                    value: value.0,
                    gradient: &gradient[..cut],
                    first_moment: first.0,
                    second_moment: second.0,
                },
                Parameter {
                    value: value.1,
                    gradient: &gradient[cut..],
                    first_moment: first.1,
                    second_moment: second.1,
                },
            ];
            pool.install(|| FAIRSEQ.update(&mut parameters, 1e-2, t, 1.0));
        }
        value
    };
    assert_eq!(run(1, 0), run(2, 1234));
}
