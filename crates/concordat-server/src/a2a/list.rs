//! The caller's own tasks, page by page, newest first.
//!
//! The store filters by sender and context; states of the protocol stand for several of ours, and are sifted here, within
//! bounds: a page may be short, or even empty, while its token says that there is more.

use concordat_engine::Caller;
use concordat_engine::ports::{Page, RunFilter, RunRow};
use concordat_policy::input::{Action, ResourceKind};
use serde_json::{Value, json};

use super::context;
use super::message::Listing;
use super::task::{State, Task};
use super::wrong::Wrong;
use crate::app::Shared;
use crate::cursor;

/// The tasks of a page when nobody says how many, and the most.
const PAGE: usize = 50;
const LARGEST: i64 = 100;

/// One page.
pub(super) async fn page(app: &Shared, who: &Caller, wanted: Listing) -> Result<Value, Wrong> {
    app.permit_own(who, Action::ContractsRead, ResourceKind::Contract).await?;
    let size = size(wanted.page_size)?;
    let context = wanted.context_id.as_deref().filter(|context| !context.is_empty());
    let submission = context.and_then(|context| context.parse().ok());
    let label = match submission {
        Some(_) => None,
        None => context.map(context::name).transpose()?,
    };
    let (tenant, submitter) = (Some(who.principal.tenant.clone()), Some(who.principal.name.clone()));
    let filter = RunFilter { tenant, submission, submitter, label, ..RunFilter::default() };
    let token = wanted.page_token.as_deref().filter(|token| !token.is_empty());
    let before = token.map(|token| cursor::read(token, &filter)).transpose()?;
    let newest = app.engine.store().runs(&filter, Page::LARGEST).await?;
    let sift = Sift { who, wanted: &wanted };
    // No count is kept, so it is of what one look shows: exact for who has fewer than a thousand.
    let total = newest.iter().filter(|row| sift.keeps(row)).count();
    let rows = match before {
        None => newest,
        Some(before) => {
            app.engine
                .store()
                .runs(&RunFilter { before: Some(before), ..filter.clone() }, Page::LARGEST)
                .await?
        }
    };
    let mut tasks = Vec::new();
    let mut last = None;
    for row in &rows {
        if tasks.len() == size {
            break;
        }
        last = Some(row.id);
        if sift.keeps(row) {
            let mut task = Task::of(app, &app.engine.run(who, row.id).await?)?;
            if !wanted.include_artifacts {
                task.artifacts.clear();
            }
            if sift.is_new_enough(&task) {
                tasks.push(task);
            }
        }
    }
    let whole = rows.len() < Page::LARGEST.rows() as usize;
    let next = last.filter(|last| !whole || rows.last().is_some_and(|row| row.id != *last));
    Ok(json!({
        "tasks": tasks, "nextPageToken": next.map(|last| cursor::write(last, &filter)).unwrap_or_default(),
        "pageSize": size, "totalSize": total,
    }))
}

/// Which tasks are wanted.
struct Sift<'a> {
    who: &'a Caller,
    wanted: &'a Listing,
}

impl Sift<'_> {
    fn keeps(&self, row: &RunRow) -> bool {
        let context = self.wanted.context_id.as_deref().filter(|context| !context.is_empty());
        let status = self.wanted.status.as_deref().filter(|word| *word != "TASK_STATE_UNSPECIFIED");
        let named = row.label.as_str() != row.contract.as_str();
        row.submitter == self.who.principal.name
            && context.is_none_or(|context| match named {
                true => context::name(context).is_ok_and(|name| name == row.label),
                false => row.submission.to_string() == context,
            })
            && status.is_none_or(|word| State::of(&row.status).word() == word)
    }

    fn is_new_enough(&self, task: &Task) -> bool {
        self.wanted.status_timestamp_after.is_none_or(|after| task.since().is_none_or(|since| since >= after))
    }
}

fn size(wanted: Option<i64>) -> Result<usize, Wrong> {
    match wanted {
        None | Some(0) => Ok(PAGE),
        Some(rows @ 1..=LARGEST) => Ok(usize::try_from(rows).unwrap_or(PAGE)),
        Some(rows) => Err(Wrong::Params(format!("`pageSize` lies between 1 and {LARGEST}, not at {rows}"))),
    }
}
