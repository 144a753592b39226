//! Frozen-encoder probes, metrics with intervals, token similarity.
