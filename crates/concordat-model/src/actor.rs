//! Who did what a record tells, read from the names of its members: one answer for search, exports and reports.
//!
//! It reads records of every age, so it goes by where people stand in them and not by today's form of each event.

use serde_json::Value;

/// Where a record names who did it. Not `/principal`: that is whom a key is for.
const PLACES: [&str; 6] =
    ["/by/name", "/by", "/submitter/name", "/requested_by/name", "/author", "/cause/by"];

/// Who did it, as far as the data of a record says.
#[must_use]
pub fn actor(data: &Value) -> Option<&str> {
    PLACES.iter().find_map(|place| data.pointer(place)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_one_who_did_it_is_found() {
        for (data, wanted) in [
            (json!({"by": "ada"}), Some("ada")),
            (json!({"by": {"name": "sam"}}), Some("sam")),
            (json!({"submitter": {"name": "sam"}, "author": "eve"}), Some("sam")),
            (json!({"cause": {"by": "rea"}}), Some("rea")),
            (json!({"event": "created", "principal": {"name": "eve"}}), None),
            (json!({"by": 7}), None),
        ] {
            assert_eq!(actor(&data), wanted, "{data}");
        }
    }
}
