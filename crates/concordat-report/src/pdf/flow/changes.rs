//! What policies changed, line by line, on paper.

use super::{Flow, INK, LEFT, RIGHT, ROOM, SOFT, tone};
use crate::report::{Change, Changed, Section, Tone};

/// The most lines of a file's diff on paper; the other forms have more.
const MOST_LINES: usize = 120;
/// The size of their letters.
const SIZE: f32 = 7.0;

pub(super) fn draw(flow: &mut Flow<'_>, section: &Section) {
    if section.changes.is_empty() {
        return;
    }
    flow.need(60.0);
    flow.gap(12.0);
    flow.y += 10.0;
    flow.put(LEFT, flow.y, 10.0, true, INK, "What changed, line by line");
    for change in &section.changes {
        self::change(flow, change);
    }
    if section.more_changes > 0 {
        let more = format!("{} more revisions are not shown; the list above has them.", section.more_changes);
        flow.paragraph(&more, 7.5, tone(Tone::Bad), LEFT, ROOM);
    }
}

fn change(flow: &mut Flow<'_>, change: &Change) {
    flow.need(48.0);
    flow.gap(8.0);
    flow.rule();
    flow.gap(3.0);
    flow.paragraph(&change.revision, 8.0, INK, LEFT, ROOM);
    let against = change.against.as_deref().map(|against| format!(" Compared with {against}."));
    let said =
        format!("{}. Leaf {}, {}.{}", change.people(), change.leaf, change.time, against.unwrap_or_default());
    flow.paragraph(&said, 7.5, SOFT, LEFT, ROOM);
    if let Some(note) = &change.note {
        flow.paragraph(note, 8.0, SOFT, LEFT, ROOM);
    }
    for file in &change.files {
        self::file(flow, file);
    }
}

fn file(flow: &mut Flow<'_>, file: &Changed) {
    flow.need(34.0);
    flow.gap(5.0);
    flow.y += 10.0;
    let title = format!("{}  +{} −{}", file.path, file.added, file.removed);
    flow.put(LEFT, flow.y, 8.0, true, INK, &title);
    flow.gap(2.0);
    for line in file.lines.iter().take(MOST_LINES) {
        let colour = match line.as_bytes().first() {
            Some(b'+') => tone(Tone::Good),
            Some(b'-') => tone(Tone::Bad),
            Some(b'@') => SOFT,
            _ => INK,
        };
        let depth = line.chars().skip(1).take_while(|letter| matches!(letter, ' ' | '\t')).count();
        let sign: String = line.chars().take(1).collect();
        // Whoever breaks lines drops the spaces before them, so the depth becomes a distance.
        let x = LEFT + 16.0 + 3.0 * f32::from(u16::try_from(depth.min(40)).unwrap_or(0));
        flow.need(SIZE * 1.35);
        if sign != "@" {
            flow.put(LEFT + 8.0, flow.y + SIZE * 1.05, SIZE, false, colour, &sign);
        }
        let text = if sign == "@" { line.as_str() } else { line.get(sign.len()..).unwrap_or_default() };
        if text.trim().is_empty() {
            flow.gap(SIZE * 1.35);
        } else {
            flow.paragraph(text.trim(), SIZE, colour, x, RIGHT - x);
        }
    }
    let more = file.more + file.lines.len().saturating_sub(MOST_LINES) as u64;
    if more > 0 {
        let more = format!("{more} more lines are not shown here; the bundles are in the evidence pack.");
        flow.paragraph(&more, 7.0, tone(Tone::Bad), LEFT + 8.0, ROOM - 8.0);
    }
}
