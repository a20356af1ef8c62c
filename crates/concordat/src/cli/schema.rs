//! `schema`: the JSON Schema of a document, for editors and generators.

use concordat_model::contract::ContractDocument;
use concordat_model::submission::SubmissionDocument;
use concordat_model::trigger::TriggerDocument;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Schema {
    /// The document.
    #[arg(value_enum, value_name = "DOCUMENT")]
    document: Kind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// One contract.
    Contract,
    /// Several contracts with `dependsOn` between them.
    Submission,
    /// What starts contracts by itself.
    Trigger,
}

#[expect(clippy::unnecessary_wraps, reason = "every command answers alike")]
pub(super) fn run(session: &Session, schema: Schema) -> Result<Exit, Failure> {
    let schema = match schema.document {
        Kind::Contract => schemars::schema_for!(ContractDocument),
        Kind::Submission => schemars::schema_for!(SubmissionDocument),
        Kind::Trigger => schemars::schema_for!(TriggerDocument),
    };
    session.output.data(&serde_json::to_string_pretty(&schema).unwrap_or_default());
    Ok(Exit::Success)
}
