//! Syslog's own frame (RFC 5424) around a record in another form: priority, time, who, what, and where in the log.

use super::{Leaf, Weight};

/// Facility 13, "log audit".
const FACILITY: u8 = 13;
/// A name for our parameters. The number is the one that RFC 5612 keeps for whoever has none of their own.
const PARAMETERS: &str = "concordat@32473";
/// The longest name of a type that syslog takes.
const MOST_TYPE: usize = 32;

/// Everything of a message but its text, with the space at its end.
pub(super) fn header(leaf: &Leaf<'_>) -> String {
    let record = leaf.record;
    let severity = if leaf.weight() == Weight::Odd { 4 } else { 6 };
    let priority = FACILITY * 8 + severity;
    let source = record.source();
    let host = word(source.strip_prefix("concordat/").unwrap_or(source), 255);
    let parameters = [
        ("index", leaf.index.to_string()),
        ("id", record.id().to_owned()),
        ("type", record.kind().to_owned()),
        ("subject", record.subject().to_owned()),
        ("leaf", record.leaf().to_string()),
    ];
    let parameters: String =
        parameters.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect();
    let (time, kind) = (record.time(), word(record.kind(), MOST_TYPE));
    format!("<{priority}>1 {time} {host} concordat - {kind} [{PARAMETERS}{parameters}] ")
}

/// A word of the header: printable ASCII, and a dash for nothing.
fn word(text: &str, most: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_before_its_end() {
        assert_eq!(escaped(r#"a"]\b"#), r#"a\"\]\\b"#);
        assert_eq!(word("a b\né", 2), "ab");
        assert_eq!(word("é", 9), "-");
    }
}
