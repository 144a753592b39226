//! `dist`: what a release is, in `target/dist`.
//!
//! `culturemert-VERSION-TARGET.tar.gz` holds the program, shell completions, manual pages, licences and README; beside it lie the bill of
//! materials and the SHA-256 of both. Owners and times of the archive are fixed, so the same program gives the same archive.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::sbom::{Metadata, bill};

/// The package and its program.
const PROGRAM: &str = "culturemert";

/// Shells with the names their completions are looked for under.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "culturemert.bash"),
    ("elvish", "culturemert.elv"),
    ("fish", "culturemert.fish"),
    ("powershell", "_culturemert.ps1"),
    ("zsh", "_culturemert"),
];

/// Documents of the repository that a release brings.
const DOCUMENTS: [&str; 5] = ["README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE-APACHE", "LICENSE-MIT"];

/// Build the program and pack it with completions, manual, licences, a bill of materials and checksums.
#[derive(clap::Args)]
#[command(after_help = "Example: cargo xtask dist")]
pub(crate) struct Args {
    /// Folder of the release; `dist` in the target folder by default.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let out = args.out.clone().unwrap_or_else(|| target.join("dist"));
    let triple = host()?;
    said(
        Command::new("cargo")
            .args(["build", "--release", "--locked", "--package", PROGRAM])
            .current_dir(&root),
    )?;
    let program = target.join("release").join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));

    let metadata = said(
        Command::new("cargo")
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &triple])
            .current_dir(&root),
    )?;
    let metadata: Metadata =
        serde_json::from_slice(&metadata).context("`cargo metadata` said something else")?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let bill = serde_json::to_string_pretty(&bill(&metadata, &lock, PROGRAM)?)? + "\n";

    let name = format!("{PROGRAM}-{}-{triple}", env!("CARGO_PKG_VERSION"));
    let mut archive = Archive::new(&name);
    archive.add(&format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX), &std::fs::read(&program)?, 0o755)?;
    for document in DOCUMENTS {
        archive.add(document, &std::fs::read(root.join(document))?, 0o644)?;
    }
    for (shell, file) in SHELLS {
        let script = said(Command::new(&program).args(["completions", shell]))?;
        archive.add(&format!("completions/{file}"), &script, 0o644)?;
    }
    let pages = tempfile::tempdir()?;
    said(Command::new(&program).args(["--quiet", "man", "--out"]).arg(pages.path()))?;
    let mut names =
        std::fs::read_dir(pages.path())?.map(|page| Ok(page?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    names.sort();
    for page in names {
        let file = page.file_name().unwrap_or_default().to_string_lossy();
        archive.add(&format!("man/{file}"), &std::fs::read(&page)?, 0o644)?;
    }

    files::create_directories(&out)?;
    let mut sums = Vec::new();
    let written =
        [(format!("{name}.tar.gz"), archive.finish()?), (format!("{name}.cdx.json"), bill.into_bytes())];
    for (file, bytes) in &written {
        files::write_atomic(&out.join(file), bytes)?;
        writeln!(sums, "{}  {file}", files::hash_bytes(bytes))?;
    }
    files::write_atomic(&out.join(format!("{name}.sha256")), &sums)?;
    std::io::stdout().write_all(&sums)?;
    Ok(())
}

/// The platform that programs are built for here.
fn host() -> anyhow::Result<String> {
    let said = String::from_utf8(said(Command::new("rustc").arg("-vV"))?)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// Runs a command and returns what it printed.
fn said(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.with_context(|| format!("{command:?} cannot be run"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    Ok(output.stdout)
}

/// A tar.gz with everything in one folder.
struct Archive {
    folder: String,
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
}

impl Archive {
    fn new(folder: &str) -> Self {
        Self {
            folder: folder.into(),
            tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best())),
        }
    }

    fn add(&mut self, file: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(mode);
        header.set_mtime(0);
        Ok(self.tar.append_data(&mut header, format!("{}/{file}", self.folder), bytes)?)
    }

    fn finish(self) -> anyhow::Result<Vec<u8>> {
        Ok(self.tar.into_inner()?.finish()?)
    }
}
