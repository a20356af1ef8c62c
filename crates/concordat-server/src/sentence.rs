//! Small parts of sentences: numbers, lists, times.

use concordat_model::share::Share;
use jiff::Timestamp;

/// A share in percent, with one decimal where it has one.
pub(crate) fn percent(share: Share) -> String {
    let points = share.points();
    match points % 100 {
        0 => format!("{} %", points / 100),
        rest => format!("{}.{} %", points / 100, rest / 10),
    }
}

/// So many of something: `1 step`, `2 steps`.
pub(crate) fn piece(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// Names in a sentence: `` `a`, `b` and `c` ``.
pub(crate) fn listed(names: &[String]) -> String {
    and(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

/// Parts of a sentence, the last one joined with "and".
pub(crate) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The sentence with a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A time for people, to the second.
pub(crate) fn until(at: Timestamp) -> String {
    let text = format!("{at:.0}");
    text.trim_end_matches('Z').replace('T', " ") + " UTC"
}

/// How long something took.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_sentences() {
        let share = |points: u16| Share::try_from(points).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (told, wanted) in [
            (percent(share(9100)), "91 %"),
            (percent(share(9126)), "91.2 %"),
            (percent(Share::ONE), "100 %"),
            (piece(1, "step"), "1 step"),
            (piece(0, "step"), "0 steps"),
            (listed(&names(&["a", "b", "c"])), "`a`, `b` and `c`"),
            (and(&names(&["a"])), "a"),
            (capital("step"), "Step"),
            (until(Timestamp::from_second(60).unwrap()), "1970-01-01 00:01:00 UTC"),
            (duration(12), "12 ms"),
            (duration(1250), "1.2 s"),
            (duration(61_000), "1 min 1 s"),
        ] {
            assert_eq!(told, wanted);
        }
    }
}
