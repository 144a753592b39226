//! Files and folders named on the command line: there or not.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use corpus::Corpus;
use weights::ModelDirectory;

use crate::exit::usage;

/// Fails when nothing is there.
pub fn must_exist(what: &str, path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    Err(usage(format!("{what} `{}` does not exist", path.display())))
}

/// Fails when an output would be written over something that is read.
pub(crate) fn must_not_be(out: &Path, what: &str, input: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| path.canonicalize().ok();
    if real(out).is_none() || real(out) != real(input) {
        return Ok(());
    }
    Err(usage(format!("`--out {}` is the {what} itself; name another place", out.display())))
}

/// Opens a prepared corpus.
pub fn open_corpus(path: &Path) -> anyhow::Result<Corpus> {
    must_exist("corpus", path)?;
    if !path.join("corpus.toml").is_file() {
        let path = path.display();
        return Err(usage(format!(
            "`{path}` is not a prepared corpus: it has no `corpus.toml`; make one with `culturemert prepare`"
        )));
    }
    Ok(Corpus::open(path)?)
}

/// Fails when the corpus holds no clip of `culture`.
pub(crate) fn must_have_culture(corpus: &Corpus, culture: &str) -> anyhow::Result<()> {
    let known: BTreeSet<&str> = corpus.clips().iter().map(|clip| clip.culture.as_str()).collect();
    if known.contains(culture) {
        return Ok(());
    }
    let meant = nearest::did_you_mean(culture, known.iter().copied());
    let known: Vec<&str> = known.into_iter().collect();
    let (dir, known) = (corpus.dir().display(), known.join(", "));
    Err(usage(format!("corpus `{dir}` has nothing of the culture `{culture}`, only: {known}{meant}")))
}

/// Opens a model directory.
pub fn open_model(path: &Path) -> anyhow::Result<ModelDirectory> {
    must_exist("model", path)?;
    if !path.join("config.json").is_file() {
        let path = path.display();
        return Err(usage(format!("`{path}` is not a model directory: it has no `config.json`")));
    }
    Ok(ModelDirectory::open(path)?)
}

/// Opens a tokenizer; `kbps` chooses the bandwidth of an EnCodec model.
pub fn open_codec(path: &Path, kbps: Option<f64>) -> anyhow::Result<Box<dyn codec::Tokenizer>> {
    must_exist("codec", path)?;
    codec::open_at(path, kbps).map_err(|error| match error {
        codec::CodecError::NoBandwidth { .. } | codec::CodecError::Setting { key: "bandwidth", .. } => {
            usage(error.to_string())
        }
        _ => error.into(),
    })
}

/// A model on the command line: `DIR`, or `NAME=DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelArgument {
    /// Name of its culture.
    pub name: Option<String>,
    /// Its directory.
    pub path: PathBuf,
}

impl FromStr for ModelArgument {
    type Err = Infallible;

    /// What is there as a whole is a path, whatever its name.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let parts = text.split_once('=').filter(|(name, path)| !name.is_empty() && !path.is_empty());
        Ok(match parts.filter(|_| !Path::new(text).exists()) {
            Some((name, path)) => Self { name: Some(name.into()), path: path.into() },
            None => Self { name: None, path: text.into() },
        })
    }
}

impl ModelArgument {
    /// Its name, which `why` needs.
    pub(crate) fn named(&self, why: &str) -> anyhow::Result<String> {
        let path = self.path.display();
        self.name.clone().ok_or_else(|| {
            usage(format!(
                "{why} needs a name for every model: `--model NAME={path}`, the name that of its culture"
            ))
        })
    }
}

/// The two sides of `NAME=VALUE`, given with `flag`.
pub(crate) fn pair<'a>(flag: &str, given: &'a str, example: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let parts = given.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    parts.ok_or_else(|| usage(format!("`{flag} {given}` is not NAME=VALUE, for instance `{example}`")))
}

/// The tokenizer whose codes a corpus holds: the one named, or the only one.
pub(crate) fn tokenizer_of(corpus: &Corpus, named: Option<&str>) -> anyhow::Result<String> {
    let there = corpus.tokenizers()?;
    let dir = corpus.dir().display();
    match (named, there.as_slice()) {
        (Some(name), _) => match there.iter().filter(|hash| hash.starts_with(name)).collect::<Vec<_>>()[..] {
            [hash] => Ok(hash.clone()),
            _ => Err(usage(format!(
                "corpus `{dir}` has codes of {there:?}, none or several of which begin with `{name}`"
            ))),
        },
        (None, [hash]) => Ok(hash.clone()),
        (None, []) => Err(usage(format!(
            "corpus `{dir}` has no codes; make them with `culturemert tokenize --codec CODEC --corpus {dir}`"
        ))),
        (None, several) => Err(usage(format!(
            "corpus `{dir}` has codes of several tokenizers, name one with `--codec-hash`: {several:?}"
        ))),
    }
}
