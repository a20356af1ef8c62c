//! `key`: hands out keys and takes them back.

use clap::Subcommand;
use concordat_model::principal::Role;
use concordat_server::api::keys::{KeyRow, NewKey};

use super::exit::Exit;
use super::failure::Failure;
use super::output::word;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key. Its text is printed this once and stored nowhere.
    Create {
        /// Who may use it.
        name: String,
        /// What they may be; may be given several times.
        #[arg(long = "role", required = true, value_name = "ROLE")]
        roles: Vec<Role>,
        /// The organisation that they belong to; without it, yours.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
    },
    /// List the keys, without their texts.
    List,
    /// Take a key back. It is not recognised from then on.
    Revoke {
        /// The key's id, `key_…`.
        key: String,
    },
}

pub(super) async fn run(session: &Session, command: Key) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Key::Create { name, roles, tenant } => {
            let tenant = match tenant {
                Some(tenant) => tenant,
                None => client.me().await?.tenant,
            };
            let made = client
                .create_key(&NewKey { name, tenant, roles: roles.into_iter().map(Into::into).collect() })
                .await?;
            session
                .output
                .say(&format!("the key {} of {} is shown this once and stored nowhere:", made.id, made.name));
            session.output.show(&made, |made| made.key.clone());
        }
        Key::List => session.output.show(&client.keys().await?, |list| table(session, &list.items)),
        Key::Revoke { key } => session
            .output
            .show(&client.revoke_key(&key).await?, |row| table(session, std::slice::from_ref(row))),
    }
    Ok(Exit::Success)
}

fn table(session: &Session, keys: &[KeyRow]) -> String {
    let rows = keys.iter().map(|key| {
        let roles: Vec<String> = key.roles.iter().map(word).collect();
        let state = if key.revoked.is_some() { "revoked" } else { "valid" };
        [
            key.id.clone(),
            key.name.clone(),
            key.tenant.clone(),
            roles.join(", "),
            session.age(key.created),
            state.to_owned(),
        ]
    });
    session.output.table(["key", "name", "tenant", "roles", "age", "state"], rows)
}
