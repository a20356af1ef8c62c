//! Where a part of a module stands, and what its author wrote there.

use regorus::unstable::Span;

/// The column in characters, from 1; the evaluator counts a tab as four.
pub(super) fn column(span: &Span) -> u32 {
    let before = usize::try_from(span.start).ok().and_then(|start| span.source.get_contents().get(..start));
    let line = before.and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    let line = line.strip_suffix(['"', '`']).unwrap_or(line);
    u32::try_from(line.chars().count() + 1).unwrap_or(u32::MAX)
}

/// What a span covers; the parser's leaves out the quotes of a text at either end.
pub(super) fn written(span: &Span) -> &str {
    let whole = span.source.get_contents();
    let (Ok(mut start), Ok(mut end)) = (usize::try_from(span.start), usize::try_from(span.end)) else {
        return span.text();
    };
    let quoted = |c: Option<char>| matches!(c, Some('"' | '`'));
    if quoted(whole.get(..start).and_then(|before| before.chars().next_back())) {
        start -= 1;
    }
    if quoted(whole.get(end..).and_then(|after| after.chars().next())) {
        end += 1;
    }
    whole.get(start..end).unwrap_or_else(|| span.text())
}
