//! The built-in corpus: five synthetic musical traditions made from their theory.
