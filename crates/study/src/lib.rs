//! The experiment graph, its cache, and the report.
