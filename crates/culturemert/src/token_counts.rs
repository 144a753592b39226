//! Token counts of every recording: of a corpus, of folders of codes, or as they were kept.

use std::path::{Path, PathBuf};

use corpus::Corpus;
use evaluate::{CountedRecording, CountsOrigin, RecordingCounts};
use files::{Hasher, Npy};

use crate::exit::usage;
use crate::inputs::must_exist;
use crate::terminal::Terminal;

/// What there is to count.
pub(crate) enum Tokens<'a> {
    /// Codes of this tokenizer in a prepared corpus.
    Corpus(&'a Corpus, &'a str),
    /// Folders of `.npy` files, uint16 `[T, K]`, one a recording, with the culture of each folder; and the entries of a codebook.
    Folders(&'a [(String, PathBuf)], usize),
}

/// Counts the tokens; where `kept` already holds the counts of the same tokens, nothing is read again.
pub(crate) fn counted(
    tokens: &Tokens<'_>,
    kept: Option<&Path>,
    terminal: &Terminal,
) -> anyhow::Result<RecordingCounts> {
    let Some(kept) = kept else { return tokens.count(tokens.origin()?) };
    let origin = tokens.origin()?;
    if kept.exists() {
        let counts = RecordingCounts::load(kept)?;
        if *counts.origin() == origin {
            terminal.say(format!("`{}` holds the counts of these tokens", kept.display()));
            return Ok(counts);
        }
        terminal.say(format!("`{}` holds counts of other tokens and is replaced", kept.display()));
    }
    let counts = tokens.count(origin)?;
    counts.save(kept)?;
    Ok(counts)
}

/// Counts as a file has them.
pub(crate) fn kept(file: &Path) -> anyhow::Result<RecordingCounts> {
    must_exist("file of counts", file)?;
    Ok(RecordingCounts::load(file)?)
}

/// Counts the tokens of a corpus.
pub(crate) fn of_corpus(corpus: &Corpus, tokenizer: &str) -> anyhow::Result<RecordingCounts> {
    let tokens = Tokens::Corpus(corpus, tokenizer);
    tokens.count(tokens.origin()?)
}

impl Tokens<'_> {
    /// What would be counted.
    fn origin(&self) -> anyhow::Result<CountsOrigin> {
        match self {
            Self::Corpus(corpus, tokenizer) => {
                let codes = corpus.codes(tokenizer)?;
                let header = codes.header();
                Ok(CountsOrigin {
                    tokenizer: header.tokenizer.clone(),
                    made_of: corpus.content_hash(),
                    n_codebooks: header.n_codebooks,
                    n_entries: header.n_entries,
                })
            }
            Self::Folders(folders, n_entries) => {
                let mut hasher = Hasher::default();
                let mut n_codebooks = None;
                for (culture, folder) in *folders {
                    for file in code_files(folder)? {
                        hasher
                            .part(culture)
                            .part(recording_name(&file))
                            .part(files::hash_file(&file)?.to_string());
                        if n_codebooks.is_none() {
                            n_codebooks = Some(codes_of(&file, None)?.shape()[1]);
                        }
                    }
                }
                let n_codebooks = n_codebooks.ok_or_else(|| usage("no folder of codes was named"))?;
                Ok(CountsOrigin {
                    tokenizer: "files of codes".into(),
                    made_of: hasher.finish().to_string(),
                    n_codebooks,
                    n_entries: *n_entries,
                })
            }
        }
    }

    fn count(&self, origin: CountsOrigin) -> anyhow::Result<RecordingCounts> {
        let n_codebooks = origin.n_codebooks;
        let mut counts = RecordingCounts::new(origin)?;
        match self {
            Self::Corpus(corpus, tokenizer) => {
                let codes = corpus.codes(tokenizer)?;
                for (index, clip) in corpus.clips().iter().enumerate() {
                    let recording = CountedRecording {
                        culture: clip.culture.clone(),
                        name: clip.source.clone(),
                        group: clip.group.clone(),
                    };
                    counts.add(&recording, codes.clip(index)?)?;
                }
            }
            Self::Folders(folders, _) => {
                for (culture, folder) in *folders {
                    for file in code_files(folder)? {
                        let codes = codes_of(&file, Some(n_codebooks))?;
                        let (culture, name) = (culture.clone(), recording_name(&file));
                        let recording = CountedRecording { culture, name, group: None };
                        counts
                            .add(&recording, codes.as_slice())
                            .map_err(|error| usage(format!("`{}`: {error}", file.display())))?;
                    }
                }
            }
        }
        Ok(counts)
    }
}

/// The `.npy` files of a folder, by name.
fn code_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    must_exist("folder of codes", folder)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(files::FilesError::io("list", folder))? {
        let path = entry.map_err(files::FilesError::io("list", folder))?.path();
        if path.extension().is_some_and(|extension| extension == "npy") {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(usage(format!("folder of codes `{}` has no `.npy` file", folder.display())));
    }
    found.sort();
    Ok(found)
}

/// Codes of one file, `[T, K]`.
fn codes_of(file: &Path, n_codebooks: Option<usize>) -> anyhow::Result<Npy<u16>> {
    let codes = Npy::<u16>::open(file)?;
    let shape = codes.shape();
    if shape.len() == 2 && n_codebooks.is_none_or(|needed| shape[1] == needed) {
        return Ok(codes);
    }
    let needed = n_codebooks.map_or("[frames, codebooks]".to_owned(), |n| format!("[frames, {n}]"));
    Err(usage(format!("codes `{}` have shape {shape:?}, needed is {needed}", file.display())))
}

fn recording_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
