//! Two-stage continual pre-training.
