//! A decoder that panics loses its recording and nothing else.
//!
//! Decoders are large and meet every kind of damage. Their panics are caught, kept from the terminal, and told as a sentence.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; a panic inside becomes its message. State that `work` changed must not be used after one.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    silence();
    let outer = IS_GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(outer);
    result.map_err(|payload| message(payload.as_ref()))
}

/// Has panics on guarded threads print nothing; all others are told as before.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told_before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                told_before(info);
            }
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_is_told_as_its_message_and_the_next_work_runs() {
        assert_eq!(
            guarded(|| -> u8 { panic!("index {} out of range", 9) }),
            Err("index 9 out of range".into())
        );
        assert_eq!(guarded(|| -> u8 { panic!("plain") }), Err("plain".into()));
        assert_eq!(guarded(|| guarded(|| 1)), Ok(Ok(1)));
        assert_eq!(guarded(|| 2), Ok(2));
    }
}
