//! The caller's own tasks, page by page, newest first.
//!
//! The store filters by sender, context and state. What it has no column for, when a task came to where it stands, is
//! sifted here, within bounds: a page may be short, or even empty, while its token says that there is more.

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
    let statuses = statuses(wanted.status.as_deref())?;
    let filter = RunFilter { tenant, statuses, submission, submitter, label, before: None };
    let token = wanted.page_token.as_deref().filter(|token| !token.is_empty());
    let before = token.map(|token| cursor::read(token, &filter)).transpose()?;
    let newest = app.engine.store().runs(&filter, Page::LARGEST).await?;
    let of_context = |row: &&RunRow| context.is_none_or(|context| is_of(row, context));
    // No count is kept, so it is of what one look shows: exact for who has fewer than a thousand.
    let total = newest.iter().filter(of_context).count();
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
        if of_context(&row) {
            let mut task = Task::of(app, &app.engine.run(who, row.id).await?)?;
            if !wanted.include_artifacts {
                task.artifacts.clear();
            }
            let after = wanted.status_timestamp_after;
            if after.is_none_or(|after| task.since().is_none_or(|since| since >= after)) {
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

/// Whether a run is of this context: of the contract's name where it has one of its own, else of its submission.
fn is_of(row: &RunRow, context: &str) -> bool {
    match row.label.as_str() == row.contract.as_str() {
        true => row.submission.to_string() == context,
        false => context::name(context).is_ok_and(|name| name == row.label),
    }
}

/// The status words of ours for the state that is wanted; all when empty.
fn statuses(wanted: Option<&str>) -> Result<Vec<String>, Wrong> {
    match wanted {
        None | Some("" | "TASK_STATE_UNSPECIFIED") => Ok(Vec::new()),
        // No task of ours ever has this state, and no run such a status.
        Some(word @ "TASK_STATE_AUTH_REQUIRED") => Ok(vec![word.to_owned()]),
        Some(word) => match State::read(word) {
            Some(state) => Ok(state.statuses().iter().map(|&status| status.to_owned()).collect()),
            None => {
                let shown: String = word.chars().take(40).collect();
                Err(Wrong::Params(format!("there is no state `{shown}`: such as `TASK_STATE_WORKING`")))
            }
        },
    }
}

fn size(wanted: Option<i64>) -> Result<usize, Wrong> {
    match wanted {
        None | Some(0) => Ok(PAGE),
        Some(rows @ 1..=LARGEST) => Ok(usize::try_from(rows).unwrap_or(PAGE)),
        Some(rows) => Err(Wrong::Params(format!("`pageSize` lies between 1 and {LARGEST}, not at {rows}"))),
    }
}
