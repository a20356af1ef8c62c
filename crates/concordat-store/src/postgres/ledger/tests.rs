//! What becomes of commits when the server or the way to it breaks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use concordat_engine::ports::{Change, Committed, Page, RecordFilter, Store as _, StoreError};
use concordat_ledger::{Draft, Signer, SubjectSeq};
use concordat_tests_postgres::Server;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use super::super::Postgres;
use super::*;
use crate::Signing;

fn signing() -> Signing {
    Signing::by(Signer::from_seed("log.example/test", &[1; 32]).unwrap())
}

/// A change of one record.
fn change(subject: &str, seq: u64) -> Change {
    let draft = Draft {
        id: &format!("rec-{subject}-{seq}"),
        source: "concordat/test",
        kind: "agent.changed",
        subject,
        subject_seq: SubjectSeq::new(seq).unwrap(),
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({}),
    };
    Change { records: vec![draft.seal().unwrap()], ..Change::default() }
}

async fn sql(address: &str, statements: &'static str) {
    let options: PgConnectOptions = address.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Ends the session that writes.
const END_SESSION: &str = "
    SELECT pg_terminate_backend(pid, 10000) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND granted AND datname = current_database()
";

/// What the wire does with a COMMIT.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Cut {
    /// Lets it through.
    Nowhere,
    /// Breaks before it: the server never hears of it.
    Before,
    /// Breaks after it: nobody hears of the answer.
    After,
    /// Breaks after it, and nobody gets through any more.
    AfterForGood,
}

/// A wire between the store and the server, which can be cut at a COMMIT.
struct Wire {
    folder: TempDir,
    cut: Arc<AtomicU8>,
    cuts: Arc<AtomicUsize>,
}

impl Wire {
    fn to(socket: PathBuf) -> Wire {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let (cut, cuts) = (Arc::new(AtomicU8::new(Cut::Nowhere as u8)), Arc::default());
        let wire = Wire { folder, cut, cuts };
        let (cut, cuts) = (wire.cut.clone(), wire.cuts.clone());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if cut.load(Ordering::SeqCst) == Cut::AfterForGood as u8 && cuts.load(Ordering::SeqCst) > 0 {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, server, cut.clone(), cuts.clone()));
            }
        });
        wire
    }

    fn address(&self, address: &str) -> Address {
        let (before, _) = address.split_once("?host=").unwrap();
        format!("{before}?host={}", self.folder.path().display()).parse().unwrap()
    }

    /// Cuts at the next COMMIT, once.
    fn cut(&self, cut: Cut) {
        self.cuts.store(0, Ordering::SeqCst);
        self.cut.store(cut as u8, Ordering::SeqCst);
    }
}

async fn carry(mut client: UnixStream, mut server: UnixStream, cut: Arc<AtomicU8>, cuts: Arc<AtomicUsize>) {
    let (mut out, mut back) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut out) => {
                let Ok(count @ 1..) = read else { return };
                let sent = &out[..count];
                let cut = cut.load(Ordering::SeqCst);
                let here = sent.windows(7).any(|window| window == b"COMMIT\0")
                    && cut != Cut::Nowhere as u8
                    && cuts.fetch_add(1, Ordering::SeqCst) == 0;
                if here && cut == Cut::Before as u8 {
                    return;
                }
                server.write_all(sent).await.unwrap();
                if here {
                    // The answer says that the server is done.
                    assert_ne!(server.read(&mut back).await.unwrap(), 0);
                    return;
                }
            }
            read = server.read(&mut back) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&back[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn patience() -> Patience {
    let lock = Duration::from_millis(50);
    Patience { absence: Duration::from_secs(1), lock, ..Patience::default() }
}

async fn stored(store: &Postgres) -> usize {
    store.records(&RecordFilter::default(), Page::LARGEST).await.unwrap().len()
}

fn server() -> &'static Server {
    concordat_tests_postgres::shared().unwrap()
}

#[tokio::test]
async fn a_session_that_was_lost_is_replaced() {
    // Its own, since it crashes.
    let server = Server::start(&std::env::temp_dir(), &[]).unwrap();
    let address = server.database().unwrap();
    let store = Postgres::open(&address.parse().unwrap(), signing()).await.unwrap();
    store.commit(change("a", 0)).await.unwrap();
    sql(&address, END_SESSION).await;
    assert_eq!(store.commit(change("a", 1)).await, Ok(Committed { first: 1, size: 2 }));
    server.crash().unwrap();
    assert_eq!(store.commit(change("a", 2)).await, Ok(Committed { first: 2, size: 3 }));
    // Conflicts are sorted out over a new session as well.
    sql(&address, END_SESSION).await;
    let waiting = [("b", 0), ("a", 0), ("a", 3)].map(|(subject, seq)| store.commit(change(subject, seq)));
    let mut answers = Vec::new();
    for commit in waiting {
        answers.push(commit.await.map_err(|error| matches!(error, StoreError::Conflict(_))));
    }
    let at = |first, size| Ok(Committed { first, size });
    assert!(answers[0] == at(3, 4) || answers[0] == at(3, 5), "{answers:?}");
    assert_eq!(answers[1..], [Err(true), at(4, 5)]);
    store.close().await;
    Postgres::open(&address.parse().unwrap(), signing()).await.unwrap().close().await;
}

#[tokio::test]
async fn a_commit_that_was_cut_off_is_found_out_about() {
    let server = server();
    let address = server.database().unwrap();
    let wire = Wire::to(server.socket());
    let store = Postgres::open(&wire.address(&address), signing()).await.unwrap();
    let mut seq = 0;
    for cut in [Cut::Before, Cut::After, Cut::Nowhere, Cut::After, Cut::Before] {
        wire.cut(cut);
        let committed = store.commit(change("a", seq)).await;
        assert_eq!(committed, Ok(Committed { first: seq, size: seq + 1 }), "stored once, and known to be");
        assert_eq!(wire.cuts.load(Ordering::SeqCst) > 0, cut != Cut::Nowhere);
        seq += 1;
    }
    assert_eq!(stored(&store).await, 5);
    // The same when the batch is taken apart.
    for cut in [Cut::Before, Cut::After] {
        wire.cut(cut);
        let (good, bad) = (store.commit(change("a", seq)), store.commit(change("a", 0)));
        let (good, bad) = (good.await, bad.await);
        assert!(matches!(bad, Err(StoreError::Conflict(_))), "{bad:?}");
        match good {
            Ok(_) => seq += 1,
            Err(error) => {
                assert!(cut == Cut::Before && matches!(error, StoreError::Unavailable(_)), "{error}");
            }
        }
    }
    assert_eq!(stored(&store).await as u64, seq);
    assert!(store.commit(change("a", seq)).await.is_ok());
    store.close().await;
}

#[tokio::test]
async fn a_commit_that_nothing_can_be_found_out_about_is_unknown() {
    let server = server();
    let address = server.database().unwrap();
    let wire = Wire::to(server.socket());
    let store = Postgres::patient(&wire.address(&address), signing(), patience()).await.unwrap();
    store.commit(change("a", 0)).await.unwrap();
    wire.cut(Cut::AfterForGood);
    let unknown = store.commit(change("a", 1)).await.unwrap_err();
    assert!(
        matches!(&unknown, StoreError::Unknown(why) if why.contains("start the program again")),
        "{unknown}"
    );
    wire.cut(Cut::Nowhere);
    let later = store.commit(change("a", 2)).await;
    assert!(matches!(later, Err(StoreError::ReadOnly(_))), "nothing more is written: {later:?}");
    store.close().await;
    let store = Postgres::open(&address.parse().unwrap(), signing()).await.unwrap();
    assert_eq!(stored(&store).await, 2, "a fresh start can tell");
    store.close().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_waited_for_and_then_refused() {
    let server = server();
    let address = server.database().unwrap();
    let gone = tempfile::tempdir().unwrap();
    let way = gone.path().join("way");
    std::os::unix::fs::symlink(server.socket().parent().unwrap(), &way).unwrap();
    let through =
        |way: &Path| address.split_once("?host=").unwrap().0.to_owned() + "?host=" + way.to_str().unwrap();
    let store = Postgres::patient(&through(&way).parse().unwrap(), signing(), patience()).await.unwrap();
    std::fs::remove_file(&way).unwrap();
    sql(&address, END_SESSION).await;
    let refused = store.commit(change("a", 0)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Unavailable(why) if why.contains("cannot be reached")),
        "{refused}"
    );
    std::os::unix::fs::symlink(server.socket().parent().unwrap(), &way).unwrap();
    assert!(store.commit(change("a", 0)).await.is_ok(), "it is back");
    store.close().await;
}

#[tokio::test]
async fn whoever_lost_the_lock_writes_no_more() {
    let server = server();
    let address = server.database().unwrap();
    let first = Postgres::patient(&address.parse().unwrap(), signing(), patience()).await.unwrap();
    first.commit(change("a", 0)).await.unwrap();

    // The lock is lost, and another process has it: nothing is written, and that may pass.
    sql(&address, END_SESSION).await;
    let second = Postgres::open(&address.parse().unwrap(), signing()).await.unwrap();
    let refused = first.commit(change("b", 0)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("in use")), "{refused}");
    second.close().await;
    assert!(first.commit(change("b", 0)).await.is_ok(), "nobody wrote meanwhile");

    // Another process has written: what this one has in memory is no longer what is stored.
    sql(&address, END_SESSION).await;
    let second = Postgres::open(&address.parse().unwrap(), signing()).await.unwrap();
    second.commit(change("c", 0)).await.unwrap();
    second.close().await;
    for _ in 0..2 {
        let refused = first.commit(change("d", 0)).await.unwrap_err();
        assert!(
            matches!(&refused, StoreError::ReadOnly(why) if why.contains("another process wrote")),
            "{refused}"
        );
    }
    assert_eq!(stored(&first).await, 3);
    first.close().await;
}

#[tokio::test]
async fn a_second_writer_without_the_lock_is_refused_by_the_log() {
    let server = server();
    let address = server.database().unwrap();
    let first = Postgres::open(&address.parse().unwrap(), signing()).await.unwrap();
    first.commit(change("a", 0)).await.unwrap();
    // As behind a proxy that gives the session's lock away without saying so.
    let intruder = "
        SET search_path = concordat;
        INSERT INTO record SELECT 1, 'x', 'agent.changed', 'x', 0, 'x', sha256('\\x00'::bytea || 'x'), 'x'
    ";
    sql(&address, intruder).await;
    let refused = first.commit(change("b", 0)).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::ReadOnly(why) if why.contains("another process wrote")),
        "{refused}"
    );
    first.close().await;
}
