//! Shares and scores as whole numbers.
//!
//! Records hold no floating point numbers, so that two machines never disagree about a byte.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A share of one in basis points: 0 to 10,000, where 10,000 is certainty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Share(u16);

impl Share {
    /// Nothing at all.
    pub const ZERO: Share = Share(0);
    /// The whole.
    pub const ONE: Share = Share(10_000);

    /// A share of so many basis points; the whole, where they are more than that.
    #[must_use]
    pub const fn points_of(points: u16) -> Share {
        if points > 10_000 { Share::ONE } else { Share(points) }
    }

    /// The share nearest to `fraction`; what lies outside 0 to 1, or is not a number, becomes the nearer end.
    #[must_use]
    pub fn of(fraction: f64) -> Share {
        let points = (fraction * 10_000.0).round();
        // A float cast saturates, and turns "not a number" into zero.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just here")]
        Share(points.clamp(0.0, 10_000.0) as u16)
    }

    /// The number of basis points, 0 to 10,000.
    #[must_use]
    pub fn points(self) -> u16 {
        self.0
    }

    /// The share as a fraction from 0 to 1.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

/// A number of basis points above 10,000.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a share: basis points go from 0 to 10000")]
pub struct NotAShare(u16);

impl TryFrom<u16> for Share {
    type Error = NotAShare;

    fn try_from(points: u16) -> Result<Share, NotAShare> {
        if points <= 10_000 { Ok(Share(points)) } else { Err(NotAShare(points)) }
    }
}

impl From<Share> for u16 {
    fn from(share: Share) -> u16 {
        share.0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 10_000, (self.0 % 10_000) / 100)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": 0,
            "maximum": 10_000,
            "description": "a share of one in basis points"
        })
    }
}
