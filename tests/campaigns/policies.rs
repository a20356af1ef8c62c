//! `policies`: policies of a living server, at the size of a busy week.
//!
//! Contracts are carried out until enough decisions are stored. Then stored decisions are asked again of the policy in
//! force, which has to decide every one of them the same, and of one with a rule more, which has to decide exactly
//! those otherwise that the rule is about. Then two policies of 500 rules take turns in force while contracts run: no
//! request may fail, and every decision must bear the mark of the revision that it names. Then somebody sends contracts
//! while others publish hostile policies. A restart changes nothing.
//!
//! `campaign policies --decisions 10000 --swaps 40`, release build, two cores: 13,922 decisions asked again in 3.2 s
//! (3.1 s of processor time), exactly the 181 expected ones denied by the rule more; 40 swaps while 1,964 contracts were
//! sent, none refused, the slowest 38 ms; 1,914 decisions with the mark of their own revision.

mod bystander;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use clap::Args;
use concordat::client::Client;
use concordat_policy::Bundle;
use concordat_server::api::audit::RecordsQuery;
use concordat_server::api::keys::{NewKey, Role};
use concordat_server::api::policies::{ImpactQuery, ImpactReport, PolicyPromotion, Stage};
use serde_json::{Value, json};

use crate::bench::clock::now;
use crate::house::{House, cpu_ms_of, free_port};
use crate::loans;

#[derive(Args)]
pub(crate) struct Options {
    /// How many decisions are stored before they are asked again.
    #[arg(long, default_value_t = 10_000)]
    decisions: u64,
    /// How often the policy in force is changed under load.
    #[arg(long, default_value_t = 40)]
    swaps: u32,
    /// How long a bystander is measured alone, and again while hostile policies are published.
    #[arg(long, default_value_t = 20)]
    bystander_seconds: u64,
}

/// How many contracts are under way at a time.
const AT_A_TIME: u64 = 16;
/// One contract in so many is one that the new rule is about.
const ONE_IN: u64 = 7;

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    println!("campaign policies --decisions {} --swaps {}", options.decisions, options.swaps);
    let folder = tempfile::tempdir()?;
    let listen = free_port()?;
    let house = House::start(listen, folder.path())?;
    let admin = Client::new(&house.url, house.key.as_deref())?;
    loans::employ(&admin).await?;
    let author = somebody(&admin, &house.url, "ann").await?;
    let publisher = somebody(&admin, &house.url, "pat").await?;

    let (contracts, marked) = fill(&admin, options.decisions).await?;
    println!("{contracts} contracts, {marked} of them with the name that the new rule is about");
    let first = admin.policy().await?.revision;
    let same = impact(&house, &publisher, &first).await?;
    ensure!(
        same.same == same.decisions && same.decisions == same.replayed,
        "asked again, it differs: {same:?}"
    );
    let ruled =
        author.publish_policy(bundle("more", &blocking(), 0)?, "application/json").await?.revision.revision;
    let other = impact(&house, &publisher, &ruled).await?;
    ensure!(
        other.would_deny == marked && other.would_permit + other.would_review + other.other_agents == 0,
        "not the expected {marked} decisions: {other:?}"
    );
    ensure!(
        other.codes_new == BTreeMap::from([("name_blocked".to_owned(), marked)]),
        "{:?}",
        other.codes_new
    );
    println!("the rule more would have denied exactly those {marked}");

    swaps(&house, &author, &publisher, options.swaps).await?;
    let marks = marks(&admin).await?;
    println!("{marks} decisions bear the mark of the revision that they name, and no other");

    bystander::measure(&house, [&author, &publisher], options.bystander_seconds).await?;
    quiet(&admin, 0).await?;

    let before = admin.policy().await?.revision;
    let key = house.key.clone();
    house.stop()?;
    let house = House::start(listen, folder.path())?;
    let again = Client::new(&house.url, key.as_deref())?;
    ensure!(again.policy().await?.revision == before, "another policy is in force after a restart");
    println!("the same policy is in force after a restart");
    house.stop()
}

async fn somebody(admin: &Client, url: &str, name: &str) -> anyhow::Result<Client> {
    let key = NewKey { name: name.to_owned(), tenant: "default".to_owned(), roles: vec![Role::PolicyAuthor] };
    Ok(Client::new(url, Some(&admin.create_key(&key).await?.key))?)
}

/// Carries contracts out until so many decisions are stored; gives how many, and how many have the marked name.
async fn fill(admin: &Client, decisions: u64) -> anyhow::Result<(u64, u64)> {
    let (mut sent, mut marked) = (0, 0);
    // A contract of three steps has eight decisions or more.
    while sent * 8 < decisions {
        for nth in sent..sent + AT_A_TIME {
            let name = if nth % ONE_IN == 0 { "blocked" } else { "plain" };
            marked += u64::from(nth % ONE_IN == 0);
            submit(admin, name, &format!("fill{nth}")).await?;
        }
        sent += AT_A_TIME;
        quiet(admin, AT_A_TIME).await?;
    }
    quiet(admin, 0).await?;
    Ok((sent, marked))
}

async fn submit(client: &Client, name: &str, key: &str) -> anyhow::Result<()> {
    let mut submission = loans::submission(key, 2);
    let place =
        submission.pointer_mut("/contracts/0/contract/metadata/name").context("a submission has a name")?;
    *place = json!(name);
    client.submit(serde_json::to_vec(&submission)?, "application/json", key).await?;
    Ok(())
}

/// Waits until no more than so many contracts are open.
async fn quiet(client: &Client, most: u64) -> anyhow::Result<()> {
    loop {
        let open: u64 = open(client).await?;
        if open <= most {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn open(client: &Client) -> anyhow::Result<u64> {
    let query = concordat_server::api::contracts::ContractsQuery {
        status: Some("running".to_owned()),
        limit: Some(100),
        ..Default::default()
    };
    Ok(client.contracts(&query).await?.items.len() as u64)
}

async fn impact(house: &House, who: &Client, revision: &str) -> anyhow::Result<ImpactReport> {
    let process = house.process().to_string();
    let (started, cpu) = (now(), cpu_ms_of(&process)?);
    let report = who.policy_impact(revision, &ImpactQuery::default()).await?;
    println!(
        "{} decisions asked again in {:.2} s, with {:.2} s of processor time",
        report.replayed,
        started.elapsed().as_secs_f64(),
        (cpu_ms_of(&process)? - cpu) / 1e3
    );
    Ok(report)
}

/// Two policies of 500 rules take turns in force while contracts are sent.
async fn swaps(house: &House, author: &Client, publisher: &Client, times: u32) -> anyhow::Result<()> {
    let mut revisions = Vec::new();
    for mark in ["mark_a", "mark_b"] {
        let published = author.publish_policy(bundle(mark, &marking(mark), 500)?, "application/json").await?;
        revisions.push(published.revision.revision);
    }
    let done = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let url = house.url.clone();
    let key = house.key.clone();
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let (done, sent, url, key) = (done.clone(), sent.clone(), url.clone(), key.clone());
            tokio::spawn(async move {
                let client = Client::new(&url, key.as_deref())?.impatient();
                let mut nth = 0;
                while !done.load(Ordering::Relaxed) {
                    submit(&client, "plain", &format!("swap{worker}-{nth}")).await?;
                    nth += 1;
                    sent.fetch_add(1, Ordering::Relaxed);
                    quiet(&client, 64).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let mut slowest = 0.0_f64;
    for (nth, revision) in (0..times).zip(revisions.iter().cycle()) {
        publisher
            .policy_impact(revision, &ImpactQuery { since: Some(jiff::Timestamp::MAX), until: None })
            .await?;
        let before = sent.load(Ordering::Relaxed);
        let promotion = PolicyPromotion {
            to: Stage::Enforced,
            share: None,
            reason: format!("swap {nth}"),
            break_glass: None,
            most_differ: None,
        };
        let started = now();
        publisher.promote_policy(revision, &promotion).await?;
        slowest = slowest.max(started.elapsed().as_secs_f64() * 1e3);
        // Each revision decides about something before the next one comes.
        while sent.load(Ordering::Relaxed) < before + 4 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    done.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await??;
    }
    quiet(publisher, 0).await?;
    println!(
        "{times} swaps of 500 rules while {} contracts were sent, none of them refused; the slowest took {slowest:.1} ms",
        sent.load(Ordering::Relaxed)
    );
    Ok(())
}

/// Looks whether every admission bears the mark of the revision that it names; gives how many do.
async fn marks(auditor: &Client) -> anyhow::Result<u64> {
    let mut by_revision: BTreeMap<String, String> = BTreeMap::new();
    let mut query =
        RecordsQuery { kind: Some("gate.decided".to_owned()), limit: Some(1000), ..RecordsQuery::default() };
    let mut found = 0;
    loop {
        let page = auditor.records(&query).await?;
        for entry in &page.items {
            let record: Value = serde_json::from_str(entry.record.get())?;
            let decision = record.pointer("/data/decision").context("a decision")?;
            let checks = decision.get("checks").and_then(Value::as_array).cloned().unwrap_or_default();
            let mut marks = checks.iter().filter_map(|check| check.get("policy")?.as_str());
            let Some(mark) = marks.find(|mark| mark.starts_with("mark_")) else { continue };
            let revision =
                decision.pointer("/provenance/policy").and_then(Value::as_str).context("a revision")?;
            let known = by_revision.entry(revision.to_owned()).or_insert_with(|| mark.to_owned());
            ensure!(known == mark, "the revision {revision} has two marks: {known} and {mark}");
            found += 1;
        }
        match page.next_from {
            Some(from) if !page.items.is_empty() => query.from = Some(from),
            _ => break,
        }
    }
    ensure!(by_revision.len() == 2, "both revisions decided: {by_revision:?}");
    Ok(found)
}

fn blocking() -> String {
    "checks contains common.check(\n\t\"name_blocked\", \"fail\", \"critical\",\n\t\"contracts of this name do not \
     run\",\n\t\"give it another name\",\n) if {\n\tinput.contract.name == \"blocked\"\n}\n"
        .to_owned()
}

fn marking(mark: &str) -> String {
    format!(
        "checks contains common.check({mark:?}, \"warn\", \"low\", \"marked\", \"nothing\") if {{\n\ttrue\n}}\n"
    )
}

/// The standard policy with one rule more for admissions, and so many others that never hold.
fn bundle(name: &str, rule: &str, others: usize) -> anyhow::Result<Vec<u8>> {
    let package = "package concordat.admit\n\nimport data.concordat.common\n\n";
    let mut files: BTreeMap<String, String> =
        Bundle::standard().files().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    // The tests of the standard policy compare whole sets of checks: a mark would be one too many.
    files.retain(|path, _| others == 0 || !path.starts_with("admit/admit_"));
    files.insert(format!("admit/{name}.rego"), format!("{package}{rule}"));
    for (nth, chunk) in (0..others).collect::<Vec<_>>().chunks(100).enumerate() {
        let rules = chunk.iter().map(|n| {
            format!(
                "checks contains common.check(\"never_{n}\", \"fail\", \"critical\", \"never\", \"never\") if {{\n\t\
                 input.contract.name == \"never-{n}\"\n}}\n\n"
            )
        });
        files.insert(format!("admit/{name}_{nth}.rego"), format!("{package}{}", rules.collect::<String>()));
    }
    Ok(serde_json::to_vec(&json!({ "files": files }))?)
}
