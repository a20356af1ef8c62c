//! Bodies that try to hurt whoever reads them: each must be refused at once, with its reason, and leave no trace.
//!
//! Measured in a release build on two shared cores: 0.1 to 2 ms each, 13 ms for 6,000 steps in 150 KB; after 480 of
//! them the server had grown from 25.3 to 28.1 MiB.

use std::time::{Duration, Instant};

use anyhow::ensure;
use clap::Args;
use concordat::client::{Client, ClientError};

use crate::house::{House, free_port};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each body is sent.
    #[arg(long, default_value_t = 20)]
    times: u32,
}

const YAML: &str = "application/yaml";
const JSON: &str = "application/json";

/// A small contract around these steps.
fn contract(steps: &str) -> String {
    format!(
        "apiVersion: concordat/v1\nkind: Contract\nmetadata: {{name: x}}\nspec:\n  objective: x\n  steps: {steps}\n"
    )
}

/// The bodies: what they try, in which notation, what they are.
fn bodies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let yaml = |what, text: String| (what, YAML, text.into_bytes());
    let json = |what, text: String| (what, JSON, text.into_bytes());
    let million: String = (0..1_000_000).map(|nth| format!("{{id: s{nth}, skill: x}},")).collect();
    let many: String = (0..6_000).map(|nth| format!("{{id: s{nth}, skill: x}},")).collect();
    let laugh =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
    vec![
        yaml("a cycle", contract("[{id: a, skill: x, needs: [b]}, {id: b, skill: x, needs: [a]}]")),
        yaml("an unknown step", contract("[{id: a, skill: x, needs: [c]}]")),
        yaml("an unknown reference", contract("[{id: a, skill: x, with: {v: '${steps.b.output}'}}]")),
        yaml("a duplicate key", "kind: Contract\nkind: Contract\n".to_owned()),
        json("a duplicate JSON key", r#"{"kind":"Contract","kind":"Contract"}"#.to_owned()),
        yaml("anchors and aliases", laugh.to_owned()),
        yaml("a custom tag", "kind: !!python/object/apply:os.system ['id']\n".to_owned()),
        yaml("an unknown field", contract("[{id: a, skill: x, sudo: true}]")),
        yaml("a number out of range", contract("[{id: a, skill: x, retry: {max: 4000000000}}]")),
        yaml("a huge number", contract("[{id: a, skill: x, with: {n: 123456789012345678901234567890}}]")),
        json("100 levels", format!("{}{}", "[".repeat(100), "]".repeat(100))),
        json("100,000 levels", "[".repeat(100_000)),
        yaml("100 YAML levels", format!("{}{}", "[".repeat(100), "]".repeat(100))),
        yaml("100,000 YAML levels", "- ".repeat(100_000)),
        json("10 MB", format!("\"{}\"", "a".repeat(10 << 20))),
        yaml("a million steps", contract(&format!("[{million}]"))),
        yaml("6,000 steps", contract(&format!("[{many}]"))),
        yaml("nothing", String::new()),
        ("invalid UTF-8", YAML, b"kind: \xff\xfe\n".to_vec()),
        ("invalid UTF-8 in JSON", JSON, b"{\"kind\": \"\xc3\x28\"}".to_vec()),
        yaml(
            "a pattern bomb",
            contract("[{id: a, skill: x, when: {path: '${input}', matches: '(a{1000}){1000}'}}]"),
        ),
        yaml("a schema that leads to itself", contract("[{id: a, skill: x, output: {schema: {$ref: '#'}}}]")),
        yaml(
            "a schema elsewhere",
            contract("[{id: a, skill: x, output: {schema: {$ref: 'http://127.0.0.1/x'}}}]"),
        ),
        yaml("a list for a map", contract("[[a, x]]")),
    ]
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    println!("campaign hostile --times {}", options.times);
    let folder = tempfile::tempdir()?;
    let house = House::start(free_port()?, folder.path())?;
    let client = Client::new(&house.url, house.key.as_deref())?;
    let before = (house.resident_mib()?, size(&client).await?);
    println!("{:<32} {:>9} {:>9}  refusal", "body", "median ms", "worst ms");
    let mut worst_of_all = Duration::ZERO;
    for (what, media_type, body) in bodies() {
        let mut took = Vec::new();
        let mut told = String::new();
        for nth in 0..options.times {
            let began = now();
            told = refusal(client.submit(body.clone(), media_type, &format!("h-{nth}")).await, what)?;
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let at = |nth: usize| took.get(nth).copied().unwrap_or_default();
        let (median, worst) = (at(took.len() / 2), at(took.len() - 1));
        worst_of_all = worst_of_all.max(worst);
        println!("{what:<32} {:>9.1} {:>9.1}  {told}", median.as_secs_f64() * 1e3, worst.as_secs_f64() * 1e3);
    }
    let after = (house.resident_mib()?, size(&client).await?);
    println!(
        "memory {:.1} MiB before, {:.1} MiB after; the log has {} records before and {} after",
        before.0, after.0, before.1, after.1
    );
    ensure!(after.1 == before.1, "a refused body left something in the log");
    ensure!(after.0 - before.0 < 16.0, "refused bodies took memory");
    house.stop()
}

/// What the server said, which must be a refusal of the document.
fn refusal<T>(answer: Result<T, ClientError>, what: &str) -> anyhow::Result<String> {
    match answer {
        Ok(_) => anyhow::bail!("{what} was taken in"),
        Err(ClientError::Refused(refused)) => {
            let problem = &refused.problem;
            ensure!((400..500).contains(&problem.status), "{what} was answered with {}", problem.status);
            let first = problem
                .errors
                .first()
                .map(|one| format!("{} {}", one.pointer, one.message))
                .unwrap_or_default();
            let told: String = format!("{} {first}", problem.code).chars().take(110).collect();
            Ok(format!("{} {told}", problem.status))
        }
        // A body that is far too large is refused before it is read, and the connection with it.
        Err(ClientError::Broken { .. }) => Ok("the connection was closed".to_owned()),
        Err(error) => Err(error.into()),
    }
}

async fn size(client: &Client) -> anyhow::Result<u64> {
    let checkpoint = client.checkpoint().await?;
    Ok(checkpoint.lines().nth(1).unwrap_or_default().parse()?)
}

#[expect(clippy::disallowed_methods, reason = "a campaign measures real time")]
fn now() -> Instant {
    Instant::now()
}
