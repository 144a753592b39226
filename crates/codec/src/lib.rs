//! Tokenizers: audio to discrete codes at 75 frames a second.
