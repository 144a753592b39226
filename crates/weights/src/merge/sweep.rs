//! Merged models in memory, for many λ: to embed and probe each without writing it.
//!
//! Memory: the merged model of one λ (4 bytes a parameter) and, while it is made, for each input at most 64 MiB or its largest tensor, however
//! many λ are tried. Inputs stay on disk (and in the system's cache) and are read again for every λ.

use std::path::Path;

use files::ContentHash;
use rayon::prelude::*;
use serde_json::Value;

use super::directories::same_architecture;
use super::run::merge_in_memory;
use super::{LayerGroup, MergePlan};
use crate::model::written_config;
use crate::{Canonical, ModelDirectory, TensorSource, Tensors, WeightsError};

/// A base and models or task vectors of it, open to be merged with any λ.
pub struct LambdaSweep {
    base: ModelDirectory,
    models: Vec<ModelDirectory>,
    config: Value,
}

impl LambdaSweep {
    /// Opens directories and checks that they can be merged: architecture, names, shapes, and of a task vector its base.
    pub fn open(base: &Path, models: &[&Path]) -> Result<Self, WeightsError> {
        let base = ModelDirectory::open(base)?;
        let models = models.iter().map(|dir| ModelDirectory::open(dir)).collect::<Result<Vec<_>, _>>()?;
        for model in &models {
            same_architecture(&base, model)?;
        }
        let config = written_config(base.config());
        let sweep = Self { base, models, config };
        let plan = sweep.plan(&vec![0.0; sweep.models.len()], &[])?;
        sweep.with_sources(|base, models| super::run::Sources::new(&plan, Some(base), models).map(drop))?;
        Ok(sweep)
    }

    /// The base.
    pub fn base(&self) -> &ModelDirectory {
        &self.base
    }

    /// The models and task vectors, in the order of the λ.
    pub fn models(&self) -> &[ModelDirectory] {
        &self.models
    }

    /// Content hashes of the base and of what is merged with it, in its order: with λ they say what a merge is. A task vector has another than its
    /// model.
    pub fn content_hashes(&self) -> Result<Vec<ContentHash>, WeightsError> {
        let all: Vec<&ModelDirectory> = std::iter::once(&self.base).chain(&self.models).collect();
        all.par_iter().map(|model| model.encoder_or_vector()?.content_hash()).collect()
    }

    /// The configuration of every merged model, as its directory would have it. With [`crate::identity`] and the content hash of the
    /// merged tensors it gives the identity that a written merge would have.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// θ_b + Σ λ_i·f·τ_i as a plan: one λ for every model in order, and factors f of groups of layers.
    pub fn plan(&self, lambdas: &[f64], factors: &[(LayerGroup, f64)]) -> Result<MergePlan, WeightsError> {
        if lambdas.len() != self.models.len() {
            let reason = format!("it gives {} λ to {} models", lambdas.len(), self.models.len());
            return Err(WeightsError::Plan(reason));
        }
        let name = |model: &ModelDirectory| model.dir().display().to_string();
        let models: Vec<(String, f64)> = self.models.iter().map(name).zip(lambdas.iter().copied()).collect();
        Ok(MergePlan::per_culture(name(&self.base), &models, factors))
    }

    /// The encoder of the merged model, under its canonical names.
    pub fn tensors(&self, lambdas: &[f64], factors: &[(LayerGroup, f64)]) -> Result<Tensors, WeightsError> {
        let plan = self.plan(lambdas, factors)?;
        self.with_sources(|base, models| merge_in_memory(&plan, Some(base), models))
    }

    fn with_sources<T>(
        &self,
        work: impl FnOnce(&dyn TensorSource, &[&dyn TensorSource]) -> Result<T, WeightsError>,
    ) -> Result<T, WeightsError> {
        let base = self.base.encoder_or_vector()?;
        let models = self
            .models
            .iter()
            .map(ModelDirectory::encoder_or_vector)
            .collect::<Result<Vec<Canonical<'_>>, _>>()?;
        let views: Vec<&dyn TensorSource> = models.iter().map(|view| view as &dyn TensorSource).collect();
        work(&base, &views)
    }
}
