//! The tools: what they are called, what they take, and what they do.

use concordat_engine::Caller;
use concordat_model::document;
use concordat_model::id::RunId;
use concordat_model::problem::Problem;
use rmcp::model::{Tool, ToolAnnotations};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::api::contracts::{ContractsQuery, Receipt};
use crate::app::Shared;
use crate::intake::{Door, Entry, Key, handed_over};
use crate::refusal::Refusal;
use crate::routes::contracts::listed;
use crate::{detail, intake, why};

/// The most rows of a search.
const MOST: u32 = 100;

/// One call, read.
pub(super) enum Call {
    Search(Search),
    Get(Named),
    Why(Named),
    Plan(Planning),
    Submit(Submitting),
}

/// Which contracts are looked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    cursor: Option<String>,
}

/// One contract.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    run: String,
}

/// What would be sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Planning {
    document: Value,
}

/// What is sent, if it is not a trial.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Submitting {
    document: Value,
    #[serde(default = "yes")]
    dry_run: bool,
    #[serde(default)]
    idempotency_key: Option<String>,
}

fn yes() -> bool {
    true
}

/// Every tool.
pub(super) fn all() -> Vec<Tool> {
    let run =
        json!({"run": {"type": "string", "pattern": "^run_", "description": "the contract's run, `run_…`"}});
    let document = json!({
        "type": "object",
        "description": "`{\"template\": \"name@version\", \"input\": {…}}`, `{\"contract\": {…}, \"input\": {…}}`, or a \
                        whole document of kind `Contract`",
    });
    let search = json!({
        "status": {"type": "string", "description": "only with this status word, such as `in_review` or `failed`"},
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST},
        "cursor": {"type": "string", "description": "the `next_cursor` of the page before, with the same status"},
    });
    let submit = json!({
        "document": document,
        "dryRun": {"type": "boolean", "default": true, "description": "false submits; otherwise it is only planned"},
        "idempotencyKey": {
            "type": "string", "minLength": 1, "maxLength": 200,
            "description": "needed to submit: fresh for each new contract, the same when it is repeated",
        },
    });
    vec![
        tool("search_contracts", "List contracts of your organisation, newest first.", &search, &[], true),
        tool("get_contract", "See everything about one contract.", &run, &["run"], true),
        tool("why", "Ask what happened to a contract, and why, in words.", &run, &["run"], true),
        tool(
            "plan",
            "See what would happen to a contract: its class, its steps, and what policy would say. Nothing is stored.",
            &json!({"document": document}),
            &["document"],
            true,
        ),
        tool(
            "submit",
            "Submit a contract to be carried out. Without `dryRun: false` it is only planned.",
            &submit,
            &["document"],
            false,
        ),
    ]
}

fn tool(name: &'static str, what: &'static str, members: &Value, needed: &[&str], looks: bool) -> Tool {
    let schema = json!({
        "type": "object", "properties": members, "required": needed, "additionalProperties": false,
    });
    let Value::Object(schema) = schema else { return Tool::new(name, what, Map::new()) };
    // Work that was ordered may be such as nobody can take back.
    let hints =
        ToolAnnotations::new().read_only(looks).destructive(!looks).idempotent(true).open_world(!looks);
    Tool::new(name, what, schema).with_annotations(hints)
}

/// A call of the tool with this name, or what is wrong with it; nothing if there is no such tool.
pub(super) fn read(name: &str, arguments: Value) -> Option<Result<Call, Refusal>> {
    Some(match name {
        "search_contracts" => typed(arguments).map(Call::Search),
        "get_contract" => typed(arguments).map(Call::Get),
        "why" => typed(arguments).map(Call::Why),
        "plan" => typed(arguments).map(Call::Plan),
        "submit" => typed(arguments).map(Call::Submit),
        _ => return None,
    })
}

fn typed<T: DeserializeOwned>(arguments: Value) -> Result<T, Refusal> {
    document::typed(arguments).map_err(|problem| Refusal::Document(problem.into()))
}

/// Does what was asked.
pub(super) async fn answer(app: &Shared, who: &Caller, call: Call) -> Result<Value, Refusal> {
    let engine = &app.engine;
    match call {
        Call::Search(Search { status, limit, cursor }) => {
            let wanted = limit.unwrap_or(20);
            let query = ContractsQuery { status, limit: Some(wanted.min(MOST)), cursor, submission: None };
            let mut told = json!(listed(app, who, query).await?);
            if let (true, Some(members)) = (wanted > MOST, told.as_object_mut()) {
                let said = format!("a page holds at most {MOST}: ask for the next one with `next_cursor`");
                members.insert("limited".to_owned(), Value::String(said));
            }
            Ok(told)
        }
        Call::Get(named) => {
            let view = engine.run(who, named.id()?).await?;
            Ok(json!(detail::detail(&view, &app.names())?))
        }
        Call::Why(named) => {
            let view = engine.run(who, named.id()?).await?;
            Ok(json!(why::tell(&view, &app.names())?))
        }
        Call::Plan(Planning { document }) => plan(app, who, taken(document)?).await,
        Call::Submit(Submitting { document, dry_run: true, .. }) => {
            Ok(marked(plan(app, who, taken(document)?).await?, false))
        }
        Call::Submit(Submitting { document, idempotency_key, .. }) => {
            let entry = Entry::open(app, who, key(&idempotency_key.unwrap_or_default())?)?;
            let accepted = entry.take_in(taken(document)?).await?;
            Ok(marked(json!(Receipt::from(accepted)), true))
        }
    }
}

/// Whether it was submitted, said beside what it came to.
fn marked(mut told: Value, submitted: bool) -> Value {
    if let Some(members) = told.as_object_mut() {
        members.insert("submitted".to_owned(), Value::Bool(submitted));
    }
    told
}

async fn plan(app: &Shared, who: &Caller, document: Value) -> Result<Value, Refusal> {
    Ok(json!(intake::plan(app, who, document).await?))
}

fn taken(document: Value) -> Result<Value, Refusal> {
    handed_over::submission(document, None).map_err(|message| wrong("document-kind", "/document", message))
}

fn key(given: &str) -> Result<Key, Refusal> {
    let said = "to submit, give an `idempotencyKey` of 1 to 200 visible characters of ASCII: a fresh one for each new \
                contract, the same when it is repeated";
    Key::read(Door::Mcp, given)
        .ok_or_else(|| wrong("idempotency-key-missing", "/idempotencyKey", said.to_owned()))
}

fn wrong(code: &'static str, pointer: &'static str, message: String) -> Refusal {
    Refusal::Document(Problem::new(code, pointer, message).into())
}

impl Named {
    fn id(&self) -> Result<RunId, Refusal> {
        self.run.parse().map_err(|_| Refusal::missing("contract", &self.run))
    }
}
