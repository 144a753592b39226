//! Parameters of a model by name: as plain slices on the host, or as flat tensors where the model computes.
//!
//! Encoder parameters carry the names of `transformers`' `HubertModel`, heads those of fairseq. Values are float32 in C order. Tensors
//! have one axis and no gradient tape.

use burn::Tensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, TensorData};

use crate::{Mert, MertError};

/// Name and shape of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
}

impl Parameter {
    /// Elements.
    pub fn n_elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Takes name, shape and values of a parameter.
pub type Receiver<'a> = &'a mut dyn FnMut(&str, &[usize], Vec<f32>);

/// Takes name, shape and values of a parameter, where the model computes.
pub type TensorReceiver<'a> = &'a mut dyn FnMut(&str, &[usize], Tensor<1>);

/// Takes the name of a parameter and its gradient.
pub type GradientReceiver<'a> = &'a mut dyn FnMut(&str, Option<Tensor<1>>);

/// Gives the values of a parameter of this name and shape.
pub type Source<'a> = &'a mut dyn FnMut(&str, &[usize]) -> Option<Vec<f32>>;

/// Gives the values of a parameter of this name and shape, on this device.
pub type TensorSource<'a> = &'a mut dyn FnMut(&str, &[usize], &Device) -> Option<Tensor<1>>;

/// Sizes of the axes, and values in C order.
pub type Shaped = (Vec<usize>, Vec<f32>);

/// All parameters: the encoder's, then the heads'.
pub fn list(model: &Mert) -> Vec<Parameter> {
    let mut all = Vec::new();
    tensors(model, &mut |name, shape, _| all.push(Parameter { name: name.into(), shape: shape.to_vec() }));
    all
}

/// Calls `each` with name, shape and values of every parameter.
pub fn export(model: &Mert, each: Receiver<'_>) {
    tensors(model, &mut |name, shape, values| each(name, shape, host(values)));
}

/// Calls `each` with every parameter as it is where the model computes; nothing is copied.
pub fn tensors(model: &Mert, each: TensorReceiver<'_>) {
    let mut visitor = ValueVisitor { path: Path::default(), each };
    model.encoder.visit(&mut visitor);
    if let Some(heads) = &model.heads {
        heads.visit(&mut visitor);
    }
}

/// The elements of a tensor on the host; of one on the processor that nobody else holds, its own memory.
///
/// # Panics
/// When a card could not compute it: what it was asked for most recently is better read with [`read`].
pub fn host(tensor: Tensor<1>) -> Vec<f32> {
    read(tensor).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, with an error where a card could not compute it.
pub fn read(tensor: Tensor<1>) -> Result<Vec<f32>, MertError> {
    let data = tensor.try_into_data().map_err(|error| MertError::device(&error))?.convert::<f32>();
    Ok(data.try_into_vec::<f32>().expect("the data were converted to float32"))
}

/// A tensor of these elements on `device`.
pub fn upload(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let n_elements = values.len();
    Tensor::from_data(TensorData::new(values, [n_elements]), device)
}

/// Calls `each` with the gradient of every parameter, in the order of [`list`]; `None` where the loss does not depend on it or it is frozen.
/// A gradient is handed over without a copy, and its memory is `each`'s.
pub fn gradients(model: &Mert, mut gradients: Gradients, each: GradientReceiver<'_>) {
    let mut visitor = GradientVisitor { path: Path::default(), gradients: &mut gradients, each };
    model.encoder.visit(&mut visitor);
    if let Some(heads) = &model.heads {
        heads.visit(&mut visitor);
    }
}

/// Replaces the values of parameters: `source` is asked for each by name and shape and returns `None` to leave it as it is.
pub fn replace(model: Mert, source: Source<'_>) -> Mert {
    place(model, &mut |name, shape, device| source(name, shape).map(|values| upload(values, device)))
}

/// Replaces parameters by tensors that lie where the model computes, as [`replace`] does by values.
pub fn place(model: Mert, source: TensorSource<'_>) -> Mert {
    map(model, &mut Replace { path: Path::default(), source })
}

/// Fills every parameter from `source`; all of them have to be there in the shape the model needs.
pub fn load(model: Mert, source: &mut dyn FnMut(&str) -> Option<Shaped>) -> Result<Mert, MertError> {
    let mut missing = Vec::new();
    let mut wrong = None;
    let model = replace(model, &mut |name, shape| match source(name) {
        Some((found, values)) if found == shape && values.len() == shape.iter().product::<usize>() => {
            Some(values)
        }
        Some((found, _)) => {
            wrong.get_or_insert(MertError::Shape { tensor: name.into(), found, needed: shape.to_vec() });
            None
        }
        None => {
            missing.push(name.to_owned());
            None
        }
    });
    match wrong {
        Some(error) => Err(error),
        None if missing.is_empty() => Ok(model),
        None => Err(MertError::Missing { missing }),
    }
}

/// Says which parameters get gradients.
pub fn set_trainable(model: Mert, is_trainable: &dyn Fn(&str) -> bool) -> Mert {
    map(model, &mut Freeze { path: Path::default(), is_trainable })
}

fn map(model: Mert, mapper: &mut impl ModuleMapper) -> Mert {
    let encoder = model.encoder.map(mapper);
    let heads = model.heads.map(|heads| heads.map(mapper));
    Mert { encoder, heads, ..model }
}

/// All elements on one axis, without a tape.
fn flat<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    let n_elements = tensor.dims().iter().product::<usize>();
    tensor.inner().reshape([n_elements])
}

/// Names of the modules around the parameter at hand.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        self.0.join(".")
    }
}

struct ValueVisitor<'a> {
    path: Path,
    each: TensorReceiver<'a>,
}

impl ModuleVisitor for ValueVisitor<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        (self.each)(&self.path.name(), &tensor.dims(), flat(tensor));
    }
}

struct GradientVisitor<'a> {
    path: Path,
    gradients: &'a mut Gradients,
    each: GradientReceiver<'a>,
}

impl ModuleVisitor for GradientVisitor<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let gradient = if tensor.is_require_grad() { tensor.grad_remove(self.gradients) } else { None };
        (self.each)(&self.path.name(), gradient.map(flat));
    }
}

struct Replace<'a> {
    path: Path,
    source: TensorSource<'a>,
}

impl ModuleMapper for Replace<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let old = param.val();
        let shape = old.dims();
        match (self.source)(&self.path.name(), &shape, &old.device().inner()) {
            None => param,
            Some(values) => param.map(|old| {
                let new = values.reshape(shape);
                let new = if old.is_autodiff() { new.autodiff() } else { new };
                if old.is_require_grad() { new.require_grad() } else { new }
            }),
        }
    }
}

struct Freeze<'a> {
    path: Path,
    is_trainable: &'a dyn Fn(&str) -> bool,
}

impl ModuleMapper for Freeze<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.set_require_grad((self.is_trainable)(&self.path.name()))
    }
}
