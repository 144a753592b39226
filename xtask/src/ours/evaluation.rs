//! A probe's training and the metrics with their intervals.

use draws::Draws;
use evaluate::{
    Adam, AdamSettings, Bootstrap, Dropout, Mix, Network, Rows, Shape, Tagging, Targets, bootstrap_intervals,
};
use serde_json::json;

use super::{Done, noise, timed};

const TAGS: usize = 50;

fn labels(n: usize) -> Vec<u8> {
    let mut draws = Draws::new(2, "xtask/labels", &[]);
    (0..n).map(|_| u8::from(draws.below(20) == 0)).collect()
}

/// Twenty epochs on 4000 chunks of 12 layers × 768, batches of 64.
pub(super) fn probe(repeat: usize) -> anyhow::Result<Done> {
    const CHUNKS: usize = 4000;
    const EPOCHS: usize = 20;
    let shape = Shape { mix: Mix::Softmax, layers: 12, width: 768, hidden: 512, outputs: TAGS };
    let features = noise(CHUNKS * 12 * 768, 1, 1.0);
    let rows = Rows::new(&features, 12 * 768, 0, 12 * 768)?;
    let targets: Vec<f32> = labels(CHUNKS * TAGS).into_iter().map(f32::from).collect();
    let (seconds, loss) = timed(repeat, || {
        let mut network = Network::new(shape, shape.initial(1))?;
        let mut adam = Adam::new(shape.n_parameters(), AdamSettings::default());
        let mut order: Vec<usize> = (0..CHUNKS).collect();
        let mut loss = 0.0;
        for epoch in 0..EPOCHS {
            Draws::new(1, "xtask/order", &[epoch as u64]).shuffle(&mut order);
            let dropout = Some(Dropout { probability: 0.2, seed: 1, epoch });
            for batch in order.chunks(64) {
                loss = network.loss_and_gradient(&rows, Targets::Tags(&targets), batch, dropout);
                let (parameters, gradient) = network.update();
                adam.step(parameters, gradient, 1e-3);
            }
        }
        Ok(loss)
    })?;
    Ok(Done { seconds, gflop: None, facts: json!({ "chunks": CHUNKS, "epochs": EPOCHS, "loss": loss }) })
}

/// Macro ROC-AUC and average precision of 20 000 clips with their intervals over 1000 resamples.
pub(super) fn metrics(repeat: usize) -> anyhow::Result<Done> {
    const CLIPS: usize = 20_000;
    let labels = labels(CLIPS * TAGS);
    let scores: Vec<f32> =
        noise(CLIPS * TAGS, 3, 1.0).iter().zip(&labels).map(|(x, &label)| x + f32::from(label)).collect();
    let data = [Tagging::new(&labels, &scores, TAGS)?];
    let (seconds, found) = timed(repeat, || Ok(bootstrap_intervals(&data, None, Bootstrap::default())?))?;
    let facts = json!({
        "clips": CLIPS,
        "resamples": found.n_used,
        "roc_auc": found.roc_auc.estimate,
        "average_precision": found.average_precision.estimate,
    });
    Ok(Done { seconds, gflop: None, facts })
}
