//! What people order contracts to do, and what contracts refuse.

use super::*;

/// The steps `a`, which waits for an event, and then `b`.
fn waiting() -> Value {
    let mut waiting = contract(
        "lend",
        &json!([{"id": "a", "wait": {"event": "go"}}, {"id": "b", "skill": "work", "needs": ["a"]}]),
    );
    waiting["spec"]["deadline"] = json!("1h");
    waiting
}

fn go(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "go"})
}

#[tokio::test]
async fn a_paused_contract_begins_nothing_until_it_is_resumed() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let run = server.submit(&sam, "one", &waiting()).await;
    server.settled(&sam, &run, &["waiting"]).await;
    let order = |verb: &str| format!("/v1/contracts/{run}:{verb}");
    let because = |why: &str| json!({"reason": why});
    let idle = server.post(&sam, &order("resume"), &because("go on")).await;
    assert_eq!((idle.status.as_u16(), &idle.body["code"]), (409, &json!("conflict")), "{}", idle.text);
    let paused = server.post(&sam, &order("pause"), &because("the shop is closed")).await;
    assert_eq!((paused.status.as_u16(), &paused.body["status"]), (200, &json!("paused")), "{}", paused.text);
    let pause = &paused.body["pause"];
    assert_eq!((&pause["by"], &pause["reason"]), (&json!("sam"), &json!("the shop is closed")));
    assert_eq!(server.post(&sam, &order("pause"), &because("again")).await.status, 409);
    assert_eq!(server.post(&sam, "/v1/events", &go("1")).await.status, 202);
    let why = loop {
        let why = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.body;
        if why["waiting"][0]["step"] == "b" {
            break why;
        }
        tokio::task::yield_now().await;
    };
    let headline = why["headline"].as_str().unwrap();
    assert!(headline.starts_with("The contract `lend` was paused by `sam` on "), "{headline}");
    let awaited = why["waiting"][0]["for"].as_str().unwrap();
    assert!(awaited.starts_with("somebody to resume the contract, which `sam` paused on "), "{awaited}");
    assert!(awaited.ends_with(" UTC: the shop is closed"), "{awaited}");
    let resumed = server.post(&sam, &order("resume"), &because("open")).await;
    assert_eq!((resumed.status.as_u16(), &resumed.body["pause"]), (200, &Value::Null), "{}", resumed.text);
    server.settled(&sam, &run, &["completed"]).await;
    let told = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.text;
    for line in [
        "`sam` paused it: “the shop is closed”. Nothing new begins until somebody resumes it.",
        "`sam` resumed it: “open”.",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
}

#[tokio::test]
async fn a_deadline_is_put_off_and_never_brought_forward() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let run = server.submit(&sam, "one", &waiting()).await;
    let before = server.settled(&sam, &run, &["waiting"]).await["deadline"].clone();
    let path = format!("/v1/contracts/{run}:extend");
    let later = server.post(&sam, &path, &json!({"by": "15m", "reason": "the bank is slow"})).await;
    assert_eq!(later.status, 200, "{}", later.text);
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment(&later.body["deadline"]).duration_since(moment(&before)).as_secs(), 15 * 60);
    for (by, status) in [("soon", 422), ("0s", 422), ("-5m", 422)] {
        let odd = server.post(&sam, &path, &json!({"by": by, "reason": "x"})).await;
        assert_eq!(odd.status, status, "{by}: {}", odd.text);
        assert_eq!(odd.body["errors"][0]["pointer"], "/by");
    }
    let bare = server.submit(&sam, "two", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    let none =
        server.post(&sam, &format!("/v1/contracts/{bare}:extend"), &json!({"by": "1m", "reason": "x"})).await;
    assert_eq!(none.status, 409, "{}", none.text);
}

#[tokio::test]
async fn a_killed_contract_ends_at_once() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let ops = server.key("olga", "acme", &[Role::Operator]).await;
    let run = server.submit(&sam, "one", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    server.settled(&sam, &run, &["running"]).await;
    let path = format!("/v1/contracts/{run}:kill");
    let own = server.post(&sam, &path, &json!({"reason": "mine"})).await;
    assert_eq!((own.status.as_u16(), &own.body["code"]), (403, &json!("policy-forbidden")), "{}", own.text);
    for reason in ["", "  "] {
        assert_eq!(server.post(&ops, &path, &json!({"reason": reason})).await.status, 422);
    }
    let killed = server.post(&ops, &path, &json!({"reason": "the agent is gone"})).await;
    assert_eq!((killed.status.as_u16(), &killed.body["status"]), (200, &json!("killed")), "{}", killed.text);
    assert_eq!(
        (&killed.body["cause"]["code"], &killed.body["cause"]["by"]),
        (&json!("killed"), &json!("olga"))
    );
    let why = server.get(&sam, &format!("/v1/contracts/{run}/why")).await.body;
    let headline = why["headline"].as_str().unwrap();
    assert!(
        headline
            .starts_with("The contract `pay` was ended at once: `olga` ended it at once: the agent is gone"),
        "{headline}"
    );
    assert_eq!(server.post(&ops, &path, &json!({"reason": "again"})).await.status, 409);
}

#[tokio::test]
async fn a_failed_contract_is_replayed_and_tried_again_from_a_step() {
    let server = Server::start().await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let mut pay =
        contract("pay", &json!([{"id": "a", "skill": "work"}, {"id": "b", "skill": "fail", "needs": ["a"]}]));
    pay["spec"]["onFailure"] = json!("fail");
    let run = server.submit(&sam, "one", &pay).await;
    server.settled(&sam, &run, &["failed"]).await;
    let path = format!("/v1/contracts/{run}:retry");
    let before = server.get(&sam, &format!("/v1/contracts/{run}/events")).await.text;
    let replay = server.get(&sam, &format!("/v1/contracts/{run}/replay")).await;
    assert_eq!((replay.status.as_u16(), &replay.body["run"]), (200, &json!(run)), "{}", replay.text);
    assert!(replay.body["same"].as_array().unwrap().len() >= 3, "admitted and twice sent: {}", replay.text);
    assert_eq!((&replay.body["different"], &replay.body["not_replayable"]), (&json!([]), &json!([])));
    let after = server.get(&sam, &format!("/v1/contracts/{run}/events")).await.text;
    assert_eq!(before, after, "a replay leaves no trace");
    for (from, status) in [("z", 404), ("no step", 404)] {
        let odd = server.post(&sam, &path, &json!({"from": from, "reason": "x"})).await;
        assert_eq!(odd.status, status, "{}", odd.text);
    }
    let again = server.post(&sam, &path, &json!({"from": "b", "reason": "the card has money now"})).await;
    assert_eq!(again.status, 202, "{}", again.text);
    let new = again.body["contracts"][0]["run"].as_str().unwrap();
    assert_eq!(again.headers["location"], format!("/v1/contracts/{new}"));
    let detail = server.settled(&sam, new, &["failed"]).await;
    assert_eq!(
        detail["origin"],
        json!({"kind": "retried", "run": run, "from": "b", "reason": "the card has money now"})
    );
    assert_eq!(
        (&detail["calls"], &detail["step_list"][0]["state"]),
        (&json!(1), &json!("done")),
        "{detail:#}"
    );
    assert_eq!(detail["step_list"][0]["agent"]["name"], "worker");
    let told = server.get(&sam, &format!("/v1/contracts/{new}/why")).await.text;
    for line in [
        format!("`sam` tried {run} again from step `b`: “the card has money now”."),
        format!("The result of step `a` was taken over from {run}."),
    ] {
        assert!(told.contains(&line), "{line} is not in {told}");
    }
}
