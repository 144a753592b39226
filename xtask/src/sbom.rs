//! What is built into the program, as a bill of materials: CycloneDX 1.5, JSON.
//!
//! Packages and what they need come from `cargo metadata`, checksums from `Cargo.lock`. Only what is compiled into the program counts:
//! neither tests' nor build scripts' dependencies. The same sources give the same bytes, so there is no serial number and no time.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

/// What of `cargo metadata --format-version 1` is read.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    /// `None` for packages of the repository.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `None` for what is linked, else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The bill of `program`, which is one of the packages.
pub(crate) fn bill(metadata: &Metadata, lock: &str, program: &str) -> anyhow::Result<Value> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let root = metadata.packages.iter().find(|package| package.name == program && package.source.is_none());
    let root = root.with_context(|| format!("`cargo metadata` knows no package `{program}`"))?;
    let lock: Lock = toml::from_str(lock).context("`Cargo.lock` cannot be read")?;
    let checksums: BTreeMap<(&str, &str), &str> = lock
        .package
        .iter()
        .filter_map(|locked| {
            Some(((locked.name.as_str(), locked.version.as_str()), locked.checksum.as_deref()?))
        })
        .collect();

    let linked = |id: &str| -> Vec<&str> {
        let dependencies = nodes.get(id).map_or(&[][..], |node| &node.deps);
        let is_linked =
            |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        dependencies.iter().filter(is_linked).map(|dependency| dependency.pkg.as_str()).collect()
    };
    let (mut found, mut next) = (BTreeSet::new(), vec![root.id.as_str()]);
    while let Some(id) = next.pop() {
        if found.insert(id) {
            next.extend(linked(id));
        }
    }
    let mut members: Vec<&Package> = found.iter().filter_map(|id| packages.get(id).copied()).collect();
    members.sort_by_key(|package| (&package.name, &package.version));
    let components = members.iter().filter(|package| package.id != root.id).map(|package| {
        let mut component = component(package, "library");
        if let Some(checksum) = checksums.get(&(package.name.as_str(), package.version.as_str())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    });
    let dependencies = members.iter().map(|package| {
        let needs = linked(&package.id).into_iter().filter_map(|id| packages.get(id));
        let needs: BTreeSet<String> = needs.map(|package| purl(package)).collect();
        json!({ "ref": purl(package), "dependsOn": needs })
    });
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(root, "application") },
        "components": components.collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

fn component(package: &Package, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
    });
    if let Some(description) = &package.description {
        component["description"] = description.trim().into();
    }
    if let Some(licence) = &package.license {
        // Old manifests write `MIT/Apache-2.0`.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    component
}

/// The name of a package that tools agree on.
fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_with_licence_and_checksum_and_nothing_else() {
        let package = |name: &str, license: &str, source: Value| {
            json!({ "id": format!("{name} 1"), "name": name, "version": "1.0.0", "license": license, "description": null,
                    "source": source })
        };
        let dependency =
            |name: &str, kind: Value| json!({ "pkg": format!("{name} 1"), "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                package("program", "MIT", Value::Null),
                package("ours", "MIT", Value::Null),
                package("theirs", "MIT/Apache-2.0", "a registry".into()),
                package("testing", "MIT", "a registry".into()),
                package("building", "MIT", "a registry".into()),
            ],
            "resolve": { "nodes": [
                { "id": "program 1", "deps": [dependency("ours", Value::Null), dependency("testing", "dev".into())] },
                { "id": "ours 1", "deps": [dependency("theirs", Value::Null), dependency("building", "build".into())] },
                { "id": "theirs 1", "deps": [] },
                { "id": "testing 1", "deps": [] },
                { "id": "building 1", "deps": [] },
            ] },
        });
        let metadata: Metadata = serde_json::from_value(metadata).unwrap();
        let lock = "[[package]]\nname = 'theirs'\nversion = '1.0.0'\nchecksum = 'abc'\n\
                    [[package]]\nname = 'ours'\nversion = '1.0.0'\n";
        let bill = bill(&metadata, lock, "program").unwrap();
        let components = bill["components"].as_array().unwrap();
        let names: Vec<&str> = components.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["ours", "theirs"]);
        assert_eq!(components[1]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(components[1]["hashes"][0]["content"], "abc");
        assert_eq!(
            bill["dependencies"][0],
            json!({ "ref": "pkg:cargo/ours@1.0.0", "dependsOn": ["pkg:cargo/theirs@1.0.0"] })
        );
        assert_eq!(bill["metadata"]["component"]["name"], "program");
        assert!(super::bill(&metadata, lock, "nothing").is_err());
    }
}
