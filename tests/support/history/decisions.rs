//! Every decision made again, with the input that is stored beside it.

use std::collections::BTreeSet;

use concordat_ledger::Record;
use concordat_model::run::event::Event;
use concordat_policy::{Bundle, Policy};

use super::told::Told;
use super::{Found, Rule};

/// Asks policy again about those decisions whose input the export holds, and compares bit for bit.
pub(super) fn check(told: &Told<'_>, found: &mut Found) {
    let policies: BTreeSet<_> = told.decisions.values().map(|decided| decided.policy).collect();
    found.must(Rule::Same, policies.len() <= 1, || format!("{} policies were in force", policies.len()));
    let policy = match Policy::load(&Bundle::standard()) {
        Ok(policy) => policy,
        Err(error) => return found.must(Rule::Again, false, || format!("no policy to ask: {error}")),
    };
    for decided in told.decisions.values() {
        let place = usize::try_from(decided.index).unwrap_or(usize::MAX);
        let record = told.history.log.records.get(place).and_then(|one| Record::read(&one.bytes).ok());
        let Some(Ok(Event::Decided { decision, .. })) = record.map(|record| record.data::<Event>()) else {
            continue;
        };
        let Some(input) = told.history.log.payloads.get(&decision.provenance.input) else { continue };
        let again = policy.replay(decision.gate, decision.id, input);
        found.must(Rule::Again, again == *decision, || {
            format!("{}: {} is answered otherwise when it is asked again", decided.index, decision.id)
        });
    }
}
