//! Writes what the targets start from: `seeds DIRECTORY` makes a folder for each target.
//!
//! Everything is made here, or read where it lies from the recorded numbers and recordings that the tests use too; without those there
//! are fewer seeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use codec::{FitSettings, ResidualKMeans};
use corpus::{Corpus, PrepareRequest, PrepareSettings};
use culturemert_fuzz::joined;
use weights::{MergePlan, Tensor, Tensors, write_safetensors};

#[path = "../../../crates/audio/tests/it/makers/mod.rs"]
#[expect(dead_code, reason = "the tests also use what is expected of each")]
mod makers;

type Done = Result<(), Box<dyn std::error::Error>>;

/// Longest seed, bytes.
const LONGEST: usize = 1 << 16;

struct Seeds(PathBuf);

impl Seeds {
    fn put(&self, target: &str, name: &str, bytes: &[u8]) -> Done {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), bytes)?)
    }
}

fn main() -> Done {
    let out = std::env::args().nth(1).ok_or("usage: seeds DIRECTORY")?;
    let seeds = Seeds(out.into());
    let room = culturemert_fuzz::Room::new();
    let work = room.directory(&[], b"");
    recordings(&seeds)?;
    lists(&seeds)?;
    prepared(&seeds, &work)?;
    tokenizers(&seeds, &work)?;
    models(&seeds, &work)?;
    merge_plans(&seeds)?;
    #[cfg(feature = "training")]
    training::put(&seeds, &work)?;
    Ok(())
}

/// One recording of each container, and beginnings of real ones.
fn recordings(seeds: &Seeds) -> Done {
    use makers::{Aiff, Flac, Mp4, Wav, id3, mp3, opus_pages, pages};
    let whole = [
        ("pcm.wav", Wav::pcm(600).bytes()),
        ("float.wav", Wav::floats(&[0.5; 200]).bytes()),
        ("tone.aiff", Aiff::pcm(600).bytes()),
        ("tone.flac", Flac::pcm(600).bytes()),
        ("silence.mp3", mp3(6, Some(6))),
        ("tagged.mp3", [id3(20, &[0; 20]), mp3(4, None)].concat()),
        ("tone.opus", pages(&opus_pages(4, 312, 100, 1))),
        ("silence.m4a", Mp4 { edit: Some((4096, 1024)), ..Mp4::aac(6) }.bytes()),
    ];
    for (name, bytes) in whole {
        seeds.put("audio", name, &bytes)?;
    }
    for makers::Specimen { name, bytes, .. } in makers::zoo().iter().filter(|one| one.bytes.len() <= LONGEST)
    {
        seeds.put("audio", name, bytes)?;
    }
    let Some(folder) = golden::recordings() else { return Ok(()) };
    for file in files_below(&folder) {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&file)?;
        // A whole file where it is short, else a beginning that ends with a page.
        let end = if bytes.starts_with(b"OggS") {
            let ends = (0..(LONGEST / 4).min(bytes.len()) - 4).filter(|&at| &bytes[at..at + 4] == b"OggS");
            ends.max().unwrap_or(0)
        } else {
            LONGEST / 16
        };
        let is_audio = !name.ends_with(".tsv") && !name.ends_with(".md");
        if is_audio && (bytes.len() <= LONGEST || !name.ends_with(".m4a")) {
            seeds.put("audio", &name, &bytes[..end.min(bytes.len())])?;
        }
    }
    Ok(())
}

fn lists(seeds: &Seeds) -> Done {
    let rows = [
        "path\tculture\tsplit\ttags\tlicence\tgroup\na/1.wav\ta\ttrain\tx:1;y:2\tCC0\tg\n../b.wav\tb\t\t\t\t\n",
        "path,culture,tags\r\n\"a,1.wav\",a,\"[\"\"x:1\"\"]\"\r\n/etc/passwd,b,\r\n",
        "{\"path\":\"a/1.wav\",\"culture\":\"a\",\"tags\":[\"x:1\"],\"group\":4,\"split\":\"test\"}\n{\"path\":\"b\",\"culture\":\"c\"}\n",
    ];
    for (i, text) in rows.iter().enumerate() {
        seeds.put("index", &i.to_string(), text.as_bytes())?;
    }
    Ok(())
}

/// A corpus of two recordings with the codes of a tokenizer, and its arrays.
fn prepared(seeds: &Seeds, work: &Path) -> Done {
    for (i, n_samples) in [700usize, 900].into_iter().enumerate() {
        let samples: Vec<f32> = golden::cf_uniforms(&format!("seed {i}"), n_samples);
        let file = work.join(format!("in/x/{i}.wav"));
        fs::create_dir_all(work.join("in/x"))?;
        audio::write_wav(fs::File::create(&file)?, &file, &samples, 24_000)?;
    }
    let settings = PrepareSettings { min_seconds: 0.01, ..PrepareSettings::default() };
    let request = PrepareRequest { settings, ..PrepareRequest::new(work.join("in"), work.join("out")) };
    corpus::prepare(&request, &AtomicBool::new(false), &|_| {})?;
    let out = work.join("out");
    let tokenizer = "0123456789abcdef";
    let corpus = Corpus::open(&out)?;
    let header = corpus::CodesHeader {
        tokenizer: tokenizer.into(),
        name: "seed".into(),
        n_codebooks: 1,
        n_entries: 4,
    };
    let writer = corpus::CodesWriter::open(&corpus, header)?;
    let mut shard = writer.shard(0)?;
    shard.push(&[1, 2, 3])?;
    shard.push(&[0, 1, 2])?;
    shard.finish()?;
    writer.finish()?;
    let names = [
        "corpus.toml",
        "clips.jsonl",
        "audio/00000.npy",
        "quarantine.jsonl",
        "report.json",
        "codes/0123456789abcdef/codes.toml",
        "codes/0123456789abcdef/00000.npy",
    ];
    seeds.put("corpus", "whole", &files_of(&out, &names)?)?;
    for name in ["audio/00000.npy", "codes/0123456789abcdef/00000.npy"] {
        seeds.put("npy", &name.replace('/', "-"), &fs::read(out.join(name))?)?;
    }
    files::write_npy::<f32>(&work.join("floats.npy"), &[2, 3], &[1.0; 6])?;
    seeds.put("npy", "floats", &fs::read(work.join("floats.npy"))?)
}

fn tokenizers(seeds: &Seeds, work: &Path) -> Done {
    let settings = FitSettings { codebooks: 2, entries: 4, iterations: 2, ..FitSettings::pocket() };
    let frames = golden::cf_uniforms("frames", 64 * settings.features.bins());
    ResidualKMeans::fit(&frames, &settings)?.save(work.join("codec"))?;
    seeds.put(
        "codec",
        "fitted",
        &files_of(&work.join("codec"), &["codec.toml", "codebooks.safetensors"])?,
    )?;
    for case in golden::cases("encodec", "config.json").into_iter().take(4) {
        let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let config = fs::read(case.join("config.json"))?;
        let weights = fs::read(case.join("model.safetensors")).unwrap_or_default();
        let short = if weights.len() < LONGEST * 4 { weights } else { Vec::new() };
        seeds.put("encodec", &name, &joined(&[&config, &short, b"kind = \"encodec\"\ncodebooks = 2\n"]))?;
    }
    Ok(())
}

/// Small checkpoints in all their formats.
fn models(seeds: &Seeds, work: &Path) -> Done {
    let mut tensors = Tensors::new();
    for (name, n) in [("encoder.layer_norm.weight", 4), ("masked_spec_embed", 4)] {
        tensors.insert(name, Tensor::new(vec![n], vec![0.5; n]).ok_or("a tensor fills its shape")?);
    }
    let file = work.join("small.safetensors");
    write_safetensors(&file, &tensors, &Default::default())?;
    let small = fs::read(&file)?;
    seeds.put("safetensors", "small", &small)?;
    let index =
        br#"{"metadata":{},"weight_map":{"masked_spec_embed":"heads.safetensors","x":"../x.safetensors"}}"#;
    for kind in ["mert", "hubert"] {
        let Some(folder) = golden::folder(kind) else { continue };
        for file in files_below(&folder) {
            let name = file.to_string_lossy().replace('/', "-");
            let bytes = fs::read(&file)?;
            match file.extension().and_then(|ending| ending.to_str()) {
                Some("pt" | "bin" | "pth" | "th") if bytes.len() <= LONGEST * 8 => {
                    seeds.put("checkpoint", &name, &bytes)?;
                }
                _ if file.ends_with("config.json") => {
                    let piece = joined(&[&bytes, &small, index, &small, b"{\"do_normalize\":true}", b""]);
                    seeds.put("model", &name, &piece)?;
                }
                _ => {}
            }
        }
    }
    // A legacy pickle that would run a command, and a dictionary of nothing.
    seeds.put(
        "checkpoint",
        "command",
        b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.",
    )?;
    seeds.put("checkpoint", "empty", b"\x80\x02}q\x00.")
}

fn merge_plans(seeds: &Seeds) -> Done {
    let yaml = "merge_method: ties\nbase_model: base\ndtype: float32\nmodels:\n  - model: a\n    parameters:\n      weight: 0.5\n      density:\n        - filter: mlp\n          value: 0.3\n        - value: 0.5\n  - model: b\nparameters:\n  normalize: true\n  lambda: 0.2\n";
    seeds.put("merge_plan", "yaml", yaml.as_bytes())?;
    let plan = MergePlan::task_arithmetic("base", &["a", "b"], 0.2);
    seeds.put("merge_plan", "described", plan.describe().as_bytes())?;
    let toml = "merge_method = \"linear\"\n[[models]]\nmodel = \"a\"\nparameters = { weight = 0.5 }\n[[models]]\nmodel = \"b\"\n";
    seeds.put("merge_plan", "toml", toml.as_bytes())
}

/// The files of a directory as one input.
fn files_of(directory: &Path, names: &[&str]) -> Result<Vec<u8>, std::io::Error> {
    let files = names.iter().map(|name| fs::read(directory.join(name))).collect::<Result<Vec<_>, _>>()?;
    Ok(joined(&files.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// All files below a folder, sorted.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[cfg(feature = "training")]
mod training {
    use pretrain::{Checkpoints, Health, NamedTensor, PRESETS, Retention, TrainState};

    use super::{Done, Path, Seeds, files_of, joined};

    /// The presets, and what a run of one update leaves.
    pub(super) fn put(seeds: &Seeds, work: &Path) -> Done {
        for (name, text) in PRESETS {
            seeds.put("plan", name, &joined(&[text.as_bytes(), b"run.seed=3\nstage.0.updates=5\n"]))?;
        }
        let least = "[[stage]]\nname = 'a'\ntrainable = ['*']\nupdates = 3\nmicro_batch = 2\nschedule = { kind = 'constant', peak = 1e-3 }\n";
        seeds.put("plan", "least", &joined(&[least.as_bytes(), b"stage.0.hours=1\n"]))?;
        let tensor = NamedTensor { name: "a".into(), shape: vec![2], data: vec![0.5, 1.5] };
        let state = TrainState {
            update: 1,
            stage: 0,
            stage_update: 1,
            stage_steps: 1,
            optimizer_step: 1,
            skipped: 0,
            rolled_back: 0,
            anchor: 1,
            unmeasured: false,
            health: Health::default(),
            loss_scaler: None,
            seconds: 1.5,
        };
        let folder = work.join("checkpoints");
        std::fs::create_dir_all(&folder)?;
        let saved = Checkpoints::new(folder, Retention::newest(1)).save(
            &state,
            &[tensor.lend()],
            &[tensor.lend()],
        )?;
        let files = files_of(&saved, &["weights.safetensors", "optimizer.safetensors", "state.json"])?;
        let line = br#"{"kind":"held_out","update":1,"stage":"a","culture":"x","crops":2,"loss":{"total":1.0,"masked_codebooks":[1.0],"features_penalty":0.0,"cqt":null},"accuracy":{"masked":0.5},"seconds":0.1}"#;
        seeds.put("run", "whole", &joined(&[&[line.as_slice(), b"\n"].concat(), &files]))
    }
}
