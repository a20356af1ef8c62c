//! Finds records by what they mention, such as an agent, a person, a rule or a reason, and by when they claim to be.
//!
//! The index is a projection in a file of its own, beside the database and never in it: what is looked for once a day
//! costs nothing while contracts run. A search first reads what was appended since the last one. The file may be
//! deleted at any time; one that belongs to another log, or is broken, is built anew.

pub(crate) mod mentions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use concordat_engine::ports::{Page, RecordFilter, Search, Store, StoreError, StoredRecord};
use concordat_ledger::Record;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};
use tokio::sync::Mutex;

use crate::batch::number;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS mention (word TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (word, idx))
    STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS minute (minute TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS reached (size INTEGER NOT NULL, edition INTEGER NOT NULL, leaf BLOB) STRICT;
";

const ADD: &str = "
    INSERT OR IGNORE INTO mention
    SELECT value ->> 0, value ->> 1 FROM json_each(?)
";

/// Records come in the order of the log, whatever their times are.
const ADD_MINUTES: &str = "
    INSERT INTO minute
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)
    WHERE true
    ON CONFLICT (minute) DO UPDATE SET last = excluded.last
";

/// From the minute of the first time to that of the other, both included.
const MINUTES: &str = "
    SELECT min(first), max(last) FROM minute WHERE minute >= coalesce(?1, '') AND minute <= coalesce(?2, '~')
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
        let (mut from, end) = self.range(store, search).await?;
        let mut found = Vec::new();
        while from < end && found.len() < page.rows() as usize {
            let some = self.candidates(store, search, from, page).await?;
            let Some(last) = some.last() else { break };
            from = last.index + 1;
            found.extend(some.into_iter().filter(|one| within(search, &one.record)));
        }
        found.truncate(page.rows() as usize);
        Ok(found)
    }

    /// Where to look: no record that claims a time within the search lies elsewhere, even if a clock was put back.
    async fn range(&self, store: &dyn Store, search: &Search) -> Result<(u64, u64), StoreError> {
        if search.since.or(search.until).is_none() {
            return Ok((search.filter.from, u64::MAX));
        }
        let minutes = [search.since, search.until].map(|time| time.map(|time| minute(&format!("{time:.6}"))));
        let mut open = self.open.lock().await;
        let asked = async {
            let index = self.caught_up(&mut open, store).await?;
            let [since, until] = minutes;
            let row = sqlx::query(MINUTES).bind(since).bind(until).fetch_one(index).await;
            let row = row.map_err(|error| failed(&error))?;
            let cell = |at| row.try_get::<Option<i64>, _>(at).map_err(|error| failed(&error));
            Ok((cell(0)?, cell(1)?))
        };
        let (first, last) = match asked.await {
            Ok((Some(first), Some(last))) => (first.unsigned_abs(), last.unsigned_abs()),
            Ok(_) => return Ok((0, 0)),
            Err(error) => {
                *open = None;
                return Err(error);
            }
        };
        Ok((search.filter.from.max(first), last.saturating_add(1)))
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
        // Whoever goes away leaves what was read so far; what failed is opened anew.
        let found = self.asked(&mut open, store, search, from, page).await;
        if found.is_err() {
            *open = None;
        }
        found
    }

    async fn asked(
        &self,
        open: &mut Option<SqliteConnection>,
        store: &dyn Store,
        search: &Search,
        from: u64,
        page: Page,
    ) -> Result<Vec<u64>, StoreError> {
        let index = self.caught_up(open, store).await?;
        let mut words = Vec::new();
        for mention in &search.mentions {
            let some = json(&mentions::words(mention))?;
            let often = sqlx::query(OFTEN).bind(some.clone()).fetch_one(&mut *index).await;
            let often = often.and_then(|row| row.try_get::<i64, _>(0)).map_err(|error| failed(&error))?;
            words.push((often, some));
        }
        // The rarest leads the way.
        words.sort();
        let words: Vec<String> = words.into_iter().map(|(_, words)| words).collect();
        let query = sqlx::query(FIND).bind(json(&words)?).bind(number(from)).bind(page.rows());
        let rows = query.fetch_all(index).await.map_err(|error| failed(&error))?;
        let index = |row: &SqliteRow| row.try_get::<i64, _>(0).map(i64::unsigned_abs);
        rows.iter().map(index).collect::<Result<_, _>>().map_err(|error| failed(&error))
    }

    /// The index, with everything that was appended until now.
    async fn caught_up<'a>(
        &self,
        open: &'a mut Option<SqliteConnection>,
        store: &dyn Store,
    ) -> Result<&'a mut SqliteConnection, StoreError> {
        let index = match open {
            Some(index) => index,
            none @ None => none.insert(self.connect().await?),
        };
        catch_up(index, store).await?;
        Ok(index)
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
        let mut minutes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for stored in &page {
            let minute = minutes.entry(minute(stored.record.time()));
            minute.or_insert((stored.index, stored.index)).1 = stored.index;
        }
        let minutes: Vec<_> =
            minutes.into_iter().map(|(minute, (first, last))| (minute, first, last)).collect();
        from = last.index + 1;
        let mut both = index.begin().await.map_err(|error| failed(&error))?;
        sqlx::query(ADD).bind(json(&words)?).execute(&mut *both).await.map_err(|error| failed(&error))?;
        let add = sqlx::query(ADD_MINUTES).bind(json(&minutes)?).execute(&mut *both);
        add.await.map_err(|error| failed(&error))?;
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
    for table in ["DELETE FROM mention", "DELETE FROM minute", "DELETE FROM reached"] {
        sqlx::query(table).execute(&mut *index).await.map_err(|error| failed(&error))?;
    }
    Ok(0)
}

/// The minute of a record's time.
fn minute(time: &str) -> String {
    time.chars().take("2026-01-31T23:59".len()).collect()
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
