//! Numbers and references that look arbitrary and are always the same for the same words.

use concordat_model::digest::Digest;

/// A number from 0 to `among` - 1, drawn from the words. 0 when there is nothing to draw from.
pub(in crate::demo::agents) fn draw(words: &[&str], among: u64) -> u64 {
    let digest = Digest::of(words.join("\u{1f}").as_bytes());
    let number = digest.bytes().iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    number.checked_rem(among).unwrap_or_default()
}

/// A reference such as `chk_4f1a09c2d7e8`, drawn from the words.
pub(super) fn reference(prefix: &str, words: &[&str]) -> String {
    format!("{prefix}_{:012x}", draw(words, 1 << 48))
}

/// The 32 bytes that stand for a text where there is nothing better, such as an image of which only the name came.
pub(super) fn bytes(text: &str) -> Vec<u64> {
    Digest::of(text.as_bytes()).bytes().iter().map(|byte| u64::from(*byte)).collect()
}
