//! What the engine and the system say at the moment of asking.

use std::fmt;
use std::time::Duration;

use concordat_engine::{AgentsLately, CallFigures, Engine};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// What the engine and the system say at the moment of asking.
pub(super) struct Now(pub(super) Engine);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        let log_size = *self.0.log_size().borrow();
        gauge("contracts_active", "Contracts that are not over", None, signed(self.0.open_runs() as u64))?;
        gauge(
            "audit_entries",
            "Records in the log, durable and covered by a checkpoint",
            None,
            signed(log_size),
        )?;
        gauge("reviews_open", "Questions that wait for people", None, signed(self.0.open_reviews() as u64))?;
        gauge("engine_halted", "1 when no work is taken in", None, i64::from(self.0.halted().is_some()))?;
        let limits = self.0.limits();
        gauge("calls_in_flight", "Calls to agents under way", None, i64::from(limits.calls))?;
        let waiting = signed(limits.waiting as u64);
        gauge("steps_waiting", "Steps that could run and wait for an agent", None, waiting)?;
        let open = signed(limits.breakers_open as u64);
        gauge("breakers_open", "Circuit breakers that let nothing pass", None, open)?;
        let half_open = signed(limits.breakers_half_open as u64);
        gauge("breakers_half_open", "Circuit breakers that let one call try", None, half_open)?;
        if let Some(bytes) = resident() {
            gauge("process_resident_memory", "Memory in use", Some(&Unit::Bytes), signed(bytes))?;
        }
        self.figures(&mut encoder)?;
        self.agents(&mut encoder)
    }
}

impl Now {
    /// What the engine counted.
    fn figures(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.0.figures();
        let decisions = figures
            .decisions
            .iter()
            .map(|((gate, answer), n)| ([("gate", gate.as_str()), ("answer", *answer)], *n));
        family(encoder, "decisions", "Answers of gates", decisions)?;
        let ended = figures.ended.iter().map(|(status, n)| ([("status", *status)], *n));
        family(encoder, "contracts", "Contracts that came to their end", ended)?;
        let answers = figures.answers.iter().map(|(kind, n)| ([("kind", *kind)], *n));
        family(encoder, "agent_answers", "What came back from agents", answers)?;
        let help = "How long agents took in all";
        let counter =
            encoder.encode_descriptor("agent_answering", help, Some(&Unit::Seconds), MetricType::Counter)?;
        ConstCounter::new(figures.answering.as_secs_f64()).encode(counter)?;
        let help = "How often circuit breakers opened";
        let counter = encoder.encode_descriptor("breaker_openings", help, None, MetricType::Counter)?;
        ConstCounter::new(self.0.limits().breaker_openings).encode(counter)?;
        let shed = self.0.shed();
        let shed = shed.iter().map(|(what, n)| ([("because_of", what.as_str())], *n));
        family(encoder, "submissions_shed", "Submissions refused because there was too much to do", shed)?;
        let counter =
            encoder.encode_descriptor("trust_changes", "Changes of trust", None, MetricType::Counter)?;
        ConstCounter::new(figures.trust_changes).encode(counter)
    }

    /// How agents fare: summed over all of them, since 100,000 agents would be 100,000 series each. One agent's figures
    /// are in `GET /v1/agents/{agent}`.
    fn agents(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let CallFigures { ended, took, in_all } = self.0.calls();
        let results = took.iter().map(|(_, count)| count).sum();
        let ended = ended.iter().map(|(ended, n)| ([("ended", *ended)], *n));
        family(encoder, "agent_calls", "Calls to agents, tries included, by how they ended", ended)?;
        let within =
            |within: Duration| if within == Duration::MAX { f64::INFINITY } else { within.as_secs_f64() };
        let buckets: Vec<(f64, u64)> = took.iter().map(|(end, count)| (within(*end), *count)).collect();
        let help = "How long agents took for results";
        let unit = Some(&Unit::Seconds);
        let mut histogram =
            encoder.encode_descriptor("agent_call_duration", help, unit, MetricType::Histogram)?;
        histogram.encode_histogram::<NoLabelSet>(in_all.as_secs_f64(), results, &buckets, None)?;
        let AgentsLately { none, few, many, all } = self.0.limits().agents_lately;
        let help = "Agents with calls in the last five minutes, by how many brought no result: none, few (under a \
                    tenth), many, all";
        let mut family = encoder.encode_descriptor("agents_lately", help, None, MetricType::Gauge)?;
        for (errors, agents) in [("none", none), ("few", few), ("many", many), ("all", all)] {
            ConstGauge::new(signed(agents as u64)).encode(family.encode_family(&[("errors", errors)])?)?;
        }
        Ok(())
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// One counter for each set of labels.
fn family<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = ([(&'static str, &'a str); N], u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// The memory that the process holds, where the system tells.
fn resident() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = told.split(' ').nth(1)?.parse().ok()?;
    // Linux runs on pages of 4 KiB wherever Concordat is built for.
    pages.checked_mul(4096)
}
