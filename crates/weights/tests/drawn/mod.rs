//! Encoders of a few hundred weights, drawn from a name.

use culturemert_weights::{ModelShape, Tensor, Tensors};
use serde_json::Value;

/// All tensors of an encoder of this configuration; another `salt` draws others.
pub(crate) fn encoder(config: &Value, salt: &str) -> Tensors {
    let shapes = ModelShape::from_config(config, "test").expect("a sound configuration").tensors();
    let tensor = |name: &str, shape: Vec<usize>| {
        let n = shape.iter().product();
        Tensor { shape, data: golden::cf_uniforms(&format!("{salt}/{name}"), n) }
    };
    shapes.into_iter().map(|(name, shape)| (name.clone(), tensor(&name, shape))).collect()
}
