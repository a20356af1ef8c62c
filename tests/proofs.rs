//! Receipts, tiles, witnesses and the rotation of keys, as an auditor meets them: on the command line, with files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use concordat::cli;
use concordat::client::{Client, ClientError};
use concordat::config::ServeConfig;
use concordat::server::{RunningServer, Server};
use concordat::witness::{Witnessing, router};
use concordat_engine::ports::SystemClock;
use concordat_ledger::tree::Tile;
use concordat_ledger::{Checkpoint, Cosigner, Verifier};
use concordat_server::api::audit::RecordsQuery;
use tempfile::TempDir;
use tokio::net::TcpListener;

#[derive(clap::Parser)]
struct Serve {
    #[command(flatten)]
    config: ServeConfig,
}

/// A server with its data folder, and a place for an auditor's files.
struct Audited {
    server: Option<RunningServer>,
    key: String,
    place: TempDir,
}

const FINE: u8 = 0;
const CONFLICT: u8 = 6;
const TAMPERED: u8 = 9;
const UNVERIFIABLE: u8 = 10;

async fn serve(data: &Path) -> RunningServer {
    serve_with(data, &[]).await.unwrap()
}

async fn serve_with(data: &Path, more: &[&str]) -> anyhow::Result<RunningServer> {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let arguments = arguments.iter().chain(more);
    Server::start(Serve::try_parse_from(arguments).unwrap().config).await
}

async fn run(words: &[&str]) -> ExitCode {
    cli::run(std::iter::once("concordat").chain(words.iter().copied()).map(Into::into)).await
}

impl Audited {
    async fn start() -> Audited {
        let place = tempfile::tempdir().unwrap();
        let server = serve(&place.path().join("data")).await;
        Audited { key: server.first_key.clone().unwrap(), server: Some(server), place }
    }

    fn url(&self) -> &str {
        &self.server.as_ref().unwrap().url
    }

    async fn stop(&mut self) {
        self.server.take().unwrap().shutdown().await.unwrap();
    }

    async fn start_again(&mut self) {
        self.server = Some(serve(&self.path("data")).await);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn client(&self) -> Client {
        Client::new(self.url(), Some(&self.key)).unwrap()
    }

    /// Runs a command at this server; words that begin with `@` are files in the auditor's place.
    async fn check(&self, line: &str, wanted: u8) {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| word.strip_prefix('@').map_or_else(|| word.to_owned(), |name| self.file(name)))
            .collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--server", self.url(), "--key", &self.key]);
        assert_eq!(run(&words).await, ExitCode::from(wanted), "{line}");
    }

    /// Lets the log grow, and gives the id of its newest record.
    async fn grow(&self) -> String {
        let all = RecordsQuery { limit: Some(1000), ..RecordsQuery::default() };
        let list = self.client().records(&all).await.unwrap();
        let newest: serde_json::Value =
            serde_json::from_str(list.items.last().unwrap().record.get()).unwrap();
        newest["id"].as_str().unwrap().to_owned()
    }

    fn keys(&self) -> Vec<Verifier> {
        let text = fs::read_to_string(self.path("data/log.vkey")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// A witness of this server's log, with its key; its heads are kept in the auditor's place.
async fn witness(audited: &Audited, name: &str, seed: u8) -> (String, String) {
    let cosigner = Cosigner::from_seed(name, &[seed; 32]).unwrap();
    let key = cosigner.witness().to_string();
    let heads = audited.path(&format!("{seed}.json"));
    let witnessing = Witnessing::open(cosigner, true, audited.keys(), &heads, Arc::new(SystemClock)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router(Arc::new(witnessing))).await });
    (url, key)
}

#[tokio::test]
async fn a_receipt_is_verified_without_the_server() {
    let mut audited = Audited::start().await;
    let id = audited.grow().await;
    audited.check(&format!("audit receipt {id} --out @receipt --record @record"), FINE).await;
    let verify = "audit receipt --verify @receipt --record @record --verifier-keys";
    audited.check(&format!("{verify} @data/log.vkey"), FINE).await;
    audited.check(&format!("{verify} @record"), UNVERIFIABLE).await;
    let record = fs::read_to_string(audited.path("record")).unwrap();
    fs::write(audited.path("record"), record.replacen("concordat", "Concordat", 1)).unwrap();
    audited.check(&format!("{verify} @data/log.vkey"), TAMPERED).await;
    fs::write(audited.path("record"), record).unwrap();
    let receipt = fs::read(audited.path("receipt")).unwrap();
    for cut in [0, 10, receipt.len() / 2, receipt.len() - 1] {
        fs::write(audited.path("receipt"), &receipt[..cut]).unwrap();
        audited.check(&format!("{verify} @data/log.vkey"), UNVERIFIABLE).await;
    }
    audited.check("audit receipt rec_nothing", 5).await;
    audited.check("audit receipt --verify @receipt --record @record", 2).await;
    audited.stop().await;
}

#[tokio::test]
async fn witnesses_see_the_log_grow_and_receipts_carry_their_word() {
    let mut audited = Audited::start().await;
    let (first, first_key) = witness(&audited, "audit.example/first", 21).await;
    let (second, second_key) = witness(&audited, "audit.example/second", 22).await;
    let log = fs::read_to_string(audited.path("data/log.vkey")).unwrap();
    let policy =
        format!("log {log}witness a {first_key}\nwitness b {second_key}\ngroup both all a b\nquorum both\n");
    fs::write(audited.path("policy"), policy).unwrap();
    let keys = "--verifier-keys @data/log.vkey --out @cosigned";
    let mut id = String::new();
    for _ in 0..3 {
        id = audited.grow().await;
        let ask =
            format!("audit witness submit --witness {first} --witness {second} {keys} --policy @policy");
        audited.check(&ask, FINE).await;
    }
    let fetch = "--checkpoint @cosigned --verifier-keys @data/log.vkey --out @receipt --record @record";
    audited.check(&format!("audit receipt {id} {fetch}"), FINE).await;
    audited.check("audit receipt --verify @receipt --record @record --policy @policy", FINE).await;
    let verify = "audit verify @data/concordat.db --verifier-keys @data/log.vkey --checkpoint @cosigned --policy @policy";
    audited.check(verify, FINE).await;
    // One of the two is not enough, and nobody is not either.
    audited
        .check(&format!("audit witness submit --witness {first} {keys} --policy @policy"), UNVERIFIABLE)
        .await;
    audited.check(&format!("audit witness submit --witness {first} {keys}"), FINE).await;
    audited.check(verify, UNVERIFIABLE).await;
    audited.check(&format!("audit receipt {id} {fetch}"), FINE).await;
    audited.check("audit receipt --verify @receipt --record @record --policy @policy", UNVERIFIABLE).await;
    audited.check(&format!("audit witness submit --witness http://127.0.0.1:1 {keys}"), UNVERIFIABLE).await;

    // Another log under the same key and name, which the witness has not seen grow.
    let other = tempfile::tempdir().unwrap();
    fs::copy(audited.path("data/log.key"), other.path().join("log.key")).unwrap();
    let server = serve(other.path()).await;
    let mut forked = Audited { key: server.first_key.clone().unwrap(), server: Some(server), place: other };
    let ask = format!("audit witness submit --witness {first} --verifier-keys @log.vkey");
    forked.check(&ask, TAMPERED).await;
    for _ in 0..20 {
        forked.grow().await;
    }
    forked.check(&ask, TAMPERED).await;
    forked.stop().await;
    audited.stop().await;
}

#[tokio::test]
async fn the_log_is_held_by_any_web_server() {
    let mut audited = Audited::start().await;
    let export = "audit tiles @site --entries --verifier-keys @data/log.vkey";
    audited.grow().await;
    audited.check(export, FINE).await;
    let opened = || {
        let note = fs::read(audited.path("site/checkpoint")).unwrap();
        Checkpoint::open(&note, &audited.keys()).unwrap()
    };
    let first = opened();
    let before = audited.path(&format!("site/tile/{}", Tile::of_tree(first.size()).next().unwrap()));
    let hashes = fs::read(&before).unwrap();
    audited.grow().await;
    audited.check(export, FINE).await;
    let second = opened();
    assert!(second.size() > first.size());
    assert_eq!(fs::read(&before).unwrap(), hashes);
    let entries = Tile::of_tree(second.size()).next().unwrap().within_level();
    assert!(audited.path("site/tile/entries").join(entries).is_file());
    // What was changed in the folder gets no checkpoint.
    let newest = audited.path(&format!("site/tile/{}", Tile::of_tree(second.size()).next().unwrap()));
    let good = fs::read(&newest).unwrap();
    fs::write(&newest, [&good[32..], &good[..32]].concat()).unwrap();
    let mut folder = concordat::tiles::Folder::at(&audited.path("site"));
    assert!(folder.sign(&second, &audited.keys()).is_err());
    audited.check("audit tiles @site --verifier-keys @site/checkpoint", UNVERIFIABLE).await;
    audited.stop().await;
}

#[tokio::test]
async fn a_key_takes_over_and_the_old_one_counts_no_more() {
    let mut audited = Audited::start().await;
    let old: Verifier = audited.keys().remove(0);
    fs::write(audited.path("old.vkey"), format!("{old}\n")).unwrap();
    audited.check("audit rotate-key --data @data", CONFLICT).await;
    audited.stop().await;
    let data = audited.file("data");
    assert_eq!(run(&["audit", "rotate-key", "--data", &data]).await, ExitCode::from(FINE));
    assert_eq!(run(&["audit", "rotate-key", "--data", &data]).await, ExitCode::from(CONFLICT));
    let new = audited.keys().remove(0);
    fs::write(audited.path("new.vkey"), format!("{new}\n")).unwrap();

    // Whoever knows one of the two follows the log over the change.
    audited.start_again().await;
    let rotated = RecordsQuery { kind: Some("key.rotated".to_owned()), ..RecordsQuery::default() };
    let list = audited.client().records(&rotated).await.unwrap();
    assert_eq!(list.items.len(), 1);
    let record: serde_json::Value = serde_json::from_str(list.items[0].record.get()).unwrap();
    assert_eq!(
        (&record["data"]["from"], &record["data"]["to"]),
        (&old.to_string().into(), &new.to_string().into())
    );
    let id = record["id"].as_str().unwrap();
    for keys in ["old.vkey", "new.vkey"] {
        audited.check(&format!("audit receipt {id} --out @receipt --record @record"), FINE).await;
        audited
            .check(&format!("audit receipt --verify @receipt --record @record --verifier-keys @{keys}"), FINE)
            .await;
    }
    audited.stop().await;
    let database = audited.file("data/concordat.db");
    let verify = async |keys: String| run(&["audit", "verify", &database, "--verifier-keys", &keys]).await;
    assert_eq!(verify(audited.file("old.vkey")).await, ExitCode::from(FINE));

    assert_eq!(run(&["audit", "rotate-key", "--data", &data, "--end-overlap"]).await, ExitCode::from(FINE));
    assert!(audited.keys()[1].cut_off().is_some() && !audited.path("data/log.key.old").exists());
    audited.start_again().await;
    assert_eq!(audited.client().records(&rotated).await.unwrap().items.len(), 1, "told once");
    let id = audited.grow().await;
    audited.check(&format!("audit receipt {id} --out @receipt --record @record"), FINE).await;
    let verified = "audit receipt --verify @receipt --record @record --verifier-keys";
    audited.check(&format!("{verified} @new.vkey"), FINE).await;
    audited.check(&format!("{verified} @data/log.vkey"), FINE).await;
    audited.check(&format!("{verified} @old.vkey"), UNVERIFIABLE).await;
    audited.stop().await;
    assert_eq!(verify(audited.file("data/log.vkey")).await, ExitCode::from(FINE));

    // A key that is lost is not made anew, and none that was replaced signs again.
    fs::remove_file(audited.path("data/log.key")).unwrap();
    assert_ne!(run(&["audit", "rotate-key", "--data", &data, "--now"]).await, ExitCode::from(FINE));
    assert!(!audited.path("data/log.key").exists() && audited.keys().len() == 2);
}

/// Signs with openssl in the folder that it gets, as long as there is no file `broken`.
const SIGNER: &str = r#"cd "$1"
while read -r line; do
  [ -e broken ] && exit 1
  printf %s "$line" | openssl base64 -d -A > text
  openssl pkeyutl -sign -rawin -inkey key.pem -in text | openssl base64 -A; echo
done"#;

#[tokio::test]
async fn a_program_elsewhere_signs_or_nothing_happens() {
    let mut audited = Audited::start().await;
    let (key, public) = (audited.file("key.pem"), audited.file("public.pem"));
    for arguments in [
        ["genpkey", "-algorithm", "ed25519", "-out", &key].as_slice(),
        &["pkey", "-in", &key, "-pubout", "-out", &public],
    ] {
        assert!(std::process::Command::new("openssl").args(arguments).status().unwrap().success());
    }
    let command = serde_json::to_string(&["sh", "-c", SIGNER, "sh", &audited.file("")]).unwrap();
    let elsewhere = ["--log-key-command", &command, "--log-key-public", &public];
    audited.stop().await;
    let (data, folder) = (audited.file("data"), audited.path("data"));
    let rotate = ["audit", "rotate-key", "--data", &data];

    let refused = serve_with(&folder, &elsewhere).await.err().unwrap().to_string();
    assert!(refused.contains("is not one of the log"), "{refused}");
    assert_eq!(run(&[&rotate[..], &["--to", &public]].concat()).await, ExitCode::from(FINE));
    assert!(serve_with(&folder, &[]).await.err().unwrap().to_string().contains("--log-key-command"));
    audited.server = Some(serve_with(&folder, &elsewhere).await.unwrap());
    let id = audited.grow().await;
    audited.check(&format!("audit receipt {id} --out @receipt --record @record"), FINE).await;
    for (nth, key) in audited.keys().iter().enumerate() {
        fs::write(audited.path(&format!("{nth}.vkey")), format!("{key}\n")).unwrap();
        let verify = "audit receipt --verify @receipt --record @record --verifier-keys";
        audited.check(&format!("{verify} @{nth}.vkey"), FINE).await;
    }

    let held = audited.server.as_ref().unwrap().engine.store().checkpoint().await.unwrap().unwrap().size;
    fs::write(audited.path("broken"), "").unwrap();
    let read = audited.client().impatient().records(&RecordsQuery::default()).await;
    assert!(matches!(&read, Err(ClientError::Refused(no)) if no.problem.status == 503), "{read:?}");
    let now = audited.server.as_ref().unwrap().engine.store().checkpoint().await.unwrap().unwrap().size;
    assert_eq!(now, held, "nothing was stored");
    fs::remove_file(audited.path("broken")).unwrap();
    audited.grow().await;
    audited.stop().await;

    // Back to a key in the folder: the one elsewhere cannot sign beside it.
    let rotate = [&rotate[..], &elsewhere].concat();
    assert_eq!(run(&[&rotate[..], &["--end-overlap"]].concat()).await, ExitCode::from(FINE));
    assert_eq!(run(&rotate).await, ExitCode::from(CONFLICT));
    assert_eq!(run(&[&rotate[..], &["--now"]].concat()).await, ExitCode::from(FINE));
    audited.start_again().await;
    audited.grow().await;
    audited.stop().await;
    let (database, keys) = (audited.file("data/concordat.db"), audited.file("data/log.vkey"));
    assert_eq!(run(&["audit", "verify", &database, "--verifier-keys", &keys]).await, ExitCode::from(FINE));
}
