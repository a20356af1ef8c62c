//! A skill: what goes in, what comes out, and the work between.

use std::fmt;

use concordat_model::schema::Schema;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::books::Books;

/// One skill of the sample agents.
pub struct Skill {
    /// Its name, which is the JSON-RPC method.
    pub name: &'static str,
    /// The domain that it belongs to.
    pub domain: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// The JSON Schema of its parameters.
    pub input: Value,
    /// The JSON Schema of its result.
    pub output: Value,
    /// Parameters to try it with.
    pub example: Value,
    work: Box<Work>,
}

type Work = dyn Fn(Value, &mut Books) -> Result<Value, Failure> + Send + Sync;

/// Why a skill gave no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The parameters do not fit the skill's input schema.
    #[error("the parameters do not fit: {0}")]
    Params(String),
    /// The agent understood, and decided against it: what a saga undoes its work for.
    #[error("{0}")]
    Declined(String),
}

impl Failure {
    /// The JSON-RPC error code.
    #[must_use]
    pub fn code(&self) -> i64 {
        match self {
            Failure::Params(_) => -32602,
            Failure::Declined(_) => -32010,
        }
    }
}

impl Skill {
    /// A skill whose schemas are those of the types that it takes and gives.
    pub(super) fn new<I, O>(
        domain: &'static str,
        name: &'static str,
        description: &'static str,
        example: Value,
        work: fn(I, &mut Books) -> Result<O, Failure>,
    ) -> Skill
    where
        I: DeserializeOwned + JsonSchema + 'static,
        O: Serialize + JsonSchema + 'static,
    {
        let input = schema::<I>(SchemaSettings::draft2020_12().for_deserialize());
        let output = schema::<O>(SchemaSettings::draft2020_12().for_serialize());
        let accepts = Schema::compile(&input).ok();
        let work = move |params: Value, books: &mut Books| {
            let misfits = accepts.as_ref().map(|schema| schema.misfits(&params)).unwrap_or_default();
            if let Some(misfit) = misfits.first() {
                return Err(Failure::Params(misfit.to_string()));
            }
            let params = serde_json::from_value(params).map_err(|why| Failure::Params(why.to_string()))?;
            let result = work(params, books)?;
            serde_json::to_value(result).map_err(|why| Failure::Declined(why.to_string()))
        };
        Skill { name, domain, description, input, output, example, work: Box::new(work) }
    }

    /// Does the work.
    ///
    /// # Errors
    /// [`Failure`], when the parameters do not fit or the skill decides against them. Nothing was entered into
    /// the books then.
    pub fn work(&self, params: Value, books: &mut Books) -> Result<Value, Failure> {
        (self.work)(params, books)
    }
}

fn schema<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let inline = settings.with(|settings| settings.inline_subschemas = true);
    inline.into_generator().into_root_schema_for::<T>().to_value()
}

impl fmt::Debug for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skill").field("name", &self.name).finish_non_exhaustive()
    }
}
