//! What a run begins with, as it is named on the command line.

use std::path::{Path, PathBuf};

use pretrain::{HeadsFile, HeadsFrom, Init, RunIdentity};
use weights::ModelDirectory;

use crate::exit::usage;
use crate::inputs::{must_exist, open_model};

/// Arguments that say what a run begins with.
#[derive(Default, clap::Args)]
pub struct InitArgs {
    /// Model whose weights to begin with, or `scratch` (the default). With `--resume` it need not be named, and has to be what the run began
    /// with.
    #[arg(long)]
    pub init: Option<String>,
    /// Where the heads of pre-training come from, when the model has none or others are wanted: a fairseq checkpoint, a
    /// `heads.safetensors`, or another model directory.
    #[arg(long, value_name = "FILE", conflicts_with = "fresh_heads")]
    pub heads: Option<PathBuf>,
    /// Draw the heads of pre-training anew from the plan's seed.
    #[arg(long)]
    pub fresh_heads: bool,
    /// Take loss weights, masks, mixture, dropout and crop from what the model says it was trained with; `--set` still counts.
    #[arg(long)]
    pub as_trained: bool,
}

/// What was named, opened.
pub(crate) struct Beginning {
    model: Option<ModelDirectory>,
    heads: Option<HeadsFile>,
    fresh_heads: bool,
    /// Changes to the plan, for `--as-trained`.
    pub(crate) assignments: Vec<String>,
}

impl InitArgs {
    /// Opens what was named; where no model was, what the run was `begun` with that is resumed.
    pub(crate) fn open(&self, begun: Option<&RunIdentity>) -> anyhow::Result<Beginning> {
        let begun = begun.filter(|_| self.init.is_none());
        let model = match self.init.as_deref() {
            Some("scratch") => None,
            Some(path) => Some(open_model(Path::new(path))?),
            None => begun.and_then(|begun| begun.init_path.as_deref()).map(open_model).transpose()?,
        };
        let fresh_heads = self.fresh_heads || begun.is_some_and(RunIdentity::has_fresh_heads);
        if model.is_none() && (self.heads.is_some() || self.fresh_heads || self.as_trained) {
            return Err(usage(
                "`--heads`, `--fresh-heads` and `--as-trained` need a model: name one with `--init`",
            ));
        }
        let heads = self.heads.as_ref().map(|path| {
            must_exist("file of heads", path)?;
            anyhow::Ok(HeadsFile::open(path)?)
        });
        let mut assignments = Vec::new();
        if let Some(model) = model.as_ref().filter(|_| self.as_trained) {
            assignments = model.lineage().map(|lineage| lineage.settings.assignments()).unwrap_or_default();
            if assignments.is_empty() {
                let model = model.dir().display();
                return Err(usage(format!(
                    "`{model}` does not say how it was trained; leave out `--as-trained`"
                )));
            }
        }
        Ok(Beginning { model, heads: heads.transpose()?, fresh_heads, assignments })
    }
}

impl Beginning {
    pub(crate) fn init(&self) -> Init<'_> {
        let Some(model) = &self.model else { return Init::Scratch };
        Init::Model(
            model,
            match &self.heads {
                Some(file) => HeadsFrom::File(file),
                None if self.fresh_heads => HeadsFrom::Fresh,
                None => HeadsFrom::Model,
            },
        )
    }
}
