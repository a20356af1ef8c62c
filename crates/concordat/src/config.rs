//! How a server is set up. A flag goes before its `CONCORDAT_*` variable, and that before the default.

use std::net::SocketAddr;
use std::path::PathBuf;

use concordat_agents::egress::Allowed;
use concordat_model::span::Span;
use concordat_store::{BadAddress, Database};
use serde::Serialize;
use serde_json::Value;

use crate::bundle_signature::BundleSignature;
use crate::limits::Limits;
use crate::log_key::elsewhere::Elsewhere;

/// Everything that a server needs to know before it starts.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct ServeConfig {
    /// The address to listen on. The default is reachable from this machine only.
    #[arg(long, env = "CONCORDAT_LISTEN", default_value = "127.0.0.1:7420", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// A name under which clients reach the server, besides those of this machine; may be given several times.
    #[arg(long = "host", env = "CONCORDAT_HOSTS", value_delimiter = ',', value_name = "NAME")]
    pub hosts: Vec<String>,

    /// Where clients reach the server, such as `https://concordat.example`, as its A2A card tells them, and where A2A
    /// agents call when a task has changed. Without it, clients are told the name they used, by TLS unless it is an
    /// address, and agents are asked instead.
    #[arg(long, env = "CONCORDAT_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,

    /// The folder for the key that signs the log, and for the database unless it is elsewhere; it is made if there
    /// is none.
    #[arg(long, env = "CONCORDAT_DATA", default_value = "concordat-data", value_name = "DIR")]
    pub data: PathBuf,

    /// The database: a file of SQLite, or a PostgreSQL database as `postgres://USER@HOST/NAME`, which may hold a
    /// password, or leave it to `PGPASSWORD` or `~/.pgpass`. The default is `concordat.db` in the data folder.
    #[arg(long, env = "CONCORDAT_DATABASE", hide_env_values = true, value_name = "FILE|ADDRESS")]
    #[serde(skip)]
    // Read later than the others: clap would show a wrong address, password and all.
    pub database: Option<String>,

    /// Where the key is that signs the log.
    #[command(flatten)]
    #[serde(flatten)]
    pub log_key: Elsewhere,

    /// A folder of templates, each `NAME/contract.yaml`; without it, the sample contracts are known.
    #[arg(long, env = "CONCORDAT_CONTRACTS", value_name = "DIR")]
    pub contracts: Option<PathBuf>,

    /// A folder of Rego policies that the installation begins with; without it, the standard policy. Once another
    /// policy was promoted, that one stays in force.
    #[arg(long, env = "CONCORDAT_POLICIES", value_name = "DIR")]
    pub policies: Option<PathBuf>,

    /// Puts that policy in force even though another one was promoted since, for when the one in force lets nobody
    /// do anything; the log says so.
    #[arg(long)]
    pub install_policies: bool,

    /// Whose signatures of published policies count.
    #[command(flatten)]
    pub bundle_signature: BundleSignature,

    /// Lets agents live on this machine and be called by plain http.
    #[arg(long, env = "CONCORDAT_ALLOW_LOOPBACK_AGENTS")]
    pub allow_loopback_agents: bool,

    /// Where agents may live beside the public internet: a host and port, which may then be called by plain http too, or
    /// a network of one's own, such as `10.20.0.0/16`, by https. Several are separated by commas.
    #[arg(long, env = "CONCORDAT_ALLOW_AGENTS", value_name = "HOST:PORT|NETWORK", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_agents: Vec<Allowed>,

    /// The file with what agents know us by, a list in JSON: `{"origin": "https://agents.example", "type": "bearer",
    /// "token": "…"}`, or `"type": "api_key", "header": "x-api-key", "key": "…"`, or `"type":
    /// "oauth2", "tokenUrl": "…", "clientId": "…", "clientSecret": "…", "scope": "…"`, or `"type": "client_certificate",
    /// "certificate": "PEM", "key": "PEM", "authority": "PEM"`. Nobody but its owner may read it.
    #[arg(long, env = "CONCORDAT_AGENT_CREDENTIALS", value_name = "FILE")]
    pub agent_credentials: Option<PathBuf>,

    /// The file with the key that such secrets are sealed under which others trusted this server with: 64 hexadecimal
    /// digits that nobody but its owner may read. The default is `safe.key` in the data folder, made at the first start.
    #[arg(long, env = "CONCORDAT_SAFE_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_key: Option<PathBuf>,

    /// Stops learning: what agents do changes trust no more and nothing fades, so that the same question has the same
    /// answer. The log says since when.
    #[arg(long, env = "CONCORDAT_FREEZE_LEARNING")]
    pub freeze_learning: bool,

    /// How often agents' skills are tried with their examples, such as `1h`, at least `1m`. Without it nobody tries
    /// them but who asks for it: an example is work that the agent does.
    #[arg(long, env = "CONCORDAT_PROBE_EVERY", value_name = "SPAN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_every: Option<Span>,

    /// Why the log may lack records that it had, or be another one than before, such as "backup of Tuesday": needed
    /// once, after a restore. The reason becomes part of the log.
    #[arg(long, value_name = "REASON")]
    pub accept_restored_log: Option<String>,

    /// How long people have to answer a review, such as `30m` or `2d`.
    #[arg(long, env = "CONCORDAT_REVIEW_EXPIRY", default_value = "1d", value_name = "SPAN")]
    pub review_expiry: Span,

    /// The installation's name in its log: letters, digits, dots and dashes. It cannot change later.
    #[arg(long, env = "CONCORDAT_INSTANCE", default_value = "local", value_parser = instance, value_name = "NAME")]
    pub instance: String,

    /// How much the server takes on.
    #[command(flatten)]
    pub limits: Limits,
}

impl ServeConfig {
    /// The database.
    ///
    /// # Errors
    /// It looks like an address, and is none.
    pub fn database(&self) -> Result<Database, BadAddress> {
        match &self.database {
            Some(text) => text.parse(),
            None => Ok(Database::File(self.data.join("concordat.db"))),
        }
    }

    /// Everything that is set, without secrets, for the log.
    #[must_use]
    pub fn settings(&self) -> Value {
        let mut settings = serde_json::to_value(self).unwrap_or_default();
        if let (Some(settings), Ok(database)) = (settings.as_object_mut(), self.database()) {
            // That is about one start, and has a record of its own.
            settings.remove("accept_restored_log");
            settings.insert("database".to_owned(), database.to_string().into());
        }
        settings
    }
}

/// Checks the name of an installation, which stands in every record and checkpoint.
fn instance(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if (1..=60).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Err("an installation's name has 1 to 60 letters, digits, dots and dashes".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        config: ServeConfig,
    }

    fn read(args: &[&str]) -> Result<ServeConfig, String> {
        let args = std::iter::once("serve").chain(args.iter().copied());
        Alone::try_parse_from(args).map(|alone| alone.config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_private() {
        let config = read(&[]).unwrap();
        assert!(config.listen.ip().is_loopback() && !config.allow_loopback_agents);
        assert_eq!(config.database().unwrap().to_string(), "concordat-data/concordat.db");
    }

    #[test]
    fn a_database_is_a_file_or_an_address() {
        for (text, shown) in [
            ("other.db", "other.db"),
            ("postgres://ada@db.example/log", "postgres://ada@db.example:5432/log"),
        ] {
            assert_eq!(read(&["--database", text]).unwrap().database().unwrap().to_string(), shown);
        }
        let refused = read(&["--database", "postgres://ada:geheim@:x"]).unwrap().database().unwrap_err();
        assert!(!refused.to_string().contains("geheim"), "{refused}");
    }

    #[test]
    fn settings_hold_no_secret() {
        let args = ["--database", "postgres://ada:geheim@db.example/log", "--tenant-rate", "100/1s"];
        let settings = read(&args).unwrap().settings();
        assert_eq!(settings["database"], "postgres://ada@db.example:5432/log");
        assert!(!settings.to_string().contains("geheim"), "{settings}");
        // Whatever is set can stand in a record.
        concordat_ledger::canonical::write(&settings).unwrap();
    }

    #[test]
    fn limits_become_the_bounds_of_the_engine() {
        assert_eq!(read(&[]).unwrap().limits.bounds(), concordat_engine::Bounds::default());
        let args = ["--tenant-rate", "100/1s", "--tenant-weight", "bank=3,shop=2", "--max-steps", "10000"];
        let bounds = read(&args).unwrap().limits.bounds();
        assert_eq!(bounds.tenant_rate.unwrap().calls, 100);
        assert_eq!((bounds.weights.len(), bounds.steps), (2, 10_000));
    }

    #[test]
    fn odd_settings_are_refused() {
        for args in [
            ["--listen", "everywhere"],
            ["--review-expiry", "soon"],
            ["--instance", "a b"],
            ["--instance", ""],
            ["--colour", "red"],
            ["--tenant-rate", "many/1s"],
            ["--tenant-rate", "5/2h"],
            ["--tenant-weight", "bank=0"],
            ["--max-steps", "10001"],
        ] {
            assert!(read(&args).is_err(), "{args:?}");
        }
        assert_eq!(read(&["--instance", "bank.example"]).unwrap().instance, "bank.example");
    }
}
