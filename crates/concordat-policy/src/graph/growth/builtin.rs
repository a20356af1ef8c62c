//! How much larger than its arguments the value of a builtin can be.

use regorus::unstable::{Expr, Ref};

use super::size::{LEAF, Size, Value};

/// Those that give one word, number or yes, whatever is asked about.
const PLAIN: [&str; 30] = [
    "base64.is_valid",
    "contains",
    "count",
    "endswith",
    "glob.match",
    "indexof",
    "json.is_valid",
    "net.cidr_contains",
    "net.cidr_is_valid",
    "object.subset",
    "print",
    "regex.is_valid",
    "regex.match",
    "semver.compare",
    "semver.is_valid",
    "startswith",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "time.add_date",
    "time.clock",
    "time.date",
    "time.diff",
    "time.parse_duration_ns",
    "time.parse_ns",
    "time.parse_rfc3339_ns",
    "time.weekday",
    "trace",
    "type_name",
    "units.parse",
    "units.parse_bytes",
];

/// The value of a builtin for these arguments.
pub(super) fn value(name: &str, params: &[Ref<Expr>], of: &[Value]) -> Value {
    let first = |sizes: &[Size]| sizes.first().cloned().unwrap_or_default();
    let sum = |factor: f64| Value::sum(&of.iter().map(|one| times(one, factor)).collect::<Vec<_>>());
    match name {
        _ if PLAIN.contains(&name) => Size::of(64.0).into(),
        _ if name.starts_with("is_") => Value::leaf(),
        // Parts of the first argument.
        "array.slice" | "object.remove" | "object.filter" | "json.filter" | "json.remove" | "substring"
        | "trim" | "trim_left" | "trim_right" | "trim_prefix" | "trim_suffix" => Value::made(of, first),
        "object.get" => Value::made(of, |sizes| match sizes {
            [object, _, default, ..] => object.or(default),
            _ => Size::default(),
        }),
        // A byte becomes several, at worst.
        "hex.encode"
        | "base64.encode"
        | "base64url.encode"
        | "base64url.encode_no_pad"
        | "glob.quote_meta"
        | "sprintf" => sum(2.0),
        "upper" | "lower" | "urlquery.encode" | "urlquery.encode_object" | "split" | "json.unmarshal" => {
            sum(4.0)
        }
        "json.marshal" => sum(6.0),
        // The one stands between any two of the other.
        "concat" => Value::made(of, |sizes| match sizes {
            [between, list] => between.each(&list.times(1.0 / LEAF)).and(list),
            _ => Size::default(),
        }),
        "json.marshal_with_options" => Value::made(of, |sizes| match sizes {
            [value, options] => value.times(1.0 / LEAF).each(options).and(&value.times(6.0)),
            _ => Size::default(),
        }),
        // What is computed was told: it could copy as often as it likes.
        "json.patch" => match params.get(1).and_then(|operations| copies(operations)) {
            Some(copies) => sum(2.0_f64.powi(copies)),
            None => Size::told().into(),
        },
        _ => sum(1.0),
    }
}

/// Whether this is a patch whose operations are not written out.
pub(super) fn is_computed_patch(name: &str, params: &[Ref<Expr>]) -> bool {
    name == "json.patch" && params.get(1).is_some_and(|operations| copies(operations).is_none())
}

fn times(value: &Value, factor: f64) -> Value {
    Value::made(std::slice::from_ref(value), |sizes| {
        sizes.first().map_or_else(Size::default, |size| size.times(factor))
    })
}

/// How often a patch that is written out takes the document, or a part of it, twice; none where it is computed.
fn copies(operations: &Expr) -> Option<i32> {
    let Expr::Array { items, .. } = operations else { return None };
    let mut copies = 0;
    for item in items {
        let Expr::Object { fields, .. } = item.as_ref() else { return None };
        let word = |expr: &Expr| match expr {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                value.as_string().ok().map(ToString::to_string)
            }
            _ => None,
        };
        let op = fields.iter().find(|(_, key, _)| word(key).as_deref() == Some("op"));
        copies += i32::from(word(op?.2.as_ref())? == "copy");
    }
    Some(copies)
}
