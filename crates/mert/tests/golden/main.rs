//! Parity with the original programs: `transformers`' HuBERT and MERT on fairseq.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its case fails")]

extern crate culturemert_mert as mert;

mod closed_form;
mod crop;
mod fairseq;
mod full_size;
mod hubert;
mod masking;
mod mixture;
mod pretraining;
mod tensors;
