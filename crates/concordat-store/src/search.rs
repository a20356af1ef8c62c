//! Finds records by what they mention, such as an agent, a person, a rule or a reason.
//!
//! The index is a projection in a file of its own, beside the database and never in it: what is looked for once a day
//! costs nothing while contracts run. A search first reads what was appended since the last one. The file may be
//! deleted at any time; one that belongs to another log, or is broken, is built anew.

pub(crate) mod mentions;

use std::path::{Path, PathBuf};

use concordat_engine::ports::{Page, RecordFilter, Search, Store, StoreError, StoredRecord};
use concordat_ledger::Record;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::batch::number;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS mention (word TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (word, idx))
    STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS reached (size INTEGER NOT NULL, edition INTEGER NOT NULL, leaf BLOB) STRICT;
";

const ADD: &str = "
    INSERT OR IGNORE INTO mention
    SELECT value ->> 0, value ->> 1 FROM json_each(?)
";

/// Those that have one of the first words, and for each other set of words one of them.
const FIND: &str = "
    SELECT DISTINCT idx
    FROM mention
    WHERE word IN (SELECT value FROM json_each(?1 ->> 0))
        AND idx >= ?2
        AND NOT EXISTS (
            SELECT 1 FROM json_each(?1) AS other
            WHERE other.key > 0 AND NOT EXISTS (
                SELECT 1 FROM mention AS also
                WHERE also.idx = mention.idx AND also.word IN (SELECT value FROM json_each(other.value))
            )
        )
    ORDER BY idx
    LIMIT ?3
";

/// How often a word was seen, up to where it does not matter any more.
const OFTEN: &str = "
    SELECT count(*) FROM (
        SELECT 1 FROM mention WHERE word IN (SELECT value FROM json_each(?)) LIMIT 10000
    )
";

/// The index of one log.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Its file; without one, a file without a name that goes with the process.
    path: Option<PathBuf>,
    open: Mutex<Option<SqliteConnection>>,
}

impl Index {
    /// An index that is kept beside a database.
    pub(crate) fn beside(database: &Path) -> Index {
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push(".search");
        Index { path: Some(database.with_file_name(name)), open: Mutex::default() }
    }

    /// Finds records, in the order of the log.
    pub(crate) async fn find(
        &self,
        store: &dyn Store,
        search: &Search,
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut from = match search.since {
            Some(since) => search.filter.from.max(begin(store, since).await?),
            None => search.filter.from,
        };
        let mut found = Vec::new();
        while found.len() < page.rows() as usize {
            let some = self.candidates(store, search, from, page).await?;
            let Some(last) = some.last() else { break };
            from = last.index + 1;
            let over =
                some.iter().any(|one| search.until.is_some_and(|until| time(&one.record) >= Some(until)));
            found.extend(some.into_iter().filter(|one| within(search, &one.record)));
            if over {
                break;
            }
        }
        found.truncate(page.rows() as usize);
        Ok(found)
    }

    /// The next records that may be meant: all of one page, or none when there are no more.
    async fn candidates(
        &self,
        store: &dyn Store,
        search: &Search,
        from: u64,
        page: Page,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        if search.mentions.is_empty() {
            return store.records(&RecordFilter { from, ..search.filter.clone() }, page).await;
        }
        let mut records = Vec::new();
        for index in self.mentioned(store, search, from, page).await? {
            let one = RecordFilter { from: index, ..RecordFilter::default() };
            records.extend(store.records(&one, Page::of(1)).await?);
        }
        Ok(records)
    }

    async fn mentioned(
        &self,
        store: &dyn Store,
        search: &Search,
        from: u64,
        page: Page,
    ) -> Result<Vec<u64>, StoreError> {
        let mut open = self.open.lock().await;
        let mut index = match open.take() {
            Some(index) => index,
            None => self.connect().await?,
        };
        catch_up(&mut index, store).await?;
        let mut words = Vec::new();
        for mention in &search.mentions {
            let some = json(&mentions::words(mention))?;
            let often = sqlx::query(OFTEN)
                .bind(some.clone())
                .fetch_one(&mut index)
                .await
                .map_err(|error| failed(&error))?;
            words.push((often.try_get::<i64, _>(0).map_err(|error| failed(&error))?, some));
        }
        // The rarest leads the way.
        words.sort();
        let words: Vec<String> = words.into_iter().map(|(_, words)| words).collect();
        let query = sqlx::query(FIND).bind(json(&words)?).bind(number(from)).bind(page.rows());
        let rows = query.fetch_all(&mut index).await.map_err(|error| failed(&error))?;
        *open = Some(index);
        rows.iter()
            .map(|row| row.try_get::<i64, _>(0).map(i64::unsigned_abs).map_err(|error| failed(&error)))
            .collect()
    }

    /// Opens the file, and a new one where it cannot be read.
    async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        let Some(path) = &self.path else { return prepared(Path::new("")).await };
        match prepared(path).await {
            Ok(index) => Ok(index),
            Err(why) => {
                tracing::warn!(%why, "the search index is built anew: {why}");
                std::fs::remove_file(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
                prepared(path).await
            }
        }
    }
}

async fn prepared(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        // Whatever is lost is built anew.
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-65536")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    if !path.as_os_str().is_empty() {
        crate::sqlite::private(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    }
    let mut index = options.connect().await.map_err(|error| failed(&error))?;
    sqlx::raw_sql(TABLES).execute(&mut index).await.map_err(|error| failed(&error))?;
    Ok(index)
}

/// Reads what was appended since the last time, page by page.
async fn catch_up(index: &mut SqliteConnection, store: &dyn Store) -> Result<(), StoreError> {
    let mut from = reached(index, store).await?;
    loop {
        let page = store.records(&RecordFilter { from, ..RecordFilter::default() }, Page::LARGEST).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let words: Vec<(String, u64)> = page
            .iter()
            .flat_map(|stored| mentions::of(&stored.record).into_iter().map(|word| (word, stored.index)))
            .collect();
        from = last.index + 1;
        let mut both = index.begin().await.map_err(|error| failed(&error))?;
        sqlx::query(ADD).bind(json(&words)?).execute(&mut *both).await.map_err(|error| failed(&error))?;
        sqlx::query("DELETE FROM reached").execute(&mut *both).await.map_err(|error| failed(&error))?;
        sqlx::query("INSERT INTO reached VALUES (?, ?, ?)")
            .bind(number(from))
            .bind(mentions::EDITION)
            .bind(last.record.leaf().as_bytes().to_vec())
            .execute(&mut *both)
            .await
            .map_err(|error| failed(&error))?;
        both.commit().await.map_err(|error| failed(&error))?;
    }
}

/// How far the index reaches; it is emptied when it is one of another log, or of another edition.
async fn reached(index: &mut SqliteConnection, store: &dyn Store) -> Result<u64, StoreError> {
    let query = sqlx::query("SELECT size, edition, leaf FROM reached");
    let Some(row) = query.fetch_optional(&mut *index).await.map_err(|error| failed(&error))? else {
        return Ok(0);
    };
    let size = row.try_get::<i64, _>(0).map_err(|error| failed(&error))?.unsigned_abs();
    let (edition, leaf) = (
        row.try_get::<i64, _>(1).map_err(|error| failed(&error))?,
        row.try_get::<Vec<u8>, _>(2).map_err(|error| failed(&error))?,
    );
    let before = RecordFilter { from: size.saturating_sub(1), ..RecordFilter::default() };
    let last = store.records(&before, Page::of(1)).await?;
    let same =
        last.first().is_some_and(|last| last.index + 1 == size && last.record.leaf().as_bytes() == &leaf[..]);
    if same && edition == mentions::EDITION {
        return Ok(size);
    }
    for table in ["DELETE FROM mention", "DELETE FROM reached"] {
        sqlx::query(table).execute(&mut *index).await.map_err(|error| failed(&error))?;
    }
    Ok(0)
}

/// The first index that may be of this time or later, as the records claim.
///
/// Times follow the log but for the moments in which a clock is put back.
async fn begin(store: &dyn Store, since: Timestamp) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, store.checkpoint().await?.map_or(0, |newest| newest.size));
    while low < high {
        let middle = low + (high - low) / 2;
        let at = RecordFilter { from: middle, ..RecordFilter::default() };
        let before =
            store.records(&at, Page::of(1)).await?.first().is_some_and(|one| time(&one.record) < Some(since));
        if before { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// Whether a record is what is searched for, apart from what it mentions.
pub(crate) fn within(search: &Search, record: &Record) -> bool {
    let RecordFilter { subject, types, .. } = &search.filter;
    subject.as_ref().is_none_or(|subject| subject == record.subject())
        && (types.is_empty() || types.iter().any(|kind| kind == record.kind()))
        && search.since.is_none_or(|since| time(record) >= Some(since))
        && search.until.is_none_or(|until| time(record) < Some(until))
}

fn time(record: &Record) -> Option<Timestamp> {
    record.time().parse().ok()
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn failed(error: &sqlx::Error) -> StoreError {
    StoreError::Unavailable(format!("the search index cannot be used: {error}"))
}
