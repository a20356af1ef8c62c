//! Charts as shapes: HTML and PDF draw the same ones.

use crate::report::{Bar, Chart, Series, Tone};
use crate::words;

/// Shapes on a sheet, in points from its upper left corner.
#[derive(Debug, Clone, Default)]
pub struct Drawing {
    /// How wide the sheet is.
    pub width: f32,
    /// How high it is.
    pub height: f32,
    /// What is on it.
    pub shapes: Vec<Shape>,
}

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Box {
        /// Its left edge.
        x: f32,
        /// Its upper edge.
        y: f32,
        /// How wide it is.
        width: f32,
        /// How high it is.
        height: f32,
        /// Its colour.
        tone: Tone,
    },
    /// A thin line from left to right.
    Rule {
        /// Its left end.
        x: f32,
        /// Where it is.
        y: f32,
        /// How long it is.
        width: f32,
    },
    /// A text.
    Text {
        /// Where it begins, or ends when it is on the left of that.
        x: f32,
        /// Its base line.
        y: f32,
        /// The text.
        text: String,
        /// Whether it ends at `x` and not begins there.
        ends: bool,
    },
}

/// The size of letters.
pub const LETTERS: f32 = 9.0;

/// The chart as shapes.
#[must_use]
pub fn draw(chart: &Chart, width: f32) -> Drawing {
    match chart {
        Chart::Bars { bars, .. } => self::bars(bars, width),
        Chart::Columns { start, width: stretch, series, .. } => columns(*start, *stretch, series, width),
    }
}

/// The title of a chart.
#[must_use]
pub fn title(chart: &Chart) -> &str {
    match chart {
        Chart::Bars { title, .. } | Chart::Columns { title, .. } => title,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what is drawn need not be exact; the numbers stand beside it"
)]
fn ratio(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64) as f32 }
}

const LABELS: f32 = 120.0;
const NUMBERS: f32 = 56.0;
const LINE: f32 = 18.0;

fn bars(bars: &[Bar], width: f32) -> Drawing {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let room = width - LABELS - NUMBERS;
    let mut shapes = Vec::new();
    let mut y = 4.0;
    for bar in bars {
        // What is there at all can be seen.
        let long = (ratio(bar.count, most) * room).max(if bar.count > 0 { 1.5 } else { 0.0 });
        let base = y + LINE * 0.62;
        shapes.push(Shape::Text { x: LABELS - 8.0, y: base, text: bar.label.clone(), ends: true });
        shapes.push(Shape::Box { x: LABELS, y: y + 1.0, width: long, height: LINE - 6.0, tone: bar.tone });
        shapes.push(Shape::Text {
            x: LABELS + long + 5.0,
            y: base,
            text: words::grouped(bar.count),
            ends: false,
        });
        y += LINE;
    }
    Drawing { width, height: y + 2.0, shapes }
}

const HIGH: f32 = 96.0;
const LEFT: f32 = 44.0;

fn columns(start: i64, stretch: i64, series: &[Series], width: f32) -> Drawing {
    let count = series.iter().map(|layer| layer.counts.len()).max().unwrap_or(0);
    let at = |layer: &Series, column: usize| layer.counts.get(column).copied().unwrap_or(0);
    let sum = |column: usize| series.iter().map(|layer| at(layer, column)).sum::<u64>();
    let most = (0..count).map(sum).max().unwrap_or(0);
    let mut shapes = legend(series);
    let top = 22.0;
    let floor = top + HIGH;
    for (share, number) in [(0.0, most), (0.5, most / 2), (1.0, 0)] {
        let y = top + HIGH * share;
        shapes.push(Shape::Rule { x: LEFT, y, width: width - LEFT });
        shapes.push(Shape::Text { x: LEFT - 5.0, y: y + 3.0, text: words::grouped(number), ends: true });
    }
    let columns = u16::try_from(count.max(1)).unwrap_or(u16::MAX);
    let step = (width - LEFT) / f32::from(columns);
    let broad = (step * 0.8).min(36.0);
    let mut x = LEFT;
    for column in 0..count {
        let mut y = floor;
        for layer in series {
            let height = ratio(at(layer, column), most) * HIGH;
            if height > 0.0 {
                y -= height;
                let x = x + (step - broad) / 2.0;
                shapes.push(Shape::Box { x, y, width: broad, height, tone: layer.tone });
            }
        }
        x += step;
    }
    let columns = i64::try_from(count).unwrap_or(i64::MAX);
    let end = start.saturating_add(stretch.saturating_mul(columns));
    let labels = floor + 14.0;
    let each = words::time(u64::try_from(stretch).unwrap_or(0).saturating_mul(1000));
    let text = format!("{} UTC, {each} a column", words::moment(start));
    shapes.push(Shape::Text { x: LEFT, y: labels, text, ends: false });
    shapes.push(Shape::Text {
        x: width,
        y: labels,
        text: format!("until {}", words::moment(end)),
        ends: true,
    });
    Drawing { width, height: labels + 6.0, shapes }
}

fn legend(series: &[Series]) -> Vec<Shape> {
    let mut x = LEFT;
    let mut shapes = Vec::new();
    for layer in series {
        shapes.push(Shape::Box { x, y: 2.0, width: 9.0, height: 9.0, tone: layer.tone });
        shapes.push(Shape::Text { x: x + 13.0, y: 10.0, text: layer.label.to_owned(), ends: false });
        let letters = u16::try_from(layer.label.len()).unwrap_or(0);
        x += 34.0 + f32::from(letters) * LETTERS * 0.5;
    }
    shapes
}
