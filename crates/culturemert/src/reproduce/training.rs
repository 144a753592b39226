//! Training steps of the study.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use corpus::Corpus;
use pretrain::{Event, HeadsFrom, Init, Outcome, RunFolder, RunRequest, run};
use study::{Done, Ledger, Step};
use weights::ModelDirectory;

use super::models::Planned;
use crate::exit::Interrupted;
use crate::interrupt::stop_flag;
use crate::terminal::Terminal;

/// A trained model: its step and where it lies.
pub(crate) struct TrainedModel {
    pub(crate) done: Done,
}

impl TrainedModel {
    /// The model directory.
    pub(crate) fn model(&self) -> PathBuf {
        RunFolder::at(&self.run()).model()
    }

    /// The folder of the run.
    pub(crate) fn run(&self) -> PathBuf {
        self.done.dir.join("run")
    }
}

/// What training needs besides the plan.
pub(crate) struct Ground<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) corpus: &'a Corpus,
    pub(crate) tokenizer: &'a str,
    pub(crate) terminal: &'a Terminal,
}

/// Trains a model from `base`, or from nothing; a training that was cut off goes on.
pub(crate) fn train(
    ground: &Ground<'_>,
    planned: &Planned,
    base: Option<&Path>,
) -> anyhow::Result<TrainedModel> {
    let base = base.map(ModelDirectory::open).transpose()?;
    let init = match &base {
        Some(directory) => directory.identity()?.to_string(),
        None => "scratch".into(),
    };
    let step = Step::new(format!("train-{}", planned.name))
        .input("plan", planned.plan.to_toml())
        .input("corpus", ground.corpus.content_hash())
        .input("tokenizer", ground.tokenizer)
        .input("init", init)
        .volatile("log.jsonl")
        .volatile("events.*");
    let done = ground.ledger.run(&step, |dir| {
        let out = dir.join("run");
        // A run that has its model is at its end: an attempt before this one was cut off while it tidied up.
        if RunFolder::at(&out).model().exists() {
            files::remove_directory(&out.join("checkpoints"))?;
            return anyhow::Ok(());
        }
        let request = RunRequest {
            plan: &planned.plan,
            corpus: ground.corpus,
            tokenizer: ground.tokenizer,
            init: base.as_ref().map_or(Init::Scratch, |base| Init::Model(base, HeadsFrom::Model)),
            out: &out,
            resume: RunFolder::at(&out).holds_run(),
            accept_drift: false,
            device: Device::flex(),
            ranks: &pretrain::Alone,
            stop: stop_flag(),
        };
        let mut notice = |event: Event<'_>| {
            if let Event::Notice(text) = event {
                ground.terminal.say(format!("{}: {text}", planned.name));
            }
        };
        match run(&request, &mut notice)? {
            // The model stands; what was needed to go on does not enter the step's output.
            Outcome::Finished(_) => Ok(files::remove_directory(&out.join("checkpoints"))?),
            Outcome::Interrupted(_) => {
                Err(Interrupted("training is saved; the same command goes on".into()).into())
            }
        }
    })?;
    Ok(TrainedModel { done })
}

/// Runs jobs on as many threads as there are cores, each job on one thread of its own: small models do not fill more.
pub(crate) fn in_parallel<T: Send, R: Send>(
    items: Vec<T>,
    job: impl Fn(T) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let n_workers = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().max(1));
    let results: Vec<std::sync::Mutex<Option<anyhow::Result<R>>>> =
        items.iter().map(|_| std::sync::Mutex::new(None)).collect();
    let queue = std::sync::Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    let pools = (0..n_workers)
        .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                while let Some((index, item)) = next() {
                    let result = pool.install(|| job(item));
                    *results[index].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    results
        .into_iter()
        .map(|slot| {
            let result = slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            result.unwrap_or_else(|| Err(anyhow::anyhow!("a job of the study did not end")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_jobs() {
        let squares = in_parallel((0..50).collect(), |n: i32| Ok(n * n)).unwrap();
        assert_eq!(squares, (0..50).map(|n| n * n).collect::<Vec<_>>());
        assert!(in_parallel(vec![1, 2], |n| if n == 2 { anyhow::bail!("no") } else { Ok(n) }).is_err());
    }
}
