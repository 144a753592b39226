//! One file a verb: its arguments, and what it does with them.

pub(crate) mod completions;
pub(crate) mod convert;
pub mod cqt;
pub(crate) mod datasets;
pub(crate) mod doctor;
pub mod embed;
pub(crate) mod evaluate;
pub(crate) mod explore;
pub mod fit_codec;
pub mod inspect;
pub(crate) mod man;
pub mod merge;
pub mod prepare;
pub mod pretrain;
pub mod probe;
pub(crate) mod reproduce;
pub mod similarity;
pub(crate) mod sweep;
pub mod synth;
pub mod tag;
pub mod task_vector;
pub mod tokenize;

use crate::cli::Command;
use crate::terminal::Terminal;

pub(crate) fn run(command: Command, terminal: &Terminal) -> anyhow::Result<()> {
    match command {
        Command::Synth(args) => synth::run(&args, terminal),
        Command::Datasets(args) => datasets::run(&args, terminal),
        Command::Prepare(args) => prepare::run(&args, terminal),
        Command::FitCodec(args) => fit_codec::run(&args, terminal),
        Command::Tokenize(args) => tokenize::run(&args, terminal),
        Command::Cqt(args) => cqt::run(&args, terminal),
        Command::Pretrain(args) => pretrain::run(&args, terminal),
        Command::Embed(args) => embed::run(&args, terminal),
        Command::Merge(args) => merge::run(&args, terminal),
        Command::TaskVector(args) => task_vector::run(&args, terminal),
        Command::Sweep(args) => sweep::run(&args, terminal),
        Command::Probe(args) => probe::run(&args, terminal),
        Command::Evaluate(args) => evaluate::run(&args, terminal),
        Command::Tag(args) => tag::run(&args, terminal),
        Command::Explore(args) => explore::run(&args, terminal),
        Command::Similarity(args) => similarity::run(&args, terminal),
        Command::Inspect(args) => inspect::run(&args, terminal),
        Command::Convert(args) => convert::run(&args, terminal),
        Command::Reproduce(args) => reproduce::run(&args, terminal),
        Command::Doctor(args) => doctor::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, terminal),
        Command::Man(args) => man::run(&args, terminal),
    }
}
