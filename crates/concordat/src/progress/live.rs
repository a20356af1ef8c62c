//! Draws progress to standard error: redrawn in place on a terminal, line by line elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Progress, Told};

/// The most lines that are redrawn in place; more contracts than that are told line by line.
const MOST_LINES: usize = 30;

/// The view of some contracts that are watched together.
pub struct Live {
    contracts: Vec<Progress>,
    view: Option<View>,
}

struct View {
    screen: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Live {
    /// A view that suits where standard error leads.
    #[must_use]
    pub fn new(contracts: Vec<Progress>) -> Live {
        let lines: usize = contracts.iter().map(|one| one.lines().len()).sum();
        let view = (stderr().is_terminal() && lines <= MOST_LINES).then(|| View {
            screen: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            bars: Vec::new(),
        });
        let mut live = Live { contracts, view };
        live.draw();
        live
    }

    /// Takes in one record of the contract at this place.
    pub fn tell(&mut self, nth: usize, told: &Told) {
        let several = self.contracts.len() > 1;
        let Some(contract) = self.contracts.get_mut(nth) else { return };
        let sentence = contract.apply(told);
        if self.view.is_some() {
            self.draw();
        } else if let Some(sentence) = sentence {
            let label = if several { format!("{}  ", contract.label()) } else { String::new() };
            let time = told.time.get(11..19).unwrap_or("");
            // Whoever closed standard error does not want to hear it.
            let _ = writeln!(anstream::stderr(), "{time}  {label}{sentence}");
        }
    }

    /// Whether every contract is over.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.contracts.iter().all(Progress::ended)
    }

    /// Leaves the view as it stands, so that what is printed next comes below it.
    pub fn finish(self) {
        for bar in self.view.into_iter().flat_map(|view| view.bars) {
            bar.abandon();
        }
    }

    fn draw(&mut self) {
        let Some(view) = &mut self.view else { return };
        let lines: Vec<String> = self.contracts.iter().flat_map(Progress::lines).collect();
        while view.bars.len() < lines.len() {
            let bar = view.screen.add(ProgressBar::new_spinner());
            // A line that is wider than the terminal is cut: wrapped, it could not be redrawn.
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                bar.set_style(style);
            }
            view.bars.push(bar);
        }
        for (bar, line) in view.bars.iter().zip(lines) {
            bar.set_message(line);
        }
        if let Some(bar) = view.bars.first() {
            // The screen limits how often it draws; a tick in the future shows what it left out.
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    }
}
