//! Merge plans as mergekit writes them, and the same as TOML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weights::MergePlan;

fuzz_target!(|text: &str| {
    for plan in [MergePlan::from_yaml(text), MergePlan::from_toml(text)].into_iter().flatten() {
        if plan.check().is_ok() {
            assert!(!plan.describe().is_empty());
        }
    }
});
