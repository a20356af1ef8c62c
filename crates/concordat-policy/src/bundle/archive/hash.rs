//! The digest of one file, as OPA's signatures name it.
//!
//! Data and the manifest are digested by what they say, not by how they are written: members in the order of their
//! names, nothing between, texts as Go writes them, numbers as they stand. Everything else is digested as bytes.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{DATA, MANIFEST, name_of};

/// The deepest nesting: what is deeper is no bundle's data.
const DEEPEST: usize = 128;

/// The digest in hexadecimal digits, by the algorithm of this name.
pub(super) fn of(path: &str, content: &[u8], algorithm: &str) -> Result<String, String> {
    let structured = matches!(name_of(path), DATA | MANIFEST);
    let text = if structured { written_out(content).ok_or("it is not JSON")? } else { content.to_vec() };
    Ok(match algorithm {
        "SHA-256" => hexadecimal(&Sha256::digest(text)),
        "SHA-384" => hexadecimal(&Sha384::digest(text)),
        "SHA-512" => hexadecimal(&Sha512::digest(text)),
        other => {
            let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
            return Err(format!("`{shown}` is not one of SHA-256, SHA-384 and SHA-512"));
        }
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written_out(content: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write(serde_json::from_slice(content).ok()?, 0, &mut out)?;
    Some(out)
}

fn write(raw: &RawValue, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    let text = raw.get();
    if depth > DEEPEST {
        return None;
    }
    match text.as_bytes().first()? {
        b'{' => {
            // Later members of the same name win, as in Go; the reader of data refuses them after this.
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            out.push(b'{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                out.extend((at > 0).then_some(b','));
                quote(&name, out);
                out.push(b':');
                write(member, depth + 1, out)?;
            }
            out.push(b'}');
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            out.push(b'[');
            for (at, item) in items.into_iter().enumerate() {
                out.extend((at > 0).then_some(b','));
                write(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        b'"' => quote(&serde_json::from_str::<String>(text).ok()?, out),
        // Numbers as they were written, and words.
        _ => out.extend_from_slice(text.as_bytes()),
    }
    Some(())
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            '\u{8}' => out.extend(b"\\b"),
            '\u{c}' => out.extend(b"\\f"),
            c if c < ' ' || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.extend(format!("\\u{:04x}", u32::from(c)).bytes());
            }
            c => out.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_counts_and_not_how_it_is_written() {
        let text =
            "{ \"b\": [1.50, true , null],\n \"a\": {\"<\": \"\\u2028\\u00e9\\u0001\\/\"}, \"\": 1e3 }";
        let wanted = "{\"\":1e3,\"a\":{\"<\":\"\\u2028é\\u0001/\"},\"b\":[1.50,true,null]}";
        assert_eq!(String::from_utf8(written_out(text.as_bytes()).unwrap()).unwrap(), wanted);
        let digest = of("a/data.json", text.as_bytes(), "SHA-256").unwrap();
        assert_eq!(digest, of("a.rego", wanted.as_bytes(), "SHA-256").unwrap());
        assert_ne!(digest, of("a.rego", text.as_bytes(), "SHA-256").unwrap());
        assert!(of("data.json", b"{", "SHA-256").is_err());
        assert!(of("a.rego", b"", "MD5").unwrap_err().contains("`MD5` is not one of"));
    }
}
