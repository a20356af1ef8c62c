//! Which instance of the chosen agent gets the work: among those in the permitted regions that are not left alone, the
//! one that is expected to be done first.
//!
//! Everything that counts stands in what policy was told, so the choice can be made again from the log.

use concordat_model::name::RegionName;

use crate::input::{BreakerState, InstanceLoad};

/// The instance that work is sent to; none where the agent has only one, or where none is in the regions. Equals take
/// turns by the seed.
pub(crate) fn nearest<'i>(
    instances: &'i [InstanceLoad],
    regions: &[RegionName],
    seed: [u8; 32],
) -> Option<&'i InstanceLoad> {
    let fits = |one: &&InstanceLoad| is_within(one.region.as_ref(), regions);
    let works = |one: &&InstanceLoad| one.breaker != BreakerState::Open;
    let fitting: Vec<&InstanceLoad> = instances.iter().filter(fits).collect();
    let working: Vec<&InstanceLoad> = fitting.iter().copied().filter(works).collect();
    // Where all of them are left alone, the agent as a whole was not: one of them may try.
    let among = if working.is_empty() { fitting } else { working };
    let [.., high, low] = seed;
    let turn = usize::from(u16::from_be_bytes([high, low])).checked_rem(among.len())?;
    let (before, after) = among.split_at(turn);
    after.iter().chain(before).copied().min_by_key(|one| expected(one))
}

/// What one more call takes there, behind those that it is busy with.
fn expected(one: &InstanceLoad) -> u64 {
    one.expected_ms.max(1).saturating_mul(u64::from(one.in_flight).saturating_add(1))
}

/// Whether work that stays in these regions may be done there.
pub(crate) fn is_within(region: Option<&RegionName>, regions: &[RegionName]) -> bool {
    regions.is_empty() || region.is_some_and(|region| regions.contains(region))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instance as `name region in_flight expected_ms breaker`.
    fn instance(text: &str) -> InstanceLoad {
        let words: Vec<&str> = text.split_whitespace().collect();
        InstanceLoad {
            url: words[0].to_owned(),
            region: words[1].parse().ok(),
            in_flight: words[2].parse().unwrap(),
            expected_ms: words[3].parse().unwrap(),
            breaker: if words[4] == "open" { BreakerState::Open } else { BreakerState::Closed },
        }
    }

    fn check(instances: &[&str], regions: &[&str], wanted: &[&str]) {
        let instances: Vec<InstanceLoad> = instances.iter().map(|text| instance(text)).collect();
        let regions: Vec<RegionName> = regions.iter().map(|region| region.parse().unwrap()).collect();
        let mut found: Vec<&str> = (0..8_u8)
            .filter_map(|n| nearest(&instances, &regions, [n; 32]))
            .map(|one| one.url.as_str())
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, wanted, "{instances:?} in {regions:?}");
    }

    #[test]
    fn the_one_that_is_done_first_gets_it() {
        check(&["a eu 0 10 -", "b eu 0 200 -"], &[], &["a"]);
        check(&["a eu 19 10 -", "b eu 0 200 -"], &[], &["a", "b"]);
        check(&["a eu 20 10 -", "b eu 0 200 -"], &[], &["b"]);
        check(&["a eu 0 10 open", "b eu 9 200 -"], &[], &["b"]);
        check(&["a eu 0 10 open", "b eu 0 10 open"], &[], &["a", "b"]);
        check(&["a eu 0 0 -", "b us 0 0 -"], &[], &["a", "b"]);
    }

    #[test]
    fn what_has_to_stay_in_a_region_stays_there() {
        check(&["a eu 5 900 open", "b us 0 1 -"], &["eu"], &["a"]);
        check(&["a eu 5 900 -", "b us 0 1 -"], &["eu", "us"], &["b"]);
        check(&["a eu 0 1 -", "b ? 0 1 -"], &["us"], &[]);
        check(&["a eu 0 1 -", "b ? 0 1 -"], &["eu"], &["a"]);
        check(&[], &["eu"], &[]);
    }
}
