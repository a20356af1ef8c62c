//! The lives of agents, as those who run the registry meet them: approved, changed, tried, kept away, gone.

use super::*;

fn document(name: &str, skills: &Value) -> Value {
    json!({
        "name": name, "owner": "elsewhere.example", "binding": {"type": "execute", "url": "http://agent.test"},
        "domains": ["finance"], "tags": ["night"], "compliance": ["GDPR"], "skills": skills,
    })
}

impl Server {
    async fn place(&self, key: &str, agent: &str, verb: &str) -> Answer {
        self.post(key, &format!("/v1/agents/{agent}:{verb}"), &json!({"reason": "as agreed"})).await
    }

    async fn change(&self, key: &str, agent: &str, tag: Option<&str>, document: &Value) -> Answer {
        let path = format!("/v1/agents/{agent}?reason=better");
        let mut request = request("PUT", &path, Some(key)).header("content-type", "application/json");
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        self.send(request.body(Body::from(document.to_string())).unwrap()).await
    }

    async fn tag(&self, agent: &str) -> String {
        let answer = self.get(&self.admin, &format!("/v1/agents/{agent}")).await;
        answer.headers["etag"].to_str().unwrap().to_owned()
    }
}

/// The standard policy with the rule that agents are looked at by two.
fn two_look() -> Bundle {
    let line = "package concordat.enroll\n\nchecks contains found if some found in \
                data.concordat.cookbook.four_eyes_on_agents.checks\n";
    let standard = Bundle::standard();
    Bundle::from_files(standard.files().chain([("enroll/own.rego", line)])).unwrap()
}

#[tokio::test]
async fn an_agent_is_kept_away_and_retired_and_the_log_says_why() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    for (verb, status, state) in [
        ("quarantine", 200, "quarantined"),
        ("quarantine", 409, "quarantined"),
        ("approve", 409, "quarantined"),
        ("suspend", 200, "suspended"),
        ("restore", 200, "eligible"),
        ("probation", 200, "probation"),
        ("restore", 409, "probation"),
        ("approve", 200, "eligible"),
        ("retire", 200, "retired"),
        ("restore", 409, "retired"),
        ("probation", 409, "retired"),
    ] {
        let answer = server.place(&ada, "worker", verb).await;
        assert_eq!(answer.status, status, "{verb}: {}", answer.text);
        let stands = server.get(&ada, "/v1/agents/worker").await.body;
        assert_eq!(stands["state"], state, "{verb}");
        assert_eq!(stands["placed"]["reason"], "as agreed");
    }
    let records = server.get(&server.admin, "/v1/audit/records?type=agent.placed").await;
    assert_eq!(records.body["items"].as_array().unwrap().len(), 4, "{}", records.text);
    let enroll = records.body["items"][0]["record"]["data"]["enroll"].as_str().unwrap();
    let why = server.get(&server.admin, &format!("/v1/decisions/{enroll}/why")).await;
    assert!(why.text.contains("go from eligible to quarantined, as `ada` wants"), "{}", why.text);
}

#[tokio::test]
async fn a_registration_is_changed_by_who_has_seen_it() {
    let server = Server::start().await;
    let next = json!({
        "name": "worker", "owner": "acme", "binding": {"type": "execute", "url": "http://agent.test/new"},
        "domains": ["finance"], "skills": [{"name": "work"}, {"name": "more"}],
    });
    let tag = server.tag("worker").await;
    let admin = &server.admin;
    assert_eq!(server.change(admin, "worker", None, &next).await.body["code"], "if-match-missing");
    assert_eq!(server.change(admin, "worker", Some("new"), &next).await.body["code"], "if-match-invalid");
    let foreign = json!({"name": "worker", "owner": "eve"});
    assert_eq!(server.change(admin, "worker", Some(&tag), &foreign).await.status, 422);
    let mut stolen = next.clone();
    stolen["owner"] = json!("eve.example");
    assert_eq!(server.change(admin, "worker", Some(&tag), &stolen).await.status, 409);
    let changed = server.change(admin, "worker", Some(&tag), &next).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["state"]),
        (200, &json!("probation")),
        "{}",
        changed.text
    );
    assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
    let late = server.change(admin, "worker", Some(&tag), &next).await;
    assert_eq!((late.status.as_u16(), &late.body["code"]), (412, &json!("revision-stale")));
    let same = server.change(admin, "worker", Some(&server.tag("worker").await), &next).await;
    assert_eq!(same.status, 409, "{}", same.text);
    let found = server.get(admin, "/v1/agents?skill=more&state=probation").await.body;
    assert_eq!(found["items"][0]["name"], "worker");
    assert_eq!(server.get(admin, "/v1/agents?skill=undo").await.body["items"], json!([]));
}

#[tokio::test]
async fn where_two_have_to_look_nothing_comes_into_use_by_one() {
    let server = Server::under(&Config::default(), &two_look()).await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let bob = server.key("bob", "acme", &[Role::RegistryAdmin]).await;
    let first = document("bureau", &json!([{"name": "check"}]));
    let made = server.post(&ada, "/v1/agents", &first).await;
    assert_eq!((made.status.as_u16(), &made.body["state"]), (201, &json!("proposed")), "{}", made.text);
    let own = server.place(&ada, "bureau", "approve").await;
    assert_eq!(
        (own.status.as_u16(), &own.body["reasons"][0]["code"]),
        (403, &json!("four_eyes")),
        "{}",
        own.text
    );
    assert_eq!(server.place(&bob, "bureau", "approve").await.body["state"], "eligible");
    let mut next = first.clone();
    next["skills"] = json!([{"name": "check", "output": {"type": "object"}}]);
    let tag = server.tag("bureau").await;
    let waits = server.change(&ada, "bureau", Some(&tag), &next).await;
    assert_eq!(waits.body["state"], "eligible", "what is in force stays so: {}", waits.text);
    assert_eq!(waits.body["proposed"]["changes"][0]["path"], "/skills/check/output");
    let other = json!({"reason": "seen", "revision": tag.trim_matches('"')});
    let stale = server.post(&bob, "/v1/agents/bureau:approve", &other).await;
    assert_eq!(stale.status, 412, "it is another one that waits: {}", stale.text);
    assert_eq!(server.place(&ada, "bureau", "approve").await.status, 403);
    let declined = server.place(&bob, "bureau", "decline").await.body;
    assert_eq!((&declined["proposed"], &declined["author"]), (&Value::Null, &json!("ada")));
    assert_eq!(server.change(&ada, "bureau", Some(&tag), &next).await.status, 200);
    let approved = server.place(&bob, "bureau", "approve").await.body;
    assert_eq!((&approved["state"], &approved["proposed"]), (&json!("probation"), &Value::Null));
    assert_ne!(server.tag("bureau").await, tag);
}

#[tokio::test]
async fn a_skill_is_tried_and_what_is_false_gets_no_work() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let honest = json!({"type": "object", "required": ["ok"]});
    let lies = json!({"type": "object", "required": ["score"]});
    let skills = json!([
        {"name": "work", "output": honest, "example": {"n": 1}},
        {"name": "boast", "output": lies, "example": {"n": 1}},
        {"name": "fail", "example": {}},
        {"name": "silent"},
    ]);
    let made = server.post(&ada, "/v1/agents", &document("bureau", &skills)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let tried = server.post(&ada, "/v1/agents/bureau:probe", &json!({})).await;
    assert_eq!(tried.status, 200, "{}", tried.text);
    let shown: Vec<(&str, &Value, &str)> = tried.body["tried"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["skill"].as_str().unwrap(), &one["verified"], one["result"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("boast", &json!(false), "false"),
        ("fail", &Value::Null, "unclear"),
        ("work", &json!(true), "verified"),
    ];
    assert_eq!(shown, wanted);
    let trust = |body: &Value, skill: &str| {
        let all = body["trust"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["skill"] == skill).map(|one| one["lower_bound"].as_u64().unwrap())
    };
    let (work, boast) = (trust(&tried.body, "work"), trust(&tried.body, "boast"));
    assert!(work < Some(250) && boast < Some(250), "nobody knows it better than nothing: {work:?} {boast:?}");
    let again = server.post(&ada, "/v1/agents/bureau:probe", &json!({"skill": "boast"})).await;
    assert_eq!(trust(&again.body, "boast"), boast, "the same counts once a day");
    for (asked, status) in [(json!({"skill": "silent"}), 409), (json!({"skill": "other"}), 404)] {
        let answer = server.post(&ada, "/v1/agents/bureau:probe", &asked).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    server.place(&ada, "bureau", "quarantine").await;
    let back = server.place(&ada, "bureau", "restore").await;
    assert_eq!(back.body["reasons"][0]["code"], "skill_false", "{}", back.text);
    let records = server.get(&server.admin, "/v1/audit/records?type=agent.probed").await.body;
    assert_eq!(records["items"].as_array().unwrap().len(), 4);
    server.engine.probe_all().await;
    let replayed = server.get(&server.admin, "/v1/trust/replay").await;
    assert!(replayed.body["fault"].is_null(), "the log gives the same trust: {}", replayed.text);
}

#[tokio::test]
async fn agents_are_found_page_by_page() {
    let server = Server::start().await;
    let admin = &server.admin;
    for name in ["ant", "bee", "cat"] {
        let made = server.post(admin, "/v1/agents", &document(name, &json!([{"name": "check"}]))).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let mut names = Vec::new();
    let mut next = String::new();
    loop {
        let page =
            server.get(admin, &format!("/v1/agents?tag=night&compliance=GDPR&limit=2{next}")).await.body;
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    assert_eq!(names, ["ant", "bee", "cat"]);
    for (query, status, found) in [
        ("state=eligible&skill=check", 200, Some(3)),
        ("state=retired", 200, Some(0)),
        ("least_trust=1", 200, Some(0)),
        ("state=unheard", 400, None),
        ("limit=0", 400, None),
        ("cursor=No%20Name", 400, None),
    ] {
        let answer = server.get(admin, &format!("/v1/agents?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
        assert_eq!(answer.body["items"].as_array().map(Vec::len), found, "{query}");
    }
}

#[tokio::test]
async fn only_what_came_from_a_card_is_read_from_it_again() {
    let server = Server::start().await;
    let refused = server.post(&server.admin, "/v1/agents/worker:refresh", &json!({"reason": "to see"})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("has no card to read again"), "{}", refused.text);
}
