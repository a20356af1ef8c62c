//! `template`: the contracts that submissions can name.

use clap::Subcommand;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Template {
    /// List the known templates.
    List,
    /// Print a template's document.
    Get {
        /// NAME, or NAME@VERSION.
        template: String,
    },
}

pub(super) async fn run(session: &Session, command: Template) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Template::List => session.output.show(&client.templates().await?, |list| {
            let rows = list.items.iter().map(|row| {
                let version = row.version.clone().unwrap_or_default();
                [
                    row.name.clone(),
                    version,
                    row.domain.clone().unwrap_or_default(),
                    row.steps.to_string(),
                    row.objective.clone(),
                ]
            });
            session.output.table(["name", "version", "domain", "steps", "objective"], rows)
        }),
        Template::Get { template } => {
            let document = client.template(&template).await?;
            session.output.data(&serde_json::to_string_pretty(&document).unwrap_or_default());
        }
    }
    Ok(Exit::Success)
}
