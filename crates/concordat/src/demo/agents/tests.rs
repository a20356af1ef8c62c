use std::time::Duration;

use concordat_agents::egress::{Egress, Endpoint};
use concordat_agents::execute::{Answer, Call, ExecuteClient, Limits, RefusalKind};
use concordat_model::agent::Registration;
use concordat_model::schema::Schema;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Books, Failure, Manner, Mood, SampleAgent, Skill, fleet, serve, skills};

fn skill(name: &str) -> Skill {
    skills().into_iter().find(|skill| skill.name == name).unwrap()
}

fn work(name: &str, params: Value) -> Result<Value, Failure> {
    skill(name).work(params, &mut Books::default())
}

fn agent(name: &str) -> SampleAgent {
    fleet().into_iter().find(|agent| agent.profile().name == name).unwrap()
}

#[test]
fn every_skill_does_what_its_schemas_say() {
    for skill in skills() {
        let name = skill.name;
        let input = Schema::compile(&skill.input).unwrap_or_else(|why| panic!("{name}: {why}"));
        let output = Schema::compile(&skill.output).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(input.misfits(&skill.example).is_empty(), "{name}: {:?}", input.misfits(&skill.example));
        let mut books = Books::default();
        let result =
            skill.work(skill.example.clone(), &mut books).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(output.misfits(&result).is_empty(), "{name}: {result}: {:?}", output.misfits(&result));
        assert!(
            !output.misfits(&super::agent::spoilt(result.clone())).is_empty(),
            "{name}: a lie is noticed"
        );
        assert_eq!(
            skill.work(skill.example.clone(), &mut Books::default()),
            Ok(result),
            "{name}: the same again"
        );
        for wrong in [json!(null), json!([]), json!("text"), json!({}), json!({"x": 1})] {
            let said = skill.work(wrong.clone(), &mut books);
            assert!(matches!(said, Err(Failure::Params(_))), "{name} took {wrong}");
        }
    }
}

#[test]
fn the_fleet_can_be_registered() {
    let fleet = fleet();
    let mut names: Vec<_> = fleet.iter().map(|agent| agent.profile().name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), fleet.len());
    for agent in &fleet {
        let document = agent.registration("http://127.0.0.1:8001");
        let read =
            Registration::read(document).unwrap_or_else(|why| panic!("{}: {why:?}", agent.profile().name));
        assert_eq!(read.skills.len(), agent.skills().len());
    }
    for skill in skills() {
        let offering =
            fleet.iter().filter(|agent| agent.skills().iter().any(|one| one.name == skill.name)).count();
        let shared = ["analyze_xray", "check_credit", "check_grammar", "final_edit", "research_topic"];
        let least = if shared.contains(&skill.name) { 2 } else { 1 };
        assert!(offering >= least, "`{}` is offered by {offering}", skill.name);
    }
}

#[test]
fn a_loan_that_is_undone_leaves_nothing() {
    let books = &mut Books::default();
    let mut ask = |name: &str, params: Value| skill(name).work(params, books);
    let application = json!({"applicant_id": "ap-1001", "amount": 9_000_000});
    let credit = ask("check_credit", json!({"applicant_id": "ap-1001"})).unwrap();
    let risk = ask("assess_risk", json!({"application": application, "credit": credit})).unwrap();
    let declined = ask("approve_loan", json!({"application": application, "risk": risk})).unwrap_err();
    assert!(declined.to_string().starts_with("the amount 9000000 is beyond the limit"), "{declined}");
    assert_eq!(declined.code(), -32010);
    let undone = ask("cancel_assessment", json!({"assessment_id": risk["id"]})).unwrap();
    assert_eq!(undone["was_held"], true);
    ask("release_credit_check", json!({"check_id": credit["check_id"]})).unwrap();
    let again = ask("release_credit_check", json!({"check_id": credit["check_id"]})).unwrap();
    assert_eq!(again["was_held"], false);
    assert_eq!(books.held().count(), 0);
}

#[test]
fn a_good_loan_is_held() {
    let mut books = Books::default();
    let mut ask = |name: &str, params: Value| skill(name).work(params, &mut books).unwrap();
    let credit = ask("check_credit", json!({"applicant_id": "ap-1001"}));
    let application = json!({"applicant_id": "ap-1001", "amount": 5_000, "income": 60_000});
    let risk = ask("assess_risk", json!({"application": application, "credit": credit}));
    let loan = ask("approve_loan", json!({"application": application, "risk": risk}));
    assert_eq!(loan["status"], "approved");
    let kinds: Vec<_> = books.held().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["credit check", "loan", "risk assessment"]);
}

#[test]
fn an_article_goes_its_way() {
    let found = work("research_topic", json!({"topic": "solar power at home"})).unwrap();
    let article = work("write_article", json!({"research": found, "style": "plain", "length": 100})).unwrap();
    let facts = work("verify_facts", json!({"text": article, "sources": found["sources"]})).unwrap();
    assert_eq!(facts["claims"], facts["supported"]);
    let spoilt = format!("{} The the moon is made of cheese.", article["text"].as_str().unwrap());
    let facts = work("verify_facts", json!({"text": spoilt, "sources": found["sources"]})).unwrap();
    assert_eq!(facts["unsupported"], json!(["The the moon is made of cheese."]));
    let grammar = work("check_grammar", json!({"text": spoilt})).unwrap();
    assert_eq!(grammar["doubled"], json!(["the"]));
    let edited =
        work("final_edit", json!({"content": spoilt, "grammar_report": grammar, "fact_report": facts}))
            .unwrap();
    assert_eq!(edited["text"], article["text"]);
    let seo = work("optimize_seo", json!({"text": article, "keywords": ["solar", "cheese"]})).unwrap();
    assert_eq!(seo["missing"], json!(["cheese"]));
}

#[test]
fn images_lead_to_a_plan() {
    let bright = json!({"image": {"image_id": "a", "region": "chest", "densities": [250, 250, 250, 10]}});
    let dark = json!({"image": {"image_id": "b", "region": "chest", "densities": [1, 2, 3]}});
    for (image, code, days) in [(bright, "lesion", 3), (dark, "unremarkable", 180)] {
        let xray = work("analyze_xray", image.clone()).unwrap();
        let mri = work("analyze_mri", image).unwrap();
        let diagnosis =
            work("generate_diagnosis", json!({"xray_results": xray, "mri_results": mri})).unwrap();
        assert_eq!(diagnosis["code"], code);
        let plan = work("create_treatment_plan", json!({"diagnosis": diagnosis})).unwrap();
        assert_eq!(plan["follow_up_days"], days);
    }
    assert!(work("analyze_xray", json!({"image": "scan-17"})).is_ok(), "a name stands for an image");
}

#[test]
fn research_and_features_go_their_way() {
    let found =
        work("gather_sources", json!({"question": "Does cycling in a city improve health?"})).unwrap();
    let analysis = work("analyze_findings", found).unwrap();
    assert_eq!(analysis["themes"][0], "cycling");
    let report = work("write_report", json!({"analysis": analysis})).unwrap();
    let review = work("review_report", json!({"report": report})).unwrap();
    assert_eq!(review["accepted"], true, "{review}");

    let design = work(
        "design_feature",
        json!({"feature": "Export", "requirements": ["Export orders", "Limit exports"]}),
    );
    let design = design.unwrap();
    let build = work("implement_feature", json!({"design": design})).unwrap();
    let tested = work("test_feature", json!({"design": design, "build": build})).unwrap();
    assert_eq!(tested, json!({"passed": 4, "failures": []}));
    let mut changed = build;
    changed["files"][0]["source"] = json!("fn backdoor() {}");
    let tested = work("test_feature", json!({"design": design, "build": changed})).unwrap();
    assert_eq!(tested["passed"], 3);
}

#[test]
fn shops_and_posts_are_counted() {
    for (name, params, path, expected) in [
        (
            "quote_shipping",
            json!({"country": "DE", "items": [{"sku": "a", "grams": 450, "quantity": 4}]}),
            "/price_cents",
            json!(610),
        ),
        ("quote_shipping", json!({"country": "US", "items": [{"sku": "a", "grams": 1}]}), "/days", json!(9)),
        ("analyze_engagement", skill("analyze_engagement").example, "/rate_bp", json!(385)),
        ("analyze_engagement", skill("analyze_engagement").example, "/best", json!("p1")),
        ("update_catalog", skill("update_catalog").example, "/accepted", json!(1)),
        ("draft_posts", skill("draft_posts").example, "/posts/0/source", json!("s12")),
    ] {
        assert_eq!(work(name, params).unwrap().pointer(path), Some(&expected), "{name} {path}");
    }
    let heavy = json!({"country": "DE", "items": [{"sku": "a", "grams": 1_000_000, "quantity": 9}]});
    assert!(matches!(work("quote_shipping", heavy), Err(Failure::Declined(_))));
}

#[test]
fn moods_take_their_share() {
    for (share, least, most) in [(0, 0, 0), (50, 430, 570), (100, 1000, 1000)] {
        let mood = Mood::sometimes(Manner::Fail, share, 7);
        let failed = (0..1000).filter(|n| mood.toward(&format!("key-{n}"), "1") == Manner::Fail).count();
        assert!((least..=most).contains(&failed), "{share}: {failed}");
        assert_eq!(mood.toward("key-1", "1"), mood.toward("key-1", "1"));
    }
}

fn client(limits: Limits) -> ExecuteClient {
    ExecuteClient::new(limits, Egress { allow_loopback: true, ..Egress::default() })
}

/// An agent behind HTTP, and a client that calls it.
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(5);

struct Served {
    agent: SampleAgent,
    url: String,
    client: ExecuteClient,
    deadline: Duration,
    stop: Option<oneshot::Sender<()>>,
    task: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Served {
    async fn start(name: &str) -> Served {
        let agent = agent(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(agent.clone(), listener, async {
            let _ = stopped.await;
        }));
        let client = client(Limits::default());
        Served { agent, url, client, deadline: PATIENCE, stop: Some(stop), task: Some(task) }
    }

    async fn ask(&self, method: &str, params: Value, key: &str, attempt: u32) -> Answer {
        let call = Call {
            endpoint: Endpoint::parse(&self.url).unwrap(),
            method: method.into(),
            params,
            id: format!("{key}/{attempt}"),
            decision_id: "dec_1".into(),
            idempotency_key: key.into(),
            deadline: self.deadline,
            first_byte: None,
            traceparent: None,
            log_size: Some(3),
            attempt,
            run: "run_1".into(),
            step: "credit".into(),
        };
        self.client.call(&call).await
    }

    /// How often work was done for each line of the ledger.
    fn applied(&self) -> Vec<bool> {
        self.agent.ledger().iter().map(|entry| entry.applied).collect()
    }

    async fn finish(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.take().unwrap().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_key_is_worked_for_once() {
    let served = Served::start("credit-bureau").await;
    let params = json!({"applicant_id": "ap-1"});
    for attempt in 1..=3 {
        let answer = served.ask("check_credit", params.clone(), "k1", attempt).await;
        assert!(matches!(answer, Answer::Completed(_)), "{answer:?}");
    }
    assert_eq!(served.applied(), [true, false, false]);
    let answer = served.ask("check_credit", json!({"applicant_id": "ap-2"}), "k1", 4).await;
    assert!(matches!(&answer, Answer::Refused(refusal) if refusal.code == Some(-32009)), "{answer:?}");
    let ledger = served.agent.ledger();
    let (first, second) = (&ledger[0], &ledger[1]);
    assert_eq!((first.n, second.n, first.attempt.as_str(), second.attempt.as_str()), (0, 1, "1", "2"));
    assert_eq!((first.run.as_str(), first.step.as_str(), first.log_size.as_str()), ("run_1", "credit", "3"));
    assert_eq!((first.decision_id.as_str(), first.idempotency_key.as_str()), ("dec_1", "k1"));
    assert!(first.output_sha256.is_some() && first.output_sha256 == second.output_sha256);
    served.finish().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused() {
    let served = Served::start("risk-desk").await;
    for (method, params, kind) in [
        ("check_credit", json!({"applicant_id": "a"}), RefusalKind::UnknownSkill),
        ("assess_risk", json!({"application": {}}), RefusalKind::BadParams),
        ("assess_risk", json!({"application": {"applicant_id": "a", "amount": -1}}), RefusalKind::BadParams),
    ] {
        let answer = served.ask(method, params, "k", 1).await;
        assert!(matches!(&answer, Answer::Refused(refusal) if refusal.kind == kind), "{answer:?}");
    }
    let web = reqwest::Client::builder().no_proxy().build().unwrap();
    for (body, code) in [("{", -32700), ("[]", -32600), (r#"{"jsonrpc":"1.0","method":"x","id":1}"#, -32600)]
    {
        let said: Value = web
            .post(format!("{}/execute", served.url))
            .body(body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(said["error"]["code"], code, "{body}");
    }
    assert_eq!(served.applied(), [false; 6]);
    served.finish().await;
}

#[tokio::test]
async fn moods_show() {
    let mut served = Served::start("credit-bureau").await;
    let schema = Schema::compile(&skill("check_credit").output).unwrap();
    for (manner, shown, applied) in [
        (Manner::Work, "completed", true),
        (Manner::Fail, "refused", false),
        (Manner::Stall, "unknown", false),
        (Manner::Lie, "a lie", true),
        (Manner::Crash, "unknown", true),
    ] {
        served.agent.set_mood(Mood::always(manner));
        served.deadline = if manner == Manner::Stall { Duration::from_millis(250) } else { PATIENCE };
        let answer =
            served.ask("check_credit", json!({"applicant_id": "a"}), &format!("{manner:?}"), 1).await;
        let said = match answer {
            Answer::Completed(value) if schema.misfits(&value).is_empty() => "completed",
            Answer::Completed(_) => "a lie",
            Answer::Refused(_) => "refused",
            Answer::Malformed(_) => "malformed",
            Answer::NotSent(_) => "not sent",
            Answer::Unknown(_) => "unknown",
        };
        assert_eq!((said, served.applied().pop()), (shown, Some(applied)), "{manner:?}");
    }
    // What was done before a crash is answered when the same key comes again, and not done again.
    served.agent.set_mood(Mood::WELL);
    let answer = served.ask("check_credit", json!({"applicant_id": "a"}), "Crash", 2).await;
    assert!(matches!(answer, Answer::Completed(_)), "{answer:?}");
    assert_eq!(served.applied().pop(), Some(false));
    served.finish().await;
}

#[tokio::test]
async fn moods_are_set_from_this_machine() {
    let served = Served::start("credit-express").await;
    assert_eq!(served.agent.mood().manner, Manner::Fail);
    let web = reqwest::Client::builder().no_proxy().build().unwrap();
    let control = format!("{}/control", served.url);
    let set = web.post(&control).json(&json!({"manner": "lie", "share": 20})).send().await.unwrap();
    assert_eq!(set.status(), 200);
    assert_eq!(served.agent.mood(), Mood::sometimes(Manner::Lie, 20, 0));
    for wrong in [json!({}), json!({"manner": "sulk"}), json!({"manner": "lie", "simulate": 1})] {
        assert_eq!(web.post(&control).json(&wrong).send().await.unwrap().status(), 422, "{wrong}");
    }
    let health: Value =
        web.get(format!("{}/healthz", served.url)).send().await.unwrap().json().await.unwrap();
    assert_eq!(health, json!({"status": "ok", "agent": "credit-express"}));
    let ledger: Value = web.get(format!("{}/ledger", served.url)).send().await.unwrap().json().await.unwrap();
    assert_eq!(ledger, json!([]));
    served.finish().await;
}

#[tokio::test]
async fn a_stalled_call_does_not_hold_up_the_end() {
    let served = Served::start("credit-bureau").await;
    served.agent.set_mood(Mood::always(Manner::Stall));
    let url = served.url.clone();
    let web = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "check_credit", "params": {"applicant_id": "a"}});
    let waiting = tokio::spawn(web.post(format!("{url}/execute")).json(&call).send());
    while served.agent.ledger().is_empty() {
        tokio::task::yield_now().await;
    }
    served.finish().await;
    assert!(waiting.await.unwrap().is_err(), "the stalled call is dropped");
}
