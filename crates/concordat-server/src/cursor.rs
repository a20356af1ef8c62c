//! Cursors: where a page of a list ended, and of which list.
//!
//! A cursor names the last run and carries a digest of the list's filters. It gives no authority: every page is
//! filtered by the tenant of whoever asks. The digest is there so that a cursor used with other parameters is
//! refused, instead of answering something that looks like the next page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use concordat_engine::ports::RunFilter;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use uuid::Uuid;

use crate::refusal::Refusal;

/// How much of the digest a cursor carries, in bytes.
const MARK: usize = 12;

/// The cursor after this run.
pub(crate) fn write(after: RunId, filter: &RunFilter) -> String {
    let mut bytes = Vec::with_capacity(16 + MARK);
    bytes.extend_from_slice(after.uuid().as_bytes());
    bytes.extend(mark(after, filter));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The run after which a page begins.
pub(crate) fn read(cursor: &str, filter: &RunFilter) -> Result<RunId, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Refusal::Cursor)?;
    let (uuid, marked) = bytes.split_at_checked(16).ok_or(Refusal::Cursor)?;
    let run = RunId::new(Uuid::from_slice(uuid).map_err(|_| Refusal::Cursor)?);
    if mark(run, filter).eq(marked.iter().copied()) { Ok(run) } else { Err(Refusal::Cursor) }
}

fn mark(run: RunId, filter: &RunFilter) -> impl Iterator<Item = u8> {
    let text = |option: Option<String>| option.unwrap_or_default();
    let covered = format!(
        "cursor\n{run}\n{}\n{}\n{}\n{}\n{}",
        text(filter.tenant.as_ref().map(ToString::to_string)),
        serde_json::json!(filter.statuses),
        text(filter.submission.map(|submission| submission.to_string())),
        text(filter.submitter.as_ref().map(ToString::to_string)),
        text(filter.label.as_ref().map(ToString::to_string)),
    );
    let digest = *Digest::of(covered.as_bytes()).bytes();
    digest.into_iter().take(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(tenant: &str, status: Option<&str>) -> RunFilter {
        RunFilter {
            tenant: Some(tenant.parse().unwrap()),
            statuses: status.map(str::to_owned).into_iter().collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_cursor_belongs_to_one_list() {
        let run = RunId::new(Uuid::from_u128(7));
        let list = filter("acme", Some("running"));
        let cursor = write(run, &list);
        assert_eq!(read(&cursor, &list).unwrap(), run);
        for other in [filter("acme", None), filter("other", Some("running")), filter("acme", Some("denied"))]
        {
            assert!(read(&cursor, &other).is_err());
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let list = filter("acme", None);
        let good = write(RunId::new(Uuid::from_u128(7)), &list);
        let mut turned = good.clone().into_bytes();
        turned[3] = if turned[3] == b'A' { b'B' } else { b'A' };
        let turned = String::from_utf8(turned).unwrap();
        for odd in ["", "x", "AAAA", "ä", &good[1..], &format!("{good}AA"), turned.as_str()] {
            assert!(read(odd, &list).is_err(), "{odd}");
        }
    }
}
