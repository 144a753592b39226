//! Parity with the original programs: `transformers`' HuBERT and MERT on fairseq.

extern crate culturemert_mert as mert;

mod closed_form;
mod fairseq;
mod hubert;
mod masking;
mod mixture;
mod pretraining;
mod tensors;
