//! Features of one recording in a file: written wholly or not at all, and not believed when damaged.

use std::collections::BTreeMap;
use std::path::Path;

use weights::{Tensor, Tensors, read_safetensors, write_safetensors};

use crate::terminal::Terminal;

/// Name of the tensor of features.
const TENSOR: &str = "features";
/// Name of the tensor that says which of the places asked for they are of; there are less of them than float32 counts exactly.
const PLACES: &str = "frames";

/// Features of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rows {
    /// `[rows, states, width]`; empty for a recording without one.
    pub(crate) rows: Vec<f32>,
    /// Of which of the places asked for the rows are, where places were asked for: not all have features.
    pub(crate) places: Vec<usize>,
}

impl Rows {
    /// What `file` holds, rows of `[states, width]` for some of `n_places`; nothing where there is no file or where it is damaged, which is
    /// said.
    pub(crate) fn read(file: &Path, shape: [usize; 2], n_places: usize, terminal: &Terminal) -> Option<Self> {
        Self::whole(file, shape, n_places).unwrap_or_else(|reason| {
            let file = file.display();
            terminal.complain("warning", &format!("`{file}` is computed again: {reason}"));
            None
        })
    }

    /// The same; `Err` holds why a file is damaged.
    fn whole(file: &Path, shape: [usize; 2], n_places: usize) -> Result<Option<Self>, String> {
        if !file.exists() {
            return Ok(None);
        }
        let tensors = read_safetensors(file).map_err(|error| error.to_string())?;
        let tensor = tensors.get(TENSOR).ok_or_else(|| format!("it has no tensor `{TENSOR}`"))?;
        if tensor.shape.get(1..) != Some(&shape) {
            return Err(format!("its features are {:?}", tensor.shape));
        }
        if tensor.data.iter().any(|x| !x.is_finite()) {
            return Err("it holds numbers that are not finite".into());
        }
        let mut places = Vec::new();
        if n_places > 0 {
            places.extend(tensors.get(PLACES).iter().flat_map(|of| &of.data).map(|&place| place as usize));
            if places.len() != tensor.shape[0] || places.iter().any(|&place| place >= n_places) {
                return Err("its frames are not those asked for".into());
            }
        }
        Ok(Some(Self { rows: tensor.data.clone(), places }))
    }

    /// Writes them, rows of `[states, width]`, with `facts` about their making.
    pub(crate) fn write(&self, file: &Path, shape: [usize; 2], facts: &[(&str, &str)]) -> anyhow::Result<()> {
        let Self { rows, places } = self;
        let [n_states, width] = shape;
        let mut tensors = Tensors::new();
        let shape = vec![rows.len() / (n_states * width), n_states, width];
        tensors.insert(TENSOR.to_owned(), Tensor { shape, data: rows.clone() });
        if !places.is_empty() {
            let data = places.iter().map(|&place| place as f32).collect();
            tensors.insert(PLACES.to_owned(), Tensor { shape: vec![places.len()], data });
        }
        let metadata: BTreeMap<String, String> =
            facts.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(write_safetensors(file, &tensors, &metadata)?)
    }
}
