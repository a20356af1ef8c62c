//! What the log tells of itself: starts and settings, who read it, and that it was put back to an older state.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use clap::Parser as _;
use concordat::client::Client;
use concordat::config::ServeConfig;
use concordat::server::{RunningServer, Server};
use concordat_server::api::audit::RecordsQuery;
use parking_lot::Mutex;
use serde_json::{Value, json};

#[derive(clap::Parser)]
struct Serve {
    #[command(flatten)]
    config: ServeConfig,
}

pub(crate) async fn serve(data: &Path, more: &[&str]) -> anyhow::Result<RunningServer> {
    let data = data.to_str().unwrap();
    let arguments = [&["serve", "--listen", "127.0.0.1:0", "--data", data], more].concat();
    Server::start(Serve::try_parse_from(arguments).unwrap().config).await
}

async fn of_type(client: &Client, kind: &str) -> Vec<Value> {
    let query = RecordsQuery { kind: Some(kind.to_owned()), limit: Some(1000), ..RecordsQuery::default() };
    let list = client.records(&query).await.unwrap();
    list.items.iter().map(|entry| serde_json::from_str(entry.record.get()).unwrap()).collect()
}

#[tokio::test]
async fn starts_settings_and_readers_are_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &[]).await.unwrap();
    let key = server.first_key.clone().unwrap();
    server.shutdown().await.unwrap();
    let server = serve(folder.path(), &["--review-expiry", "2h"]).await.unwrap();
    let admin = Client::new(&server.url, Some(&key)).unwrap();

    let started = of_type(&admin, "log.started").await;
    assert_eq!(started.len(), 2);
    assert_ne!(started[0]["data"]["boot"], started[1]["data"]["boot"]);
    assert_eq!(started[1]["data"]["settings"]["listen"], "127.0.0.1:0");
    let changed = of_type(&admin, "config.changed").await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["data"]["changed"], json!({"review_expiry": {"was": "1d", "is": "2h"}}));
    assert_eq!(changed[0]["subject"], started[1]["data"]["boot"]);

    // Two looks before this one; each with the decision that permitted it, and this one already.
    let reads = of_type(&admin, "audit.read").await;
    assert_eq!(reads.len(), 2);
    assert_eq!(reads[0]["data"]["types"], json!(["log.started"]));
    assert_eq!((&reads[0]["data"]["records"], &reads[0]["data"]["by"]), (&json!(2), &json!("admin")));
    let decisions = of_type(&admin, "gate.decided").await;
    for read in &reads {
        let permitted = decisions.iter().find(|one| one["subject"] == read["subject"]).unwrap();
        assert_eq!(permitted["data"]["decision"]["answer"]["kind"], "permit", "{permitted}");
        assert_eq!(permitted["data"]["decision"]["gate"], "access");
    }
    let query = RecordsQuery { actor: Some("admin".to_owned()), ..RecordsQuery::default() };
    let mentioned = admin.records(&query).await.unwrap();
    assert!(mentioned.items.len() >= 5, "{mentioned:?}");
    let looked = of_type(&admin, "audit.read").await;
    assert_eq!(looked.last().unwrap()["data"]["mentions"], json!(["actor admin"]));
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_log_that_was_put_back_is_refused_until_somebody_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup.db"));
    let server = serve(&data, &[]).await.unwrap();
    let key = server.first_key.clone().unwrap();
    server.shutdown().await.unwrap();
    std::fs::copy(data.join("concordat.db"), &backup).unwrap();
    let server = serve(&data, &[]).await.unwrap();
    let admin = Client::new(&server.url, Some(&key)).unwrap();
    of_type(&admin, "log.started").await;
    server.shutdown().await.unwrap();

    std::fs::copy(&backup, data.join("concordat.db")).unwrap();
    let refused = serve(&data, &[]).await.err().unwrap().to_string();
    assert!(refused.contains("what came after is lost"), "{refused}");
    let server = serve(&data, &["--accept-restored-log", "the disk of Tuesday"]).await.unwrap();
    let admin = Client::new(&server.url, Some(&key)).unwrap();
    let restored = of_type(&admin, "log.restored").await;
    assert_eq!(restored[0]["data"]["reason"], "the disk of Tuesday");
    assert!(restored[0]["data"]["anchored"].as_u64().unwrap() > 0, "{restored:?}");
    server.shutdown().await.unwrap();

    // Another log under the same key: long enough, and another one.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::copy(data.join("log.key"), other.join("log.key")).unwrap();
    let server = serve(&other, &[]).await.unwrap();
    let admin = Client::new(&server.url, server.first_key.as_deref()).unwrap();
    for _ in 0..20 {
        of_type(&admin, "log.started").await;
    }
    server.shutdown().await.unwrap();
    std::fs::copy(other.join("concordat.db"), data.join("concordat.db")).unwrap();
    let refused = serve(&data, &[]).await.err().unwrap().to_string();
    assert!(refused.contains("not those that were there before"), "{refused}");
    // What nobody of ours has signed is no anchor, and no reason to go on without one.
    std::fs::write(data.join("log.anchor"), "nothing\n").unwrap();
    let refused = serve(&data, &[]).await.err().unwrap().to_string();
    assert!(refused.contains("is no checkpoint of this log"), "{refused}");
}

/// Somebody who takes records, and is out of order now and then.
#[derive(Default)]
struct Collector {
    requests: AtomicU64,
    taken: Mutex<Vec<Value>>,
}

async fn collect(State(collector): State<Arc<Collector>>, body: String) -> StatusCode {
    let nth = collector.requests.fetch_add(1, Ordering::Relaxed);
    if nth.is_multiple_of(3) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    collector.taken.lock().extend(body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    StatusCode::ACCEPTED
}

#[tokio::test]
async fn a_forwarded_log_lacks_nothing_whatever_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&folder.path().join("data"), &[]).await.unwrap();
    let key = server.first_key.clone().unwrap();
    let admin = Client::new(&server.url, Some(&key)).unwrap();
    let collector = Arc::new(Collector::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/events", listener.local_addr().unwrap());
    let receiver = Router::new().route("/events", post(collect)).with_state(collector.clone());
    let receiving = tokio::spawn(async move { axum::serve(listener, receiver).await });
    let cursor = folder.path().join("cursor");
    let forward = || {
        let arguments = [
            "concordat",
            "audit",
            "forward",
            "--form",
            "ocsf",
            "--server",
            &server.url,
            "--key",
            &key,
            "--to",
            &to,
            "--cursor",
            cursor.to_str().unwrap(),
            "--allow-loopback",
        ];
        tokio::spawn(concordat::cli::run(arguments.map(OsString::from).to_vec()))
    };
    let reached = async |wanted: u64| {
        let text = || std::fs::read_to_string(&cursor).ok()?.trim().parse::<u64>().ok();
        while text().is_none_or(|reached| reached < wanted) {
            tokio::task::yield_now().await;
        }
    };
    let size = || *server.engine.log_size().borrow();
    let first = forward();
    reached(size()).await;
    // Killed, and begun again after more was written.
    first.abort();
    for _ in 0..5 {
        of_type(&admin, "log.started").await;
    }
    let second = forward();
    reached(size() + 1).await;
    second.abort();

    let taken = std::mem::take(&mut *collector.taken.lock());
    let mut indices: Vec<u64> =
        taken.iter().map(|event| event["metadata"]["sequence"].as_u64().unwrap()).collect();
    assert!(indices.is_sorted(), "{indices:?}");
    indices.dedup();
    assert!(indices.len() as u64 > 10 && indices.iter().copied().eq(0..indices.len() as u64), "{indices:?}");
    assert!(taken.iter().any(|event| event["api"]["operation"] == "audit.read"));
    receiving.abort();
    server.shutdown().await.unwrap();
}
