//! What an agent says, made safe to show in a terminal, a log line or a page.

/// `text` on one line, without control, direction-changing or invisible characters, at most `longest` characters.
pub(crate) fn tame(text: &str, longest: usize) -> String {
    let mut tamed = String::new();
    // Hidden characters are dropped before the cut; twice the length bounds the work on a text of nothing else.
    let visible = text.chars().take(longest.saturating_mul(2)).filter(|c| !is_hidden(*c)).take(longest);
    for character in visible {
        let character = if character.is_whitespace() || character.is_control() { ' ' } else { character };
        if character != ' ' || !tamed.ends_with(' ') {
            tamed.push(character);
        }
    }
    tamed.trim().to_owned()
}

/// Characters that change how others are shown, or are not shown at all.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::tame;

    #[test]
    fn sayings_are_tamed() {
        for (text, shown) in [
            ("not enough funds", "not enough funds"),
            ("a\r\nlevel=error msg=forged", "a level=error msg=forged"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("evil\u{202e}gpj.exe", "evilgpj.exe"),
            ("a\u{200b}b\u{feff}c\u{2028}d", "abc d"),
            ("  spaces \t\t here  ", "spaces here"),
            ("\u{0}", ""),
            ("<script>", "<script>"),
        ] {
            assert_eq!(tame(text, 500), shown);
        }
    }

    #[test]
    fn sayings_are_short() {
        assert_eq!(tame(&"\u{e4}".repeat(10_000), 500).chars().count(), 500);
        assert_eq!(tame(&"\u{200b}".repeat(1_000_000), 500), "");
    }
}
