//! A thousand records of SQLite at a time, for the answer that is hoped for.
//!
//! A row costs SQLite and the way to us more than its hashes cost, so the columns of many rows come end to end, with
//! separators that no sound column holds. Whatever does not fit is left to the slow way, which says what is wrong.
//!
//! Each chunk is looked at on a thread of its own while SQLite reads the next ones; only the fold is in order.

use concordat_ledger::tree::Hash;
use concordat_ledger::verify::{Chunk, Chunks, Columns, Entry, Stored, Verified, Verify};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::pipe::{Pipe, Watch};

/// Records of one statement.
const CHUNK: i64 = 1024;

/// Missing values are empty ones, so that every row counts in every column.
const RECORDS: &str = "
    SELECT
        count(*),
        min(idx),
        max(idx),
        min(length(CAST(leaf AS BLOB))) = 32 AND max(length(CAST(leaf AS BLOB))) = 32,
        CAST(group_concat(coalesce(CAST(leaf AS TEXT), ''), '') AS BLOB),
        CAST(group_concat(coalesce(CAST(body AS TEXT), ''), char(10)) AS BLOB),
        group_concat(coalesce(id, ''), char(10)),
        group_concat(coalesce(type, ''), char(10)),
        group_concat(coalesce(subject, ''), char(10)),
        group_concat(coalesce(subject_seq, ''), char(10)),
        group_concat(coalesce(time, ''), char(10))
    FROM record
    WHERE idx >= ?1 AND idx < ?2
";

/// Notes hold no zero byte; the first line of each is the size under which it is stored.
const CHECKPOINTS: &str = "
    SELECT CAST(group_concat(size || char(10) || coalesce(note, ''), char(0)) AS BLOB)
    FROM checkpoint
    WHERE size > ?1 AND size <= ?2
";

/// The first and the last of both tables: nothing may stand outside of what the chunks cover.
const ENDS: &str = "
    SELECT
        (SELECT min(idx) FROM record),
        (SELECT max(idx) + 1 FROM record),
        (SELECT min(size) FROM checkpoint),
        (SELECT max(size) FROM checkpoint)
";

/// The log, if every record and every checkpoint is right.
pub(super) async fn log(
    snapshot: &mut SqliteConnection,
    verify: Verify,
    watch: Watch<'_>,
) -> Option<Verified> {
    let ends = sqlx::query(ENDS).fetch_one(&mut *snapshot).await.ok()?;
    let end = |column: usize| ends.try_get::<i64, _>(column).ok();
    let (first, end, oldest, newest) = (end(0)?, end(1)?, end(2)?, end(3)?);
    if first != 0 || oldest < 1 || newest != end {
        return None;
    }
    let chunks = verify.chunks();
    let mut pipe = Pipe::new(verify, Some(u64::try_from(end).ok()?), watch);
    let mut from = 0;
    while from < end {
        let until = end.min(from + CHUNK);
        let notes = sqlx::query(CHECKPOINTS).bind(from).bind(until).fetch_one(&mut *snapshot).await.ok()?;
        let rows = sqlx::query(RECORDS).bind(from).bind(until).fetch_one(&mut *snapshot).await.ok()?;
        let chunks = chunks.clone();
        pipe.put(move || look(&chunks, &notes, &rows, from, until)).await?;
        from = until;
    }
    pipe.end().await?.finish().ok()
}

/// What one chunk holds, if it can be told apart.
fn look(chunks: &Chunks, notes: &SqliteRow, rows: &SqliteRow, from: i64, until: i64) -> Option<Chunk> {
    let mut chunk = chunks.begin(u64::try_from(from).ok()?);
    checkpoints(notes, &mut chunk)?;
    records(rows, from, until, &mut chunk)?;
    Some(chunk)
}

fn checkpoints(row: &SqliteRow, chunk: &mut Chunk) -> Option<()> {
    let Some(notes) = row.try_get::<Option<&[u8]>, _>(0).ok()? else { return Some(()) };
    for stored in notes.split(|byte| *byte == 0) {
        let (size, note) = std::str::from_utf8(stored).ok()?.split_once('\n')?;
        if note.split('\n').nth(1) != Some(size) {
            return None;
        }
        chunk.checkpoint(note.as_bytes());
    }
    Some(())
}

fn records(row: &SqliteRow, from: i64, until: i64, chunk: &mut Chunk) -> Option<()> {
    let (count, first, last): (i64, i64, i64) =
        (row.try_get(0).ok()?, row.try_get(1).ok()?, row.try_get(2).ok()?);
    let whole_leaves: bool = row.try_get(3).ok()?;
    if count != until - from || first != from || last != until - 1 || !whole_leaves {
        return None;
    }
    let (leaves, []) = row.try_get::<&[u8], _>(4).ok()?.as_chunks::<32>() else { return None };
    let mut bodies = row.try_get::<&[u8], _>(5).ok()?.split(|byte| *byte == b'\n');
    let lines = |column: usize| row.try_get::<&str, _>(column).ok().map(|text| text.split('\n'));
    let (mut ids, mut kinds, mut subjects) = (lines(6)?, lines(7)?, lines(8)?);
    let (mut seqs, mut times) = (lines(9)?, lines(10)?);
    for (index, leaf) in (from..until).zip(leaves) {
        let bytes = bodies.next()?;
        let columns = Columns {
            id: ids.next()?,
            source: None,
            kind: kinds.next()?,
            subject: subjects.next()?,
            subject_seq: seqs.next()?.parse().ok()?,
            time: times.next()?,
        };
        let stored = Some(Stored { leaf: Hash::from_bytes(*leaf), columns });
        chunk.record(&Entry { index: u64::try_from(index).ok()?, bytes, stored });
    }
    let over = bodies.next().is_some()
        || [ids, kinds, subjects, seqs, times].iter_mut().any(|lines| lines.next().is_some());
    (!over && i64::try_from(leaves.len()) == Ok(count)).then_some(())
}

#[cfg(test)]
mod tests {
    use concordat_engine::ports::{Change, Store as _};
    use concordat_ledger::{Draft, Signer, SubjectSeq};
    use serde_json::{Value, json};
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions as _, Connection as _};

    use super::*;
    use crate::{Signing, Sqlite};

    fn signer() -> Signer {
        Signer::from_seed("log.example/test", &[1; 32]).unwrap()
    }

    fn change(subject: &str, data: &Value) -> Change {
        let record = |seq| {
            let draft = Draft {
                id: &format!("rec-{subject}-{seq}"),
                source: "concordat/test",
                kind: "agent.changed",
                subject,
                subject_seq: SubjectSeq::new(seq).unwrap(),
                time: "2026-01-31T23:59:59.000001Z",
                data,
            };
            draft.seal().unwrap()
        };
        Change { records: (0..300).map(record).collect(), ..Change::default() }
    }

    #[tokio::test]
    async fn the_quick_way_accepts_what_is_sound_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("concordat.db");
        let store = Sqlite::open(&path, Signing::by(signer())).await.unwrap();
        let long = "x".repeat(5000);
        for (subject, data) in [
            ("a", json!(null)),
            ("b", json!({"source": "other", "text": "line\nend \u{1f980} \"source\":\"x\""})),
            ("c", json!([long, "é"])),
            ("d", json!("\u{1f980}".repeat(700))),
            ("e", json!({})),
        ] {
            store.commit(change(subject, &data)).await.unwrap();
        }
        store.close().await;
        let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        let begin = || Verify::with_keys(vec![signer().verifier().clone()]).unwrap();
        assert_eq!(
            log(&mut connection, begin(), &|_| {}).await.map(|log| (log.size, log.checkpoints)),
            Some((1500, 5))
        );
        sqlx::raw_sql("DROP TRIGGER record_is_not_changed; PRAGMA ignore_check_constraints = ON")
            .execute(&mut connection)
            .await
            .unwrap();
        for attack in [
            // Text that moves over the border between two rows.
            "UPDATE record SET id = iif(idx = 7, id || char(10) || 'x', '') WHERE idx IN (7, 8)",
            "UPDATE record SET leaf = CAST(iif(idx = 7, leaf || x'00', substr(leaf, 2)) AS BLOB) WHERE idx IN (7, 8)",
            "UPDATE record SET body = CAST(body || x'0a' AS BLOB) WHERE idx = 1023",
            "UPDATE record SET body = x'ff' WHERE idx = 1024",
            "UPDATE record SET type = upper(type) WHERE idx = 1499",
            "UPDATE record SET idx = 5000 WHERE idx = 1499",
        ] {
            let mut tried = connection.begin().await.unwrap();
            sqlx::raw_sql(attack).execute(&mut *tried).await.unwrap();
            assert_eq!(log(&mut tried, begin(), &|_| {}).await, None, "{attack}");
            tried.rollback().await.unwrap();
        }
    }
}
