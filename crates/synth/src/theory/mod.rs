//! The theory tables, as data, and the two shapes they all come in: [`Mode`] and [`Rhythm`].

pub(crate) mod carnatic;
pub(crate) mod carnatic_tala;
pub(crate) mod dance;
pub(crate) mod greek;
pub(crate) mod hindustani;
pub(crate) mod makam;
pub(crate) mod metre;
mod mode;
mod rhythm;
mod svara;
pub(crate) mod theka;
pub(crate) mod usul;
pub(crate) mod western;

pub(crate) use mode::{Gesture, Mode, Motion};
pub(crate) use rhythm::Rhythm;
