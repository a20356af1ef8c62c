//! Where in a text a JSON pointer leads.
//!
//! Only refusals need this, so the text is read a second time by a parser that reports positions; YAML's
//! serves for JSON too. A text that it cannot read gives a problem without a line, never another problem.

use serde_saphyr::granit_parser::{Event, Parser};

use crate::problem::{Problem, token};

/// The same problem with the line and column of its pointer, or of the nearest place above it.
#[must_use]
pub(crate) fn locate(text: &str, problem: Problem) -> Problem {
    if problem.line.is_some() {
        return problem;
    }
    match find(text, &problem.pointer) {
        Some((line, column)) => problem.on(line, column),
        None => problem,
    }
}

/// One open map or list on the way to the current place.
enum Level {
    List { next: usize },
    Map { name: Option<String> },
}

fn find(text: &str, pointer: &str) -> Option<(u64, u64)> {
    let mut levels: Vec<Level> = Vec::new();
    let mut nearest: Option<(usize, (u64, u64))> = None;
    for item in Parser::new_from_str(text) {
        let Ok((event, span)) = item else { break };
        let at = (span.start.line() as u64, span.start.col() as u64 + 1);
        match event {
            Event::Scalar(value, ..) => {
                if let Some(Level::Map { name: name @ None }) = levels.last_mut() {
                    *name = Some(value.into_owned());
                    // A member is reported at its name, where the eye looks for it.
                    better(&mut nearest, &levels, pointer, at);
                    continue;
                }
                better(&mut nearest, &levels, pointer, at);
                close(&mut levels);
            }
            Event::SequenceStart(..) => {
                better(&mut nearest, &levels, pointer, at);
                levels.push(Level::List { next: 0 });
            }
            Event::MappingStart(..) => {
                better(&mut nearest, &levels, pointer, at);
                levels.push(Level::Map { name: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                levels.pop();
                close(&mut levels);
            }
            _ => {}
        }
    }
    nearest.map(|(_, at)| at)
}

/// Remembers this place if it lies on the way to the pointer and deeper than the best one so far.
fn better(nearest: &mut Option<(usize, (u64, u64))>, levels: &[Level], pointer: &str, at: (u64, u64)) {
    let mut here = String::new();
    for level in levels {
        match level {
            Level::List { next } => here.push_str(&format!("/{next}")),
            Level::Map { name: Some(name) } => here.push_str(&format!("/{}", token(name))),
            Level::Map { name: None } => return,
        }
    }
    let on_the_way = pointer == here || pointer.strip_prefix(&here).is_some_and(|rest| rest.starts_with('/'));
    if on_the_way && nearest.is_none_or(|(depth, _)| levels.len() > depth) {
        *nearest = Some((levels.len(), at));
    }
}

/// A value has ended: its list moves on, its member is done.
fn close(levels: &mut [Level]) {
    match levels.last_mut() {
        Some(Level::List { next }) => *next += 1,
        Some(Level::Map { name }) => *name = None,
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn pointers_lead_to_lines() {
        let yaml = "spec:\n  steps:\n    - id: a\n      needs: [x, b]\n    - id: c\n";
        for (pointer, at) in [
            ("/spec/steps/0/needs/1", (4, 18)),
            ("/spec/steps/1/id", (5, 7)),
            ("/spec/steps/1/skill", (5, 7)),
            ("/spec/steps", (2, 3)),
            ("", (1, 1)),
        ] {
            assert_eq!(find(yaml, pointer), Some(at), "{pointer}");
        }
        assert_eq!(find("{\n \"a\": {\"b/c\": [1, 2]}}", "/a/b~1c/1"), Some((2, 19)));
    }
}
