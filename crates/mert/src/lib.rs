//! The MERT model: front end, encoder, masking, mixture, heads and loss.
