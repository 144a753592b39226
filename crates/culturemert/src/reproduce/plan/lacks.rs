//! What a study's file does not name yet.

use super::Asked;
use crate::exit::usage;

/// What is not named yet, and what a rehearsal goes without.
pub(crate) struct Lacks {
    pub(super) asked: Asked,
    pub(super) unnamed: Vec<String>,
    pub(crate) notices: Vec<String>,
}

impl Lacks {
    /// Whether what lacks is to be gone without, rather than to be described or refused.
    pub(crate) fn goes_without(&self) -> bool {
        self.asked.limit.is_some() && !self.asked.describe
    }

    /// `key` would name it; `without` says what a rehearsal does then.
    pub(crate) fn unnamed(&mut self, key: String, without: impl FnOnce() -> String) {
        if self.goes_without() {
            self.notices.push(without());
        } else {
            self.unnamed.push(key);
        }
    }

    /// Fails where something would have to be named; where the study is only described, that is a notice.
    pub(super) fn refuse(&mut self) -> anyhow::Result<()> {
        if self.unnamed.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = self.unnamed.iter().map(|key| format!("`--set {key}=…`")).collect();
        let named = keys.join(", ");
        if self.asked.describe {
            self.notices.push(format!("before it can run, name: {named}"));
            return Ok(());
        }
        let rehearse = "`--dry-run` describes it without, `--limit N` rehearses it with what is there";
        Err(usage(format!("the study needs what is not named yet: {named}; {rehearse}")))
    }
}
