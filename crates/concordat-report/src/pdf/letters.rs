//! The letters: how wide a text is, where its lines break, and what stands for letters that the font has not.

use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};

/// The font of papers. It has Latin, Greek and Cyrillic letters.
pub(super) const FONT: &[u8] = epaint_default_fonts::UBUNTU_LIGHT;

/// The letters of a font, measured.
pub(super) struct Letters {
    charmap: skrifa::charmap::Charmap<'static>,
    widths: GlyphMetrics<'static>,
}

/// In this size letters are measured.
const MEASURED: f32 = 1000.0;

impl Letters {
    pub(super) fn new() -> Option<Letters> {
        let font = FontRef::new(FONT).ok()?;
        let widths = font.glyph_metrics(Size::new(MEASURED), LocationRef::default());
        Some(Letters { charmap: font.charmap(), widths })
    }

    /// A text of which every letter can be printed: others stand there by their number, and control characters not at
    /// all.
    pub(super) fn printable(&self, text: &str) -> String {
        let mut printable = String::with_capacity(text.len());
        for letter in text.chars() {
            if letter.is_control() {
                printable.push(' ');
            } else if self.charmap.map(letter).is_some_and(|glyph| glyph.to_u32() != 0) {
                printable.push(letter);
            } else {
                printable.push_str(&format!("(U+{:04X})", u32::from(letter)));
            }
        }
        printable
    }

    /// How wide a text is in this size.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let one = |letter| self.charmap.map(letter).and_then(|glyph| self.widths.advance_width(glyph));
        text.chars().filter_map(one).sum::<f32>() * size / MEASURED
    }

    /// The lines of a text, none wider than this. Words that are too wide are broken.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let text = self.printable(text);
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(&longer, size) <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for letter in word.chars() {
                line.push(letter);
                if self.width(&line, size) > width && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(letter);
                }
            }
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_not_wider_than_asked_and_lose_nothing() {
        let letters = Letters::new().unwrap();
        let text = "a word, then averyveryverylongwordwithoutanyspaceinit and Ελληνικά\tдом";
        let lines = letters.lines(text, 10.0, 80.0);
        assert!(lines.iter().all(|line| letters.width(line, 10.0) <= 80.0), "{lines:?}");
        let all = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        assert_eq!(all(&lines.concat()), all(text));
        assert_eq!(letters.printable("a\u{1f980}漢\n"), "a(U+1F980)(U+6F22) ");
        assert_eq!(letters.lines("", 10.0, 80.0), [""]);
    }
}
