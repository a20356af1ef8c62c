//! Builtins that no policy may use.
//!
//! Some see the world, so that a decision could not be made again: the clock, chance, the network, the host. Some
//! do in one step, which the timer cannot interrupt, what takes seconds or gigabytes. The evaluator has a few of
//! these even though their features are off.

/// The whole name, or a beginning that ends in a dot.
const BANNED: [&str; 23] = [
    "bits.lsh",
    "graph.",
    "http.",
    "json.match_schema",
    "net.cidr_expand",
    "net.lookup_ip_addr",
    "numbers.range",
    "numbers.range_step",
    "opa.runtime",
    "rand.",
    "regex.find_all_string_submatch_n",
    "regex.find_n",
    "regex.replace",
    "regex.split",
    "regex.template_match",
    "rego.parse_module",
    "replace",
    "strings.count",
    "strings.render_template",
    "strings.replace_n",
    "time.now_ns",
    "uuid.",
    "yaml.",
];

/// Whether a policy may not call this builtin.
pub(crate) fn banned(name: &str) -> bool {
    BANNED.iter().any(|banned| name == *banned || (banned.ends_with('.') && name.starts_with(banned)))
}

/// What other evaluators of Rego have, and this one does not: the whole name, or a beginning that ends in a dot.
const ABSENT: [&str; 17] = [
    "all",
    "any",
    "array.flatten",
    "cast_array",
    "crypto.",
    "graphql.",
    "io.jwt.",
    "json.verify_schema",
    "net.cidr_contains_matches",
    "net.cidr_intersects",
    "net.cidr_merge",
    "providers.aws.",
    "re_match",
    "regex.globs_match",
    "rego.metadata.",
    "set_diff",
    "walk",
];

/// Whether authors may know this builtin from elsewhere.
pub(crate) fn absent(name: &str) -> bool {
    ABSENT.iter().any(|absent| name == *absent || (absent.ends_with('.') && name.starts_with(absent)))
}

/// Whether a `sprintf` format asks for a width or a precision, which can be in the millions.
pub(super) fn has_width(format: &str) -> bool {
    format
        .replace("%%", "")
        .split('%')
        .skip(1)
        .any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}
