//! What was to be reached (`DESIGN.md` §10), beside what was measured.

/// The aims that a run could judge.
#[derive(Default)]
pub(super) struct Aims(Vec<Aim>);

struct Aim {
    what: String,
    reach: &'static str,
    measured: String,
    met: bool,
}

impl Aims {
    /// At most so much was to be used.
    pub(super) fn at_most(
        &mut self,
        what: String,
        reach: &'static str,
        most: f64,
        measured: f64,
        unit: &str,
    ) {
        self.0.push(Aim { what, reach, measured: format!("{measured:.2}{unit}"), met: measured <= most });
    }

    /// At least so much was to be done.
    pub(super) fn at_least(
        &mut self,
        what: String,
        reach: &'static str,
        least: f64,
        measured: f64,
        unit: &str,
    ) {
        self.0.push(Aim { what, reach, measured: format!("{measured:.2}{unit}"), met: measured >= least });
    }

    /// Prints them as a table.
    pub(super) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        println!("\n## What was to be reached\n\n| what | reach | measured | |\n|---|---|---|---|");
        for Aim { what, reach, measured, met } in &self.0 {
            println!("| {what} | {reach} | {measured} | {} |", if *met { "met" } else { "NOT met" });
        }
    }
}
