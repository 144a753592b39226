//! From rows to what the page shows of a model: neighbours, a plane, how true it is.

use evaluate::map::{
    Embeddings, Neighbours, PlaneSettings, nearest_neighbours, plane, principal_components, trustworthiness,
    turned_onto,
};

/// Neighbours that pull on the plane, as in UMAP.
const PULLING: usize = 15;
/// Neighbours for which the plane's truth is stated.
const TRUSTED: usize = 10;

/// A model's view of the points.
pub(crate) struct Viewed {
    /// `[n, 2]`
    pub(crate) plane: Vec<f32>,
    /// Nearest points of other recordings.
    pub(crate) neighbours: Neighbours,
    /// Trustworthiness of the plane, and of the first two principal components; none for few points.
    pub(crate) trust: Option<(f64, f64)>,
    /// Share of the variance along the first two principal components.
    pub(crate) variance: f64,
}

/// Places `rows` on a plane and finds the `k` nearest of each among other recordings.
///
/// # Shapes
/// - `rows` `[n, width]`, `recordings` `[n]`, `onto` `[n, 2]`: a plane that this one is turned to lie over
pub(crate) fn view(
    rows: &[f32],
    width: usize,
    recordings: &[u32],
    k: usize,
    seed: u64,
    onto: Option<&[f32]>,
) -> anyhow::Result<Viewed> {
    let all = Embeddings::new(rows, width)?;
    let pulling = nearest_neighbours(&all, PULLING, None);
    let settings = PlaneSettings { seed, ..PlaneSettings::default() };
    let mut places = plane(&all, &pulling, settings)?;
    if let Some(onto) = onto {
        places = turned_onto(&places, onto)?;
    }
    let components = principal_components(&all, 2);
    let linear =
        if components.shares.len() == 2 { trustworthiness(&all, &components.scores, TRUSTED) } else { None };
    Ok(Viewed {
        trust: trustworthiness(&all, &places, TRUSTED).zip(linear),
        variance: components.shares.iter().sum(),
        neighbours: nearest_neighbours(&all, k, Some(recordings)),
        plane: places,
    })
}
