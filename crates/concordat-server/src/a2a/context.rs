//! What clients call a context, as what the engine calls a contract within its submission.
//!
//! A context is any text; a contract's name there has 1 to 64 of a-z, 0-9, `-`, `_` and `.`. One that is such a name
//! stays as it is. Any other is written with `_` and two hexadecimal digits for each byte that a name lacks, behind a
//! mark, and read back from that. One that would be too long so is kept and told as a digest: by its own text it is
//! found all the same.

use concordat_model::digest::Digest;
use concordat_model::name::StepName;

use super::wrong::Wrong;

/// What a context begins with that was written otherwise.
const WRITTEN: &str = "x--";
/// What a context begins with of which there is a digest only.
const DIGEST: &str = "h--";
/// The longest context, in bytes.
const LONGEST: usize = 512;
/// The longest name.
const LONGEST_NAME: usize = 64;
/// The digits of a digest that are kept.
const DIGITS: usize = 40;

/// The name that a context is kept under.
pub(super) fn name(context: &str) -> Result<StepName, Wrong> {
    let odd = || Wrong::Params(format!("a `contextId` has 1 to {LONGEST} bytes, and no control characters"));
    if context.is_empty() || context.len() > LONGEST || context.chars().any(char::is_control) {
        return Err(odd());
    }
    let marked = [WRITTEN, DIGEST].iter().any(|mark| context.starts_with(mark));
    if let (false, Ok(plain)) = (marked, context.parse()) {
        return Ok(plain);
    }
    let kept = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let written: String = context
        .bytes()
        .map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("_{byte:02x}") })
        .collect();
    let name = if WRITTEN.len() + written.len() <= LONGEST_NAME {
        format!("{WRITTEN}{written}")
    } else {
        let digest = Digest::of(context.as_bytes());
        let digits = digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        format!("{DIGEST}{}", digits.get(..DIGITS).unwrap_or_default())
    };
    name.parse().map_err(|_| odd())
}

/// The context that a name stands for.
pub(super) fn context(name: &str) -> String {
    name.strip_prefix(WRITTEN).and_then(read).unwrap_or_else(|| name.to_owned())
}

fn read(written: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = written.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'_' {
            bytes.push(*first);
            continue;
        }
        let (digits, more) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = more;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_context_is_kept_under_a_name_and_told_again() {
        for (text, kept) in [
            ("quarter-3", "quarter-3"),
            ("Quarter 3", "x--_51uarter_203"),
            ("run_01/credit/do/1", "x--run_5f01_2fcredit_2fdo_2f1"),
            ("x--odd", "x--x--odd"),
            ("ü", "x--_c3_bc"),
            ("_", "x--_5f"),
        ] {
            let name = name(text).unwrap();
            assert_eq!((name.as_str(), context(name.as_str()).as_str()), (kept, text));
        }
        let long = "A".repeat(100);
        let kept = name(&long).unwrap();
        assert!(kept.as_str().starts_with(DIGEST) && kept == name(&long).unwrap());
        assert_eq!(context(kept.as_str()), kept.as_str());
        assert_ne!(kept, name(&"A".repeat(101)).unwrap());
        for odd in ["", "a\nb", &"a".repeat(513)] {
            assert!(name(odd).is_err(), "{odd:?}");
        }
        // What nobody wrote here is told as it stands.
        for odd in ["x--_", "x--_zz", "x--_ff", "plain"] {
            assert_eq!(context(odd), odd);
        }
    }
}
