//! In what two documents differ, place by place, for people to look at.

use serde_json::{Map, Value};

use crate::api::agents::Difference;

/// Every place in which the second differs from the first, in the order of the places.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(path: String, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let members = before.and_then(members).zip(after.and_then(members));
    let Some((left, right)) = members else {
        found.push(Difference { path, before: before.cloned(), after: after.cloned() });
        return;
    };
    let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let place = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        compare(place, left.get(name), right.get(name), found);
    }
}

/// The members of an object, or of a list whose items all have names: their order says nothing.
fn members(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members.clone()),
        Value::Array(items) if !items.is_empty() => {
            let named = |item: &Value| Some((item.get("name")?.as_str()?.to_owned(), item.clone()));
            items.iter().map(named).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_told_with_its_place() {
        let before =
            json!({"owner": "o", "domains": ["a"], "skills": [{"name": "x"}, {"name": "y", "output": {}}]});
        let after = json!({"owner": "o", "domains": ["b"], "skills": [{"name": "y", "output": {"type": "object"}}], "tags": ["t"]});
        let told = differences(&before, &after);
        let places: Vec<&str> = told.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(places, ["/domains", "/skills/x", "/skills/y/output/type", "/tags"]);
        assert_eq!((&told[0].before, &told[0].after), (&Some(json!(["a"])), &Some(json!(["b"]))));
        assert_eq!((&told[1].after, &told[3].before), (&None, &None));
        assert!(differences(&before, &before).is_empty());
    }
}
