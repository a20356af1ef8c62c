//! A report as a paper: PDF/A-2b, so that it looks the same in ten years, with its font in it and nothing from outside.
//!
//! The same report gives the same bytes: the only date in it is that of the last record.
//!
//! ```text
//!   Report ──flow──▶ pages of ink ──▶ krilla ──▶ bytes
//!              └── letters: how wide a text is, and where it breaks
//! ```

mod flow;
mod ink;
mod letters;

use crate::report::Report;

/// The paper.
///
/// # Errors
/// When it cannot be drawn.
pub fn paper(report: &Report) -> Result<Vec<u8>, String> {
    let letters = letters::Letters::new().ok_or("the font cannot be read")?;
    let sheets = flow::sheets(report, &letters);
    ink::print(report, &sheets)
}
