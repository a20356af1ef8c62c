//! What agents ask back: shown as their words, answered by somebody else than the sender, and put before policy.

use super::*;

fn asking(skill: &str) -> Value {
    contract("asking", &json!([{"id": "a", "skill": skill}, {"id": "b", "needs": ["a"], "skill": "work"}]))
}

fn asker(url: &str) -> Value {
    json!({
        "name": "asker", "owner": "bureau.example", "binding": {"type": "execute", "url": url},
        "domains": ["finance"], "skills": [{"name": "ask"}, {"name": "nag"}],
    })
}

struct People {
    sam: String,
    rita: String,
}

impl People {
    async fn of(server: &Server) -> People {
        // Of somebody else: what one's own agents do is no evidence.
        let hired = server.post(&server.admin, "/v1/agents", &asker("http://agent.test")).await;
        assert_eq!(hired.status, 201, "{}", hired.text);
        let sam = server.key("sam", "acme", &[Role::Submitter, Role::Reviewer]).await;
        People { sam, rita: server.key("rita", "acme", &[Role::Reviewer]).await }
    }

    /// Sends a contract whose first step asks; its run, and the review.
    async fn asked(&self, server: &Server, skill: &str) -> (String, Value) {
        let run = server.submit(&self.sam, skill, &asking(skill)).await;
        server.settled(&self.sam, &run, &["in_review"]).await;
        (run, self.open(server).await)
    }

    async fn open(&self, server: &Server) -> Value {
        server.get(&self.rita, "/v1/reviews").await.body["items"][0].clone()
    }
}

fn place(review: &Value) -> String {
    format!("/v1/reviews/{}:decide", review["id"].as_str().unwrap())
}

fn answer(review: &Value, told: &Value) -> Value {
    json!({"verdict": "approve", "reason": "it is in the file", "payload": review["payload"], "answer": told})
}

fn without(mut body: Value, member: &str) -> Value {
    body.as_object_mut().unwrap().remove(member);
    body
}

/// How often anything was seen of agents.
async fn seen(server: &Server) -> usize {
    let types = "/v1/audit/records?type=trust.changed";
    server.get(&server.admin, types).await.body["items"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn an_agents_question_is_shown_as_its_words_and_answered_with_data() {
    let server = Server::start().await;
    let people = People::of(&server).await;
    let (run, open) = people.asked(&server, "ask").await;
    assert_eq!((&open["about"]["kind"], &open["about"]["attempt"]["step"]), (&json!("asked"), &json!("a")));
    let question = json!({"text": "which\nyear?", "data": {"from": 2020}});
    assert_eq!(open["shown"], json!({"agent": "asker", "number": 1, "question": question}));
    assert_eq!(seen(&server).await, 0, "that an agent asks is no evidence");

    // Whoever sent it sees that it waits for a person, and why; and so does an A2A client.
    let detail = server.get(&people.sam, &format!("/v1/contracts/{run}")).await.body;
    let (id, doing) = (open["id"].as_str().unwrap(), &detail["step_list"][0]);
    let expected = format!("a reviewer's answer to {id}: `asker` asks “which year?”");
    assert_eq!((&doing["state"], &doing["waiting_for"]), (&json!("asking"), &json!(expected)));
    assert_eq!(doing["agent"]["name"], "asker");
    assert_eq!(detail["open_reviews"][0]["question"], "`asker` asks “which year?”");
    let get = json!({"jsonrpc": "2.0", "id": 7, "method": "GetTask", "params": {"id": run}});
    let get = request("POST", "/a2a", Some(&people.sam))
        .header("content-type", "application/json")
        .header("a2a-version", "1.0")
        .body(Body::from(get.to_string()));
    let task = server.send(get.unwrap()).await.body["result"].clone();
    assert_eq!(task["status"]["state"], "TASK_STATE_INPUT_REQUIRED", "{task:#}");
    assert!(task["status"].to_string().contains("which year?"), "{task:#}");

    let good = answer(&open, &json!({"year": 2024}));
    let large = json!("x".repeat(17 * 1024));
    let stale = json!(format!("sha256:{}", "0".repeat(64)));
    for (key, body, status, word) in [
        (&people.sam, good.clone(), 403, "four_eyes"),
        (&people.rita, without(good.clone(), "answer"), 422, "answer-missing"),
        (&people.rita, answer(&open, &large), 422, "answer-size"),
        (&people.rita, answer(&json!({"payload": stale}), &json!("2024")), 409, "another payload"),
        (
            &people.rita,
            json!({"verdict": "reject", "reason": "no", "payload": open["payload"], "answer": 1}),
            422,
            "answer-unasked",
        ),
    ] {
        let refused = server.post(key, &place(&open), &body).await;
        assert_eq!(refused.status.as_u16(), status, "{word}: {}", refused.text);
        assert!(refused.text.contains(word), "{word}: {}", refused.text);
    }
    let said = server.post(&people.rita, &place(&open), &good).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let done = server.settled(&people.sam, &run, &["completed", "failed"]).await;
    assert_eq!(done["status"], "completed", "{done:#}");
    let why = server.get(&people.sam, &format!("/v1/contracts/{run}/why")).await.text;
    for line in [
        "`asker` asks “which year?” before it goes on with step `a`.",
        "People are asked what the agent of step `a` is to be told (review ",
        "`rita` said what the agent is to be told: “it is in the file”.",
        "`asker` was told the answer, and goes on with step `a`.",
    ] {
        assert!(why.contains(line), "{line} is not in {why}");
    }
    assert!(server.dismissed.lock().is_empty());
    assert!(seen(&server).await > 0);
}

#[tokio::test]
async fn an_answer_is_for_agents_that_ask() {
    let server = Server::start().await;
    let people = People::of(&server).await;
    let steps = json!([{"id": "a", "review": {"question": "Shall we?"}}]);
    let run = server.submit(&people.sam, "one", &contract("shall", &steps)).await;
    server.settled(&people.sam, &run, &["in_review"]).await;
    let open = people.open(&server).await;
    let refused = server.post(&people.rita, &place(&open), &answer(&open, &json!(1))).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("answer-unasked"), "{}", refused.text);
}

#[tokio::test]
async fn a_question_that_is_refused_ends_the_step_and_is_nobodys_fault() {
    let server = Server::start().await;
    let people = People::of(&server).await;
    let (run, open) = people.asked(&server, "ask").await;
    let no = json!({"verdict": "reject", "reason": "not theirs to know", "payload": open["payload"]});
    let said = server.post(&people.rita, &place(&open), &no).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let over = server.settled(&people.sam, &run, &["failed", "completed"]).await;
    let error = &over["step_list"][0]["error"];
    assert_eq!(error["code"], "question-refused", "{over:#}");
    assert!(error["message"].as_str().unwrap().contains("not theirs to know"), "{over:#}");
    assert_eq!((seen(&server).await, server.dismissed.lock().clone()), (0, vec!["a-ask".to_owned()]));
}

#[tokio::test]
async fn an_agent_asks_five_times_at_most() {
    let server = Server::start().await;
    let people = People::of(&server).await;
    let (run, mut open) = people.asked(&server, "nag").await;
    for number in 1..=5 {
        assert_eq!(open["shown"]["number"], number);
        let last = open["id"].clone();
        let said = server.post(&people.rita, &place(&open), &answer(&open, &json!("2024"))).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let mut grown = server.engine.log_size();
        loop {
            grown.borrow_and_update();
            let detail = server.get(&people.sam, &format!("/v1/contracts/{run}")).await.body;
            open = people.open(&server).await;
            if detail["status"] == "failed" || (!open.is_null() && open["id"] != last) {
                break;
            }
            grown.changed().await.unwrap();
        }
    }
    let over = server.settled(&people.sam, &run, &["failed"]).await;
    assert_eq!(over["step_list"][0]["error"]["code"], "agent-asks-too-often", "{over:#}");
    assert_eq!((seen(&server).await, server.dismissed.lock().clone()), (1, vec!["a-nag".to_owned()]));
}

#[tokio::test]
async fn authority_is_current_when_an_agent_is_told() {
    for (what, code) in [("suspended", "policy-denied"), ("changed", "agent-changed")] {
        let server = Server::start().await;
        let people = People::of(&server).await;
        let (run, open) = people.asked(&server, "ask").await;
        let agent = server.get(&server.admin, "/v1/agents/asker").await;
        let done = match what {
            "suspended" => {
                server.post(&server.admin, "/v1/agents/asker:suspend", &json!({"reason": "odd"})).await
            }
            _ => {
                let changed = asker("http://agent.test/elsewhere");
                let revision = agent.body["revision"].as_str().unwrap();
                let put = request("PUT", "/v1/agents/asker?reason=it+moved", Some(&server.admin))
                    .header("content-type", "application/json")
                    .header("if-match", format!("\"{revision}\""))
                    .body(Body::from(changed.to_string()));
                server.send(put.unwrap()).await
            }
        };
        assert!(done.status.is_success(), "{what}: {}", done.text);
        let said = server.post(&people.rita, &place(&open), &answer(&open, &json!("2024"))).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let over = server.settled(&people.sam, &run, &["failed", "completed"]).await;
        assert_eq!(over["step_list"][0]["error"]["code"], code, "{what}: {over:#}");
        // One that stands elsewhere by now is not spoken to at all.
        assert_eq!(server.dismissed.lock().is_empty(), what == "changed", "{what}");
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_while_an_agent_asks_calls_the_work_off() {
    let server = Server::start().await;
    let people = People::of(&server).await;
    let (run, open) = people.asked(&server, "ask").await;
    let path = format!("/v1/contracts/{run}:cancel");
    let done = server.post(&people.sam, &path, &json!({"reason": "changed my mind"})).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let over = server.settled(&people.sam, &run, &["cancelled"]).await;
    assert_eq!(over["step_list"][0]["state"], "broken_off", "{over:#}");
    assert_eq!(server.dismissed.lock().clone(), vec!["a-ask".to_owned()]);
    let late = server.post(&people.rita, &place(&open), &answer(&open, &json!("2024"))).await;
    assert_eq!(late.status, 404, "{}", late.text);
}
