//! Fused tensor operations of the model, forward and backward.
