//! A report of the records in a JSON Lines file: `report_of_records records.jsonl FIRST TEMPLATE OUT`.

use std::io::BufRead as _;

use concordat_ledger::Record;
use concordat_report::entry::Entry;
use concordat_report::facts::Input;
use concordat_report::template::Template;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [records, first, template, out] = arguments.as_slice() else {
        return Err("give records.jsonl, the first index, a template, and the file to write".into());
    };
    let template = Template::named(template)?;
    let mut facts = template.facts()?;
    let lines = std::io::BufReader::new(std::fs::File::open(records)?).lines();
    for (index, line) in (first.parse::<u64>()?..).zip(lines) {
        let record = Record::read(line?.as_bytes())?;
        facts.add(&Entry::read(index, &record)?, Input::Unknown);
    }
    let report = template.report(&facts, facts.scope());
    let bytes = match out.rsplit('.').next() {
        Some("html") => concordat_report::html::page(&report).into_bytes(),
        Some("csv") => concordat_report::csv::report(&report)?,
        _ => serde_json::to_vec_pretty(&report)?,
    };
    Ok(std::fs::write(out, bytes)?)
}
