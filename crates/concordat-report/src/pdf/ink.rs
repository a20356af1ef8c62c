//! Ink on sheets, and how it is printed.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

use super::letters::FONT;
use crate::report::Report;

/// The width of a sheet of A4, in points.
pub(super) const WIDE: f32 = 595.0;
/// Its height.
pub(super) const HIGH: f32 = 842.0;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

/// Something on a sheet.
#[derive(Debug, Clone)]
pub(super) enum Ink {
    Text { x: f32, y: f32, size: f32, bold: bool, colour: Colour, text: String },
    Box { x: f32, y: f32, width: f32, height: f32, colour: Colour },
}

/// Sheets, and where their sections begin.
#[derive(Debug, Default)]
pub(super) struct Sheets {
    pub(super) sheets: Vec<Vec<Ink>>,
    pub(super) sections: Vec<(String, usize, f32)>,
}

/// The sheets as PDF/A-2b.
pub(super) fn print(report: &Report, sheets: &Sheets) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let font = Font::new(FONT.into(), 0).ok_or("the font cannot be read")?;
    for sheet in &sheets.sheets {
        let settings = PageSettings::from_wh(WIDE, HIGH).ok_or("there is no such paper")?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        sheet.iter().for_each(|ink| draw(&mut surface, &font, ink));
        surface.finish();
        page.finish();
    }
    let mut outline = Outline::new();
    for (title, sheet, y) in &sheets.sections {
        let place = XyzDestination::new(*sheet, Point::from_xy(0.0, *y));
        outline.push_child(OutlineNode::new(title.clone(), place));
    }
    document.set_outline(outline);
    document.set_metadata(metadata(report));
    document.finish().map_err(|error| format!("{error:?}"))
}

/// The date is that of the last record: a date of today would make each paper another one.
fn metadata(report: &Report) -> Metadata {
    let last = report.scope.ended.as_deref().and_then(|time| time.parse::<Timestamp>().ok());
    let at = last.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or(1970))
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let about = report.scope.checkpoint.as_ref().map(|signed| signed.note.clone()).unwrap_or_default();
    let id = format!("{} {} {} {about}", report.template, report.scope.first, report.scope.end);
    Metadata::new()
        .title(report.title.clone())
        .creator("Concordat".to_owned())
        .language("en".to_owned())
        .creation_date(date)
        .document_id(id)
}

fn draw(surface: &mut Surface<'_>, font: &Font, ink: &Ink) {
    match ink {
        Ink::Text { x, y, size, bold, colour, text } => {
            surface.set_fill(Some(fill(*colour)));
            // The font has one weight; a thin outline makes the other.
            let outline = Stroke { paint: colour.paint(), width: size * 0.045, ..Stroke::default() };
            surface.set_stroke(bold.then_some(outline));
            surface.draw_text(Point::from_xy(*x, *y), font.clone(), *size, text, false, TextDirection::Auto);
        }
        Ink::Box { x, y, width, height, colour } => {
            let mut path = PathBuilder::new();
            let Some(rect) = Rect::from_xywh(*x, *y, *width, *height) else { return };
            path.push_rect(rect);
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*colour)));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

impl Colour {
    fn paint(self) -> krilla::paint::Paint {
        rgb::Color::new(self.0, self.1, self.2).into()
    }
}

fn fill(colour: Colour) -> Fill {
    Fill { paint: colour.paint(), ..Fill::default() }
}
