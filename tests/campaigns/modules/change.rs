//! Changes text at random, in pieces that a parser would call tokens.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// One of these files, changed once or a few times.
pub(super) fn changed(sources: &[(String, String)], chance: &mut ChaCha8Rng) -> Option<(String, Vec<u8>)> {
    let (path, text) = any(sources, chance)?;
    let mut tokens: Vec<String> = tokens(text);
    // Half of them stay close to what can be read, so that it is not only the parser who is asked.
    if chance.random_bool(0.5) {
        for _ in 0..chance.random_range(1..=3) {
            readable(&mut tokens, chance)?;
        }
        return Some((path.clone(), tokens.concat().into()));
    }
    for _ in 0..chance.random_range(1..=4) {
        change(&mut tokens, sources, chance)?;
    }
    let mut bytes: Vec<u8> = tokens.concat().into();
    if chance.random_bool(0.2) && !bytes.is_empty() {
        let at = chance.random_range(0..bytes.len());
        bytes.insert(at, chance.random());
    }
    Some((path.clone(), bytes))
}

fn any<'a, T>(of: &'a [T], chance: &mut ChaCha8Rng) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(chance.random_range(0..of.len())) }
}

/// Words, and everything else by itself.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if word && in_word => last.push(c),
            _ => tokens.push(c.to_string()),
        }
        in_word = word;
    }
    tokens
}

/// Words and signs that take each other's place without changing how the text is read.
const ALIKE: [&[&str]; 4] = [
    &["==", "!=", "<", "<=", ">", ">="],
    &["true", "false", "null", "0", "1", "999999999999", "\"\"", "[]", "{}", "set()"],
    &["count", "json.marshal", "to_number", "upper", "max", "sum", "hex.encode", "object.keys"],
    &["\"permit\"", "\"deny\"", "\"review\""],
];

/// Puts a word in the place of one like it, or leaves out or doubles a line.
fn readable(tokens: &mut Vec<String>, chance: &mut ChaCha8Rng) -> Option<()> {
    let mut text = tokens.concat();
    let found: Vec<(usize, &str, &[&str])> = ALIKE
        .iter()
        .flat_map(|alike| alike.iter().map(move |one| (one, alike)))
        .flat_map(|(one, alike)| text.match_indices(one).map(|(at, found)| (at, found, *alike)))
        .collect();
    match any(&found, chance).filter(|_| chance.random_bool(0.6)) {
        Some((at, old, alike)) => {
            let range = *at..*at + old.len();
            text.replace_range(range, any(alike, chance)?);
        }
        None => {
            let mut lines: Vec<&str> = text.lines().collect();
            let at = chance.random_range(0..lines.len().max(1));
            let line = lines.get(at).copied().unwrap_or_default();
            if chance.random_bool(0.5) {
                lines.insert(at, line);
            } else if at < lines.len() {
                lines.remove(at);
            }
            text = lines.join("\n") + "\n";
        }
    }
    *tokens = self::tokens(&text);
    Some(())
}

/// What something is put into.
const AROUND: [(&str, &str); 9] = [
    ("[", "]"),
    ("{", "}"),
    ("(", ")"),
    ("[x | x := ", "]"),
    ("{x | some x in ", "}"),
    ("not ", ""),
    ("concat(\"\", [", "])"),
    ("json.marshal(", ")"),
    ("[[[[", "]]]]"),
];

fn change(tokens: &mut Vec<String>, sources: &[(String, String)], chance: &mut ChaCha8Rng) -> Option<()> {
    if tokens.is_empty() {
        return Some(());
    }
    let at = chance.random_range(0..tokens.len());
    let other = chance.random_range(0..tokens.len());
    let end = (at + chance.random_range(1..=12)).min(tokens.len());
    match chance.random_range(0..7) {
        0 => tokens.swap(at, other),
        1 => drop(tokens.drain(at..end)),
        2 => {
            let part: Vec<String> = tokens.get(at..end)?.to_vec();
            let times = if chance.random_range(0..4) == 0 { 40 } else { 1 };
            let parts: Vec<String> = std::iter::repeat_n(part, times).flatten().collect();
            tokens.splice(other..other, parts);
        }
        3 => {
            let (before, behind) = *any(&AROUND, chance)?;
            tokens.insert(end, behind.to_owned());
            tokens.insert(at, before.to_owned());
        }
        4 => {
            let text = self::tokens(&any(sources, chance)?.1);
            let from = chance.random_range(0..text.len().max(1));
            let part = text.into_iter().skip(from).take(chance.random_range(1..200));
            tokens.splice(at..at, part);
        }
        5 => {
            // One word in the place of another keeps the rest readable.
            let word = any(tokens, chance)?.clone();
            let place = tokens.iter_mut().skip(at).find(|token| token.chars().all(char::is_alphanumeric));
            place.into_iter().for_each(|place| place.clone_from(&word));
        }
        _ => {
            // A whole line once more.
            let lines: Vec<String> = tokens.concat().lines().map(str::to_owned).collect();
            let line = any(&lines, chance)?.clone();
            tokens.push(format!("\n{line}\n"));
        }
    }
    Some(())
}
