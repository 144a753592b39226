//! A corpus as points of a map: what is a point, how a model hears it, what of it may be heard.

mod excerpts;
mod hearing;
mod points;
mod view;

pub(crate) use excerpts::{Excerpts, plan_excerpts, write_excerpts};
pub(crate) use hearing::{LayerChoice, hear};
pub(crate) use points::{Points, points};
pub(crate) use view::{Viewed, view};
