//! From recordings on disk to a prepared corpus and the crops drawn from it.
