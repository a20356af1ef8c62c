//! Every shape of work as clients see it: items, choices, questions, waits, events, triggers, contracts within others.

use super::auth::nightly;
use super::*;

fn event(id: &str, kind: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": kind, "data": data})
}

/// The step of this name.
fn step<'d>(detail: &'d Value, id: &str) -> &'d Value {
    let steps = detail["step_list"].as_array().unwrap();
    steps.iter().find(|step| step["id"] == id).unwrap()
}

async fn why(server: &Server, key: &str, run: &str) -> String {
    server.get(key, &format!("/v1/contracts/{run}/why")).await.text
}

#[tokio::test]
async fn items_are_listed_up_to_a_hundred() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let items: Vec<u32> = (0..105).collect();
    let mut each = contract(
        "each",
        &json!([
            {"id": "a", "skill": "work", "forEach": items, "with": {"n": "${item}"}, "maxParallel": 50},
        ]),
    );
    each["spec"]["budget"] = json!({"calls": 200});
    let planned = server.post(&sam, "/v1/contracts:plan", &each).await.body;
    assert_eq!(planned["contracts"][0]["steps"][0]["for_each"], true);
    let run = server.submit(&sam, "one", &each).await;
    let detail = server.settled(&sam, &run, &["completed", "failed"]).await;
    let a = step(&detail, "a");
    assert_eq!(
        (&a["kind"], &a["skill"], &a["state"]),
        (&json!("skill"), &json!("work"), &json!("done")),
        "{a:#}"
    );
    assert_eq!(
        (&a["items"]["count"], &a["items"]["open"], &a["items"]["failed"]),
        (&json!(105), &json!(0), &json!(0))
    );
    let shown = a["items"]["shown"].as_array().unwrap();
    assert_eq!(shown.len(), 100);
    assert_eq!(
        (&shown[99]["item"], &shown[99]["state"], &shown[99]["agent"]["name"]),
        (&json!(99), &json!("done"), &json!("worker"))
    );
    let told = why(&server, &sam, &run).await;
    for line in [
        "Step `a` is done once for each of 105 items, at most 50 at a time.",
        "Step `a[104]` went to `worker`",
        "Step `a` is done for all its items.",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
}

#[tokio::test]
async fn a_choice_says_why_a_step_was_not_chosen() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let steps = json!([
        {"id": "first", "skill": "work"},
        {"id": "route", "needs": ["first"], "oneOf": [
            {"when": {"path": "${steps.first.output.ok}", "eq": true}, "then": "auto"}, {"then": "manual"},
        ]},
        {"id": "auto", "skill": "work"},
        {"id": "manual", "skill": "work"},
    ]);
    let run = server.submit(&sam, "one", &contract("route", &steps)).await;
    let detail = server.settled(&sam, &run, &["completed", "failed"]).await;
    assert_eq!(
        (&step(&detail, "route")["kind"], &step(&detail, "route")["skill"]),
        (&json!("one_of"), &Value::Null)
    );
    let error = &step(&detail, "manual")["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!("not-chosen"), &json!("the choice `route` took `auto`")),
        "{detail:#}"
    );
    let told = why(&server, &sam, &run).await;
    for line in
        ["The choice `route` took `auto`.", "Step `manual` was skipped: the choice `route` took `auto`."]
    {
        assert!(told.contains(line), "{line} is not in {told}");
    }
}

#[tokio::test]
async fn a_question_is_shown_and_answered() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let rita = server.key("rita", "acme", &[Role::Reviewer]).await;
    let steps = json!([
        {"id": "first", "skill": "work"},
        {"id": "ask", "needs": ["first"], "review": {
            "question": "Shall the loan be paid out?", "show": {"ok": "${steps.first.output.ok}"}, "within": "10m",
        }},
    ]);
    let run = server.submit(&sam, "one", &contract("ask", &steps)).await;
    let detail = server.settled(&sam, &run, &["in_review"]).await;
    let review = detail["open_reviews"][0].clone();
    assert_eq!(review["question"], "Shall the loan be paid out?", "{detail:#}");
    let id = review["id"].as_str().unwrap();
    assert_eq!(
        step(&detail, "ask")["waiting_for"],
        format!("an answer to “Shall the loan be paid out?” ({id})")
    );
    let open = server.get(&rita, "/v1/reviews").await.body["items"][0].clone();
    assert_eq!(open["about"]["kind"], "question");
    assert_eq!(open["shown"], json!({"question": "Shall the loan be paid out?", "show": {"ok": true}}));
    let answer = json!({"verdict": "approve", "reason": "looks fine", "payload": open["payload"]});
    let said = server.post(&rita, &format!("/v1/reviews/{id}:decide"), &answer).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let detail = server.settled(&sam, &run, &["completed", "failed"]).await;
    assert_eq!(detail["output"]["ask"]["by"], "rita", "{detail:#}");
    let told = why(&server, &sam, &run).await;
    for line in [
        "People are asked by step `ask`: “Shall the loan be paid out?” (review ",
        "`rita` said yes: “looks fine”.",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
}

#[tokio::test]
async fn a_wait_says_what_for_and_hears_it_once() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let steps = json!([
        {"id": "paid", "wait": {"event": "order.paid", "correlate": {"order_id": 7}, "within": "30m"}},
        {"id": "sent", "needs": ["paid"], "emit": {"event": "order.sent", "data": {"order_id": 7}}},
    ]);
    let run = server.submit(&sam, "one", &contract("order", &steps)).await;
    let detail = server.settled(&sam, &run, &["waiting"]).await;
    let paid = step(&detail, "paid");
    assert_eq!((&paid["kind"], &paid["state"]), (&json!("wait"), &json!("listening")));
    let awaited = paid["waiting_for"].as_str().unwrap();
    assert!(awaited.starts_with("the event `order.paid` with `order_id` = 7, until "), "{awaited}");
    assert!(paid["until"].is_string() && paid["since"].is_string(), "{paid:#}");
    let other = server.post(&sam, "/v1/events", &event("1", "order.paid", &json!({"order_id": 8}))).await;
    assert_eq!(other.status, 202, "{}", other.text);
    let body = event("2", "order.paid", &json!({"order_id": 7})).to_string();
    for replayed in [false, true] {
        let structured = request("POST", "/v1/events", Some(&sam))
            .header("content-type", "application/cloudevents+json; charset=UTF-8");
        let told = server.send(structured.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(told.status, 202, "{}", told.text);
        assert!(told.body["id"].as_str().unwrap().starts_with("evt_"));
        assert_eq!(told.headers.contains_key("idempotency-replayed"), replayed);
    }
    let changed = server.post(&sam, "/v1/events", &event("2", "order.paid", &json!({"order_id": 9}))).await;
    assert_eq!(changed.status, 409, "{}", changed.text);
    server.settled(&sam, &run, &["completed"]).await;
    let told = why(&server, &sam, &run).await;
    for line in [
        "Step `paid` waits for the event `order.paid` with `order_id` = 7, until ",
        "Step `paid` heard the event `order.paid` of `/shop`.",
        "Step `paid` has what it waited for.",
        "Step `sent` published the event `order.sent`.",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    assert_eq!(told.matches("heard the event").count(), 1);
}

#[tokio::test]
async fn events_that_are_none_are_refused() {
    let server = Server::start().await;
    let fine = event("1", "go", &json!({}));
    let with = |name: &str, value: Value| {
        let mut event = fine.clone();
        event[name] = value;
        event
    };
    for (odd, pointer) in [
        (with("specversion", json!("0.3")), "/specversion"),
        (with("type", json!("")), "/type"),
        (with("id", json!("")), "/id"),
        (with("datacontenttype", json!("text/xml")), "/datacontenttype"),
        (with("data", json!("x".repeat(70_000))), ""),
    ] {
        let answer = server.post(&server.admin, "/v1/events", &odd).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    for media in
        ["application/cloudevents-batch+json", "text/plain", "application/cloudevents+json; charset=latin1"]
    {
        let sent = request("POST", "/v1/events", Some(&server.admin)).header("content-type", media);
        let answer = server.send(sent.body(Body::from(fine.to_string())).unwrap()).await;
        assert_eq!(answer.status, 415, "{media}: {}", answer.text);
    }
    let structured = request("POST", "/v1/contracts", Some(&server.admin))
        .header("content-type", "application/cloudevents+json")
        .header("idempotency-key", "k");
    assert_eq!(server.send(structured.body(Body::from(fine.to_string())).unwrap()).await.status, 415);
}

#[tokio::test]
async fn a_trigger_is_written_looked_at_and_taken_away() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let written = server.put(&sam, "/v1/triggers/nightly", &nightly()).await;
    assert_eq!(written.status, 200, "{}", written.text);
    assert_eq!((&written.body["owner"], &written.body["last"]), (&json!("sam"), &Value::Null));
    assert!(written.body["next"].is_string(), "{}", written.text);
    assert_eq!(server.get(&sam, "/v1/triggers/nightly").await.body, written.body);
    assert_eq!(server.get(&sam, "/v1/triggers").await.body["items"], json!([written.body]));
    for (name, value, pointer) in [
        ("template", json!("none@1.0.0"), "/spec/template"),
        ("schedule", json!({"cron": "every night"}), "/spec/schedule"),
        ("event", json!({"type": "go"}), "/spec"),
        ("surprise", json!(1), "/spec/surprise"),
    ] {
        let mut odd = nightly();
        odd["spec"][name] = value;
        let answer = server.put(&sam, "/v1/triggers/nightly", &odd).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text);
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{}", answer.text);
        assert!(answer.body["errors"][0]["line"].is_u64(), "{}", answer.text);
    }
    let other = server.put(&sam, "/v1/triggers/daily", &nightly()).await;
    assert_eq!((other.status.as_u16(), &other.body["errors"][0]["code"]), (422, &json!("name-mismatch")));
    let gone = |method: &'static str| request(method, "/v1/triggers/nightly", Some(&sam)).body(Body::empty());
    assert_eq!(server.send(gone("DELETE").unwrap()).await.body, written.body);
    assert_eq!(server.send(gone("DELETE").unwrap()).await.status, 404);
    assert_eq!(server.send(gone("GET").unwrap()).await.status, 404);
}

#[tokio::test]
async fn an_event_pulls_a_trigger() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let mut trigger = nightly();
    trigger["spec"] = json!({"event": {"type": "go"}, "template": "lend@1.0.0"});
    assert_eq!(server.put(&sam, "/v1/triggers/nightly", &trigger).await.status, 200);
    let published = server.post(&sam, "/v1/events", &event("1", "go", &json!({}))).await.body;
    let mut grown = server.engine.log_size();
    let run = loop {
        grown.borrow_and_update();
        let list = server.get(&sam, "/v1/contracts?status=completed").await.body;
        if let Some(run) = list["items"][0]["run"].as_str() {
            break run.to_owned();
        }
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, grown.changed()).await.expect("nothing happens").unwrap();
    };
    let detail = server.get(&sam, &format!("/v1/contracts/{run}")).await.body;
    assert_eq!(
        detail["origin"],
        json!({"kind": "triggered", "trigger": "nightly", "occasion": published["id"]})
    );
    let told = why(&server, &sam, &run).await;
    assert!(
        told.contains("The trigger `nightly` started the contract `lend` in the name of `sam` (evt_"),
        "{told}"
    );
}

#[tokio::test]
async fn a_contract_within_another_is_linked_both_ways() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let inner = contract("inner", &json!([{"id": "a", "skill": "work"}]));
    let mut outer = contract(
        "outer",
        &json!([{"id": "sub", "contract": {"contract": inner}}, {"id": "b", "skill": "fail", "needs": ["sub"]}]),
    );
    outer["spec"]["fallback"] =
        json!({"contract": contract("instead", &json!([{"id": "a", "skill": "work"}]))});
    outer["spec"]["priority"] = json!(8);
    let run = server.submit(&sam, "one", &outer).await;
    let detail = server.settled(&sam, &run, &["completed", "failed"]).await;
    assert_eq!((&detail["status"], &detail["priority"]), (&json!("completed"), &json!(8)), "{detail:#}");
    let sub = step(&detail, "sub");
    assert_eq!((&sub["kind"], &sub["state"]), (&json!("contract"), &json!("done")));
    let (within, fallback) = (sub["run"].as_str().unwrap(), detail["fallback"].as_str().unwrap());
    for nested in [within, fallback] {
        let one = server.get(&sam, &format!("/v1/contracts/{nested}")).await.body;
        assert_eq!(one["origin"], json!({"kind": "nested", "run": run, "depth": 1}), "{one:#}");
        let told = why(&server, &sam, nested).await;
        assert!(told.contains(&format!("is carried out within {run}, which `sam` sent.")), "{told}");
    }
    let told = why(&server, &sam, &run).await;
    for line in [
        "The contract `outer` was completed by its fallback, because step `b` failed: the card was declined."
            .to_owned(),
        format!("Step `sub` is carried out as a contract of its own, {within}."),
        format!("The contract {within} within it is over, after 1 call to agents."),
        format!("Step `sub` has the result of {within}."),
        format!("The fallback is carried out instead, as the contract {fallback}."),
    ] {
        assert!(told.contains(&line), "{line} is not in {told}");
    }
}
