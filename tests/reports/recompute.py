#!/usr/bin/env python3
"""Counts every figure of a report again, from the records alone, and compares.

    recompute.py report.json records.jsonl

Nothing of the program is used here: the queries are read by their grammar (crates/concordat-report/src/query.rs), and
what is computed otherwise is computed as the figure's `rule` says it. Only the standard library is needed.
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

QUICK_MS = 10_000
HEARTBEAT_S = 60


# Queries


def values(record, path):
    """Every text that stands at a path."""
    if path in ("id", "source", "subject", "time", "type"):
        return [record[path]]

    def walk(value, members):
        if isinstance(value, list):
            return [text for item in value for text in walk(item, members)]
        if members:
            return walk(value[members[0]], members[1:]) if isinstance(value, dict) and members[0] in value else []
        if value is None:
            return []
        if isinstance(value, bool):
            return ["true" if value else "false"]
        if isinstance(value, dict):
            return [next(iter(value))] if len(value) == 1 else ["{…}"]
        return [str(value)]

    return walk(record["data"], path.split(".")[1:])


def fits(text, pattern):
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def term(record, text):
    if "!=" in text:
        path, wanted = text.split("!=", 1)
        found = values(record, path)
        return bool(found) and not any(fits(value, one) for value in found for one in wanted.split("|"))
    if "=" in text:
        path, wanted = text.split("=", 1)
        return any(fits(value, one) for value in values(record, path) for one in wanted.split("|"))
    if text.startswith("!"):
        return not values(record, text[1:])
    return bool(values(record, text))


def answers(record, query):
    return all(term(record, text) for text in query.split())


# Times


def at(record):
    return datetime.strptime(record["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def millis(first, second):
    """Whole milliseconds, never less than none."""
    delta = second - first
    micros = (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    return max(0, micros // 1000)


def three_digits(number):
    unit = 1
    while number // unit >= 1000:
        unit *= 10
    return number // unit * unit


def times(all_millis):
    if not all_millis:
        return {"kind": "no_evidence"}
    rounded = sorted(three_digits(one) for one in all_millis)
    quantile = lambda share: rounded[-(-len(rounded) * share // 100) - 1]
    return {
        "kind": "times",
        "count": len(rounded),
        "median_ms": quantile(50),
        "p95_ms": quantile(95),
        "p99_ms": quantile(99),
        "longest_ms": max(all_millis),
        "mean_ms": sum(all_millis) // len(all_millis),
    }


def part(some, whole):
    return {"kind": "part", "part": some, "whole": whole} if whole else {"kind": "no_evidence"}


def count(some, among):
    return {"kind": "count", "count": some} if among else {"kind": "no_evidence"}


# What is no plain count


class Log:
    """The records, once more, with what belongs together."""

    def __init__(self, records):
        self.records = records
        self.runs = defaultdict(list)
        for index, record in enumerate(records):
            if record["subject"].startswith("run_"):
                self.runs[record["subject"]].append((index, record))
        self.received = {
            run: record for run, all in self.runs.items() for _, record in all if record["type"] == "contract.received"
        }
        self.ended = {
            run: record for run, all in self.runs.items() for _, record in all if record["type"] == "contract.ended"
        }

    def of(self, kind):
        return [record for record in self.records if record["type"] == kind]

    def latency(self):
        return times([millis(at(self.received[run]), at(end)) for run, end in self.ended.items() if run in self.received])

    def throughput(self):
        if not self.ended:
            return {"kind": "no_evidence"}
        over = millis(at(self.records[0]), at(self.records[-1]))
        return {"kind": "rate", "count": len(self.ended), "over_ms": over} if over else {"kind": "no_evidence"}

    def open(self):
        return [run for run in self.runs if run not in self.ended]

    def cost(self, currency):
        micros = 0
        for record in self.of("step.dispatched"):
            amount, _, code = record["data"].get("cost", "0 ?").partition(" ")
            if code == currency:
                whole, _, decimals = amount.partition(".")
                micros += int(whole) * 1_000_000 + int((decimals + "000000")[:6])
        if not self.ended:
            return {"kind": "no_evidence"}
        return {"kind": "cost", "micros": micros, "currency": currency, "contracts": len(self.ended)}

    def permits(self, gate, naming, first_only=True):
        """Of the records that name a permit of this gate, those whose permit stands before them in their run."""
        good = whole = 0
        for run, all in self.runs.items():
            if run not in self.received:
                continue
            permits = set()
            for _, record in all:
                decision = record["data"].get("decision")
                if record["type"] == "gate.decided" and decision["gate"] == gate:
                    if decision["answer"]["kind"] == "permit":
                        permits.add(decision["id"])
                elif record["type"] == naming:
                    whole += 1
                    good += decision in permits
        return part(good, whole)

    def used(self):
        used = unused = 0
        for run, all in self.runs.items():
            permits = set()
            for _, record in all:
                data, kind = record["data"], record["type"]
                if kind == "gate.decided" and data["decision"]["gate"] == "dispatch":
                    if data["decision"]["answer"]["kind"] == "permit":
                        permits.add(data["decision"]["id"])
                elif kind == "step.dispatched":
                    used += run in self.received
                    permits.discard(data["decision"])
                elif kind == "step.recalled":
                    used += run in self.received and data["decision"] in permits
                    permits.discard(data["decision"])
                elif kind == "contract.ended":
                    unused += len(permits)
        return part(used, used + unused)

    def outcomes(self):
        answered = unknown = lost = 0
        for all in self.runs.values():
            flying = set()
            for _, record in all:
                data, kind = record["data"], record["type"]
                key = json.dumps(data.get("attempt"), sort_keys=True)
                if kind == "step.dispatched":
                    flying.add(key)
                elif kind == "step.answered" and key in flying:
                    flying.remove(key)
                    answered += 1
                    unknown += data["reply"]["kind"] in ("unknown", "interrupted")
                elif kind == "contract.ended":
                    lost += len(flying)
        return answered, unknown, lost

    def settled_reviews(self):
        opened = len(self.of("review.opened"))
        settled = 0
        for all in self.runs.values():
            open = set()
            for _, record in all:
                data, kind = record["data"], record["type"]
                if kind == "review.opened":
                    open.add(data["review"])
                elif kind in ("review.answered", "review.lapsed") and data["review"] in open:
                    open.remove(data["review"])
                    settled += 1
                elif kind == "contract.ended":
                    settled += len(open)
                    open = set()
        return part(settled, opened)

    def review_times(self):
        opened, took, quick, timed = {}, [], 0, 0
        for record in self.records:
            if record["type"] == "review.opened":
                opened[record["data"]["review"]] = at(record)
            elif record["type"] == "review.answered" and record["data"]["review"] in opened:
                one = millis(opened[record["data"]["review"]], at(record))
                took.append(one)
                if record["data"]["verdict"] == "approve":
                    timed += 1
                    quick += one < QUICK_MS
        return times(took), part(quick, timed)

    def gaps(self):
        following, good = {}, 0
        for record in self.records:
            subject, number = record["subject"], record["subjectseq"]
            good += following.get(subject, number) == number
            following[subject] = number + 1
            if record["type"] == "contract.ended":
                del following[subject]
        return part(good, len(self.records))

    def duties(self):
        answers = [record for record in self.of("review.answered") if record["subject"] in self.received]
        own = lambda record: self.received[record["subject"]]["data"]["submitter"]["name"] == record["data"]["by"]["name"]
        yield "duties.reviewer", part(sum(map(own, answers)), len(answers))
        authors, judged, conflicts = {}, 0, 0
        for record in self.records:
            if record["type"] == "policy.published":
                authors[record["data"]["revision"]] = record["data"]["author"]
            elif record["type"] == "policy.promoted" and record["data"]["revision"] in authors:
                judged += 1
                conflicts += authors[record["data"]["revision"]] == record["data"]["by"]
        yield "duties.promoter", part(conflicts, judged)
        keys = [record["data"] for record in self.of("key.created") if "by" in record["data"]]
        yield "duties.keys", part(sum(key["by"] == key["principal"]["name"] for key in keys), len(keys))
        keeper, judged, conflicts = {}, 0, 0
        for record in self.records:
            if record["type"] == "agent.registered":
                keeper[record["subject"]] = record["data"]["by"]
            elif record["type"] == "step.dispatched" and record["subject"] in self.received:
                if record["data"]["agent"] in keeper:
                    judged += 1
                    submitter = self.received[record["subject"]]["data"]["submitter"]["name"]
                    conflicts += keeper[record["data"]["agent"]] == submitter
        yield "duties.agents", part(conflicts, judged)

    def overdue(self):
        broken, open = 0, {}
        for record in self.records:
            data, kind = record["data"], record["type"]
            if kind == "policy.promoted" and "break_glass" in data:
                broken += 1
                open[data["revision"]] = data["break_glass"]
            elif kind in ("policy.promoted", "policy.rolled_back", "policy.withdrawn"):
                open.pop(data["revision"], None)
        parse = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
        return part(sum(at(self.records[-1]) > parse(until) for until in open.values()), broken)

    def health(self):
        running, unclean, starts, back, due, beats = {}, 0, 0, 0, 0, 0
        before = None
        for record in self.records:
            now, source, kind = at(record), record["source"], record["type"]
            back += before is not None and millis(now, before) > 1000
            before = now
            if kind == "log.started":
                starts += 1
                unclean += source in running
                running[source] = now
            elif kind in ("log.heartbeat", "log.stopped"):
                came = kind == "log.heartbeat"
                if source in running:
                    seconds = millis(running[source], now) // 1000
                    due += max(1, (seconds + HEARTBEAT_S // 2) // HEARTBEAT_S) if came else seconds // HEARTBEAT_S
                    beats += came
                    running[source] = now
                elif came:
                    due, beats = due + 1, beats + 1
                    running[source] = now
                if not came:
                    running.pop(source, None)
        yield "health.unclean", part(unclean, starts)
        yield "health.back", count(back, len(self.records))
        yield "completeness.heartbeats", part(beats, due)

    def losses(self):
        def lost(seen):
            if isinstance(seen, dict):
                return seen["completed"]["schema"] == "breaks"
            return True

        changes = self.of("trust.changed")
        return part(sum(lost(record["data"]["seen"]) for record in changes), len(changes))

    def computed(self):
        """Every figure that is no plain count, by its name."""
        yield "contracts.latency", self.latency()
        yield "contracts.throughput", self.throughput()
        yield "contracts.open", count(len(self.open()), len(self.runs))
        currencies = Counter(record["data"].get("cost", "").partition(" ")[2] for record in self.of("step.dispatched"))
        for currency in filter(None, currencies):
            yield f"contracts.cost.{currency}", self.cost(currency)
        if not any(currencies):
            yield "contracts.cost", {"kind": "no_evidence"}
        yield "work.latency", times([record["data"]["latency_ms"] for record in self.of("step.answered")])
        took, quick = self.review_times()
        yield "reviews.latency", took
        yield "reviews.quick", quick
        yield "trust.losses", self.losses()
        yield from self.duties()
        yield "exceptions.overdue", self.overdue()
        yield "completeness.contracts", part(len(self.runs) - len(self.open()), len(self.runs))
        yield "completeness.dispatches", self.permits("dispatch", "step.dispatched")
        yield "completeness.releases", self.permits("release", "step.released")
        yield "completeness.permits", self.used()
        answered, unknown, lost = self.outcomes()
        yield "completeness.outcomes", part(answered, answered + lost)
        yield "completeness.unknown", part(unknown, answered + lost)
        yield "completeness.reviews", self.settled_reviews()
        yield "completeness.subjects", self.gaps()
        of_runs = sum(len(all) for all in self.runs.values())
        yield "completeness.understood", part(of_runs, of_runs)
        yield from self.health()


# Comparing

# Under these names figures of other sections stand at the front; and these say that records say nothing.
SILENT = {"metrics.users", "metrics.resources"}
FRONT = {
    "metrics.throughput": "contracts.throughput",
    "metrics.latency": "contracts.latency",
    "metrics.success": "contracts.completed",
    "metrics.errors": "work.failed",
    "metrics.compliance": "completeness.dispatches",
    "metrics.compliance_results": "completeness.releases",
    "metrics.agents": "trust.good",
    "metrics.audit": "completeness.outcomes",
    "metrics.reliability": "health.unclean",
}


def plain(value, basis, records):
    """A plain count, or a plain part of a whole, counted again."""
    some = sum(answers(record, basis["query"]) for record in records)
    if value["kind"] == "part":
        return {"kind": "part", "part": some, "whole": sum(answers(record, basis["of"]) for record in records)}
    if value["kind"] == "count":
        return {"kind": "count", "count": some}
    # No evidence: there must be nothing of which it could be a part, or among which it could be.
    return {"kind": "no_evidence"} if some == 0 else {"kind": "count", "count": some}


def inside(index, leaves):
    return any(first <= index <= last for first, last in leaves)


def main(report, records):
    with open(report, encoding="utf-8") as file:
        report = json.load(file)
    with open(records, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    first, wrong, same, skipped = report["scope"]["first"], [], 0, []
    if len(records) != report["scope"]["end"] - first:
        wrong.append(f"{len(records)} records, the report is about {report['scope']['end'] - first}")
    computed = dict(Log(records).computed()) if records else {}
    figures = [figure for section in report["sections"] for figure in section["figures"]]
    by_name = {figure["id"]: figure for figure in figures}
    for figure in figures:
        name, value, basis = figure["id"], figure["value"], figure["basis"]
        if name in ("completeness.inputs", "completeness.forgotten"):
            skipped.append(name + " (needs the payloads)")
            continue
        if name in SILENT or not records:
            expected = {"kind": "no_evidence"}
        elif name in FRONT or name.startswith("metrics.cost"):
            expected = by_name[FRONT.get(name, name.replace("metrics.", "contracts."))]["value"]
        elif name in computed:
            expected = computed[name]
        elif "rule" in basis:
            wrong.append(f"{name}: has a rule that is not computed here")
            continue
        else:
            expected = plain(value, basis, records)
        if expected != value:
            wrong.append(f"{name}: {value} in the report, {expected} counted again")
        else:
            same += 1
        if "rule" not in basis and basis["query"] and value["kind"] in ("count", "part"):
            outside = [n for n, one in enumerate(records, first) if answers(one, basis["query"]) and not inside(n, basis["leaves"])]
            if outside:
                wrong.append(f"{name}: the leaves {outside[:5]} are counted and not named")
    rows = 0
    for section in report["sections"]:
        for table in section["tables"] if "tables" in section else []:
            for row in table["rows"]:
                if "query" in row and table["columns"][-1] in ("contracts", "received", "decisions", "answers", "steps", "changes", "keys", "orders"):
                    again = sum(answers(record, row["query"]) for record in records)
                    rows += 1
                    if str(again) != row["cells"][-1]:
                        wrong.append(f"{table['id']} {row['cells']}: {again} counted again")
    for control in report.get("controls", []):
        for evidence in control["evidence"]:
            basis, value = evidence["basis"], evidence["value"]
            if "rule" in basis:
                # It is one of the figures above, which were counted again.
                rows += 1
                if not any(figure["basis"] == basis and figure["value"] == value for figure in figures):
                    wrong.append(f"{control['id']}: {value} in the report, which no figure says")
            elif value["kind"] in ("count", "part"):
                rows += 1
                if plain(value, basis, records) != value:
                    wrong.append(f"{control['id']}: {value} in the report, {plain(value, basis, records)} counted again")
    print(f"{same} of {len(figures)} figures and {rows} rows counted again and the same; left out: {', '.join(skipped) or 'none'}")
    for one in wrong:
        print(f"WRONG {one}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
