//! The inputs' JSON Schemas, for policy authors and for `opa check --schema`.

use concordat_model::decision::Gate;
use schemars::{Schema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AccessInput, AdmitInput, DispatchInput, EnrollInput, PromoteInput, ReleaseInput};

/// The JSON Schema (2020-12) of what a gate is told.
#[must_use]
pub fn schema(gate: Gate) -> Schema {
    match gate {
        Gate::Access => schema_for!(AccessInput),
        Gate::Admit => schema_for!(AdmitInput),
        Gate::Dispatch => schema_for!(DispatchInput),
        Gate::Release => schema_for!(ReleaseInput),
        Gate::Enroll => schema_for!(EnrollInput),
        Gate::Promote => schema_for!(PromoteInput),
    }
}

/// The same input as the gate's own type writes it, if it can be read as that: what a gate can be told, exactly.
pub(crate) fn normal(gate: Gate, input: serde_json::Value) -> Option<serde_json::Value> {
    match gate {
        Gate::Access => again::<AccessInput>(input),
        Gate::Admit => again::<AdmitInput>(input),
        Gate::Dispatch => again::<DispatchInput>(input),
        Gate::Release => again::<ReleaseInput>(input),
        Gate::Enroll => again::<EnrollInput>(input),
        Gate::Promote => again::<PromoteInput>(input),
    }
}

fn again<I: Serialize + DeserializeOwned>(input: serde_json::Value) -> Option<serde_json::Value> {
    serde_json::to_value(serde_json::from_value::<I>(input).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value;

    use super::*;

    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> =
                    members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
                members.sort_by(|one, other| one.0.cmp(&other.0));
                Value::Object(members.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
            other => other,
        }
    }

    fn any(value: &Value, wanted: &dyn Fn(&Value) -> bool) -> bool {
        let inner = match value {
            Value::Object(members) => members.values().any(|value| any(value, wanted)),
            Value::Array(items) => items.iter().any(|value| any(value, wanted)),
            _ => false,
        };
        inner || wanted(value)
    }

    /// `UPDATE=1 cargo test -p concordat-policy` writes the schemas anew.
    #[test]
    fn the_published_schemas_are_current() {
        for gate in Gate::ALL {
            let path =
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../policies/schema/{gate}.json"));
            let wanted = format!("{:#}\n", sorted(schema(gate).to_value()));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &wanted).unwrap();
            }
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(found == wanted, "{} is stale: run the tests once with UPDATE=1", path.display());
        }
    }

    #[test]
    fn no_input_holds_a_float_or_takes_an_unknown_member() {
        for gate in Gate::ALL {
            let schema = schema(gate).to_value();
            assert!(
                !any(&schema, &|value| value.get("type") == Some(&Value::from("number"))),
                "{gate} has a float"
            );
            let open = any(&schema, &|value| {
                value.get("properties").is_some()
                    && value.get("additionalProperties") != Some(&Value::Bool(false))
            });
            assert!(!open, "{gate} takes unknown members");
        }
    }
}
