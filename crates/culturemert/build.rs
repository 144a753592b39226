//! Tells the program what it is compiled for and with, so that `doctor` can say it.

#![allow(clippy::print_stdout, reason = "that is how a build script speaks to cargo")]

fn main() {
    let feature = |(key, _): (String, String)| key.strip_prefix("CARGO_FEATURE_").map(str::to_lowercase);
    let mut features: Vec<String> = std::env::vars().filter_map(feature).collect();
    features.retain(|name| name != "default");
    features.sort_unstable();
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=CULTUREMERT_FEATURES={}", features.join(" "));
    println!("cargo::rustc-env=CULTUREMERT_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
