//! Whole runs of a tiny model on a tiny corpus: what is killed, stopped, damaged or unhealthy, and where it ends.

mod drift;
mod health;
mod precision;
mod ranks;
mod resume;
mod world;
