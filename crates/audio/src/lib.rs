//! Recordings to 24 kHz mono samples, constant-Q and log-mel spectra.
