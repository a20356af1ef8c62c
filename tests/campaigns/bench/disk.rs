//! What the disk itself does: its rate says what the other figures are worth, since a disk's mood changes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::clock::now;

/// Appends of 4 KiB, each followed by fdatasync, per second.
pub(super) fn syncs(folder: &Path, time: Duration) -> anyhow::Result<f64> {
    let mut file = File::create(folder.join("probe"))?;
    let (start, mut count) = (now(), 0_u32);
    while start.elapsed() < time {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}
