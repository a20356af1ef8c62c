//! A shop: what it offers, and what sending costs.

use concordat_model::digest::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};

pub(super) fn skills() -> Vec<Skill> {
    let domain = "e-commerce";
    vec![
        Skill::new(
            domain,
            "update_catalog",
            "Takes valid items into the catalogue and says what is wrong with the others",
            json!({"items": [{"sku": "mug-1", "name": "Mug", "price_cents": 1290}, {"sku": "mug-1", "name": "Mug", "price_cents": 990}]}),
            update_catalog,
        ),
        Skill::new(
            domain,
            "quote_shipping",
            "Quotes what sending items costs and how long it takes",
            json!({"country": "DE", "items": [{"sku": "mug-1", "grams": 450, "quantity": 4}]}),
            quote_shipping,
        ),
        Skill::new(
            domain,
            "sum_quotes",
            "Adds shipping quotes up, and says which are missing",
            json!({"quotes": [{"price_cents": 610, "days": 2}, null, {"price_cents": 1110, "days": 4}]}),
            sum_quotes,
        ),
    ]
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Item {
    #[schemars(length(min = 1, max = 100))]
    sku: String,
    #[schemars(length(max = 500))]
    name: String,
    #[schemars(range(max = 1_000_000_000))]
    price_cents: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Update {
    #[schemars(length(min = 1, max = 10_000))]
    items: Vec<Item>,
}

#[derive(Serialize, JsonSchema)]
struct Rejected {
    sku: String,
    why: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Catalog {
    /// The digest of the accepted items, in the order of their numbers.
    revision: String,
    accepted: usize,
    rejected: Vec<Rejected>,
}

fn update_catalog(asked: Update, _: &mut Books) -> Result<Catalog, Failure> {
    let mut accepted = std::collections::BTreeMap::new();
    let mut rejected = Vec::new();
    for item in asked.items {
        let why = if item.name.trim().is_empty() {
            "it has no name"
        } else if item.price_cents == 0 {
            "it has no price"
        } else if accepted.contains_key(&item.sku) {
            "its number was given twice"
        } else {
            accepted.insert(item.sku.clone(), item);
            continue;
        };
        rejected.push(Rejected { sku: item.sku, why });
    }
    let revision = Digest::of_json(&accepted).map_err(|why| Failure::Declined(why.to_string()))?;
    Ok(Catalog { revision: revision.to_string(), accepted: accepted.len(), rejected })
}

#[derive(Deserialize, JsonSchema)]
struct Parcel {
    #[schemars(length(min = 1, max = 100))]
    sku: String,
    #[schemars(range(min = 1, max = 1_000_000))]
    grams: u64,
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default = "one")]
    quantity: u64,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize, JsonSchema)]
struct Ship {
    /// Two capital letters, ISO 3166.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    country: String,
    #[schemars(length(min = 1, max = 1000))]
    items: Vec<Parcel>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Quote {
    price_cents: u64,
    days: u64,
    grams: u64,
    /// The kinds of items that are sent.
    items: Vec<String>,
}

/// Beyond this weight nothing is sent, in grams.
const HEAVIEST: u64 = 100_000;

fn quote_shipping(asked: Ship, _: &mut Books) -> Result<Quote, Failure> {
    let grams: u64 = asked.items.iter().map(|parcel| parcel.grams * parcel.quantity).sum();
    if grams > HEAVIEST {
        return Err(Failure::Declined(format!("{grams} g are beyond the {HEAVIEST} g that are sent")));
    }
    let (base, a_kilogram, days) = match asked.country.as_str() {
        "DE" => (490, 60, 2),
        "AT" | "BE" | "DK" | "ES" | "FR" | "IT" | "NL" | "PL" | "SE" => (990, 120, 4),
        _ => (1990, 600, 9),
    };
    let price_cents = base + a_kilogram * grams.div_ceil(1000);
    Ok(Quote { price_cents, days, grams, items: asked.items.into_iter().map(|parcel| parcel.sku).collect() })
}

#[derive(Deserialize, JsonSchema)]
struct Quoted {
    #[schemars(range(max = 1_000_000_000))]
    price_cents: u64,
    #[schemars(range(max = 1000))]
    days: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Sum {
    #[schemars(length(max = 1000))]
    quotes: Vec<Option<Quoted>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Total {
    price_cents: u64,
    /// As long as the slowest takes.
    days: u64,
    /// The places of the quotes that are missing.
    missing: Vec<usize>,
}

fn sum_quotes(asked: Sum, _: &mut Books) -> Result<Total, Failure> {
    let Sum { quotes } = asked;
    let quoted = || quotes.iter().flatten();
    let missing = quotes.iter().enumerate().filter(|(_, quote)| quote.is_none()).map(|(nth, _)| nth);
    Ok(Total {
        price_cents: quoted().map(|quote| quote.price_cents).sum(),
        days: quoted().map(|quote| quote.days).max().unwrap_or(0),
        missing: missing.collect(),
    })
}
