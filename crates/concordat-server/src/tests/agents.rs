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

#[tokio::test]
async fn a_try_goes_through_every_example_and_compares_what_is_expected() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let examples =
        |wanted: &Value| json!([{"name": "plain", "input": {"n": 1}}, {"input": {"n": 2}, "output": wanted}]);
    let skills = json!([
        {"name": "work", "examples": examples(&json!({"ok": true}))},
        {"name": "boast", "examples": examples(&json!({"ok": false}))},
    ]);
    let made = server.post(&ada, "/v1/agents", &document("bureau", &skills)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let tried = server.post(&ada, "/v1/agents/bureau:probe", &json!({})).await.body["tried"].clone();
    let results = |nth: usize| -> Vec<&str> {
        tried[nth]["examples"].as_array().unwrap().iter().map(|one| one["result"].as_str().unwrap()).collect()
    };
    assert_eq!((results(0), &tried[0]["verified"]), (vec!["verified", "false"], &json!(false)), "{tried}");
    assert_eq!((results(1), &tried[1]["verified"]), (vec!["verified"; 2], &json!(true)));
    assert!(tried[0]["problems"][0].as_str().unwrap().starts_with("example 2: the answer is not"), "{tried}");
    assert_eq!(tried[1]["examples"][0]["name"], "plain");
    for (skill, place) in [
        (json!({"name": "w", "example": 1, "examples": [{"input": 1}]}), "/skills/0/example"),
        (
            json!({"name": "w", "input": {"type": "object"}, "examples": [{"input": 1}]}),
            "/skills/0/examples/0/input",
        ),
        (json!({"name": "w", "examples": vec![json!({"input": 1}); 21]}), "/skills/0/examples"),
    ] {
        let refused = server.post(&ada, "/v1/agents", &document("other", &json!([skill]))).await;
        assert_eq!((refused.status.as_u16(), refused.text.contains(place)), (422, true), "{}", refused.text);
    }
}

/// A registration of an agent with an instance at each of these paths.
fn spread(name: &str, paths: &[&str]) -> Value {
    let examples = json!([{"name": "plain", "input": {"n": 1}}, {"input": {"n": 2}, "output": {"ok": true}}]);
    let output = json!({"type": "object", "properties": {"ok": {"const": true}}});
    let skills = json!([{"name": "differ", "output": output, "examples": examples}]);
    let mut registration = document(name, &skills);
    let places: Vec<Value> =
        paths.iter().map(|path| json!({"url": format!("http://agent.test{path}")})).collect();
    registration["binding"]["url"] = places[0]["url"].clone();
    registration["instances"] = places.into();
    registration
}

#[tokio::test]
async fn every_instance_is_tried_and_the_claim_holds_where_it_holds_everywhere() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let tried = async |name: &str| {
        let answer = server.post(&ada, &format!("/v1/agents/{name}:probe"), &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let told = answer.body["tried"][0].clone();
        let line = |one: &Value| {
            let of = |member: &str| one[member].as_str().unwrap_or("-").replace("http://agent.test", "");
            format!("{} {} {}", one["nth"], of("instance"), of("result"))
        };
        let lines: Vec<String> = told["examples"].as_array().into_iter().flatten().map(line).collect();
        (told, lines)
    };
    for (name, paths) in
        [("twins", &["/eu", "/us"][..]), ("mixed", &["/eu", "/odd", "/lost"]), ("half", &["/eu", "/lost"])]
    {
        assert_eq!(server.post(&ada, "/v1/agents", &spread(name, paths)).await.status, 201);
    }
    let (told, lines) = tried("twins").await;
    assert_eq!((&told["verified"], &told["problems"]), (&json!(true), &Value::Null), "{told}");
    assert_eq!(lines, ["1 /eu verified", "2 /eu verified", "1 /us verified", "2 /us verified"]);
    // One that lies makes it a false claim, and one that is silent gets no more examples.
    let (told, lines) = tried("mixed").await;
    assert_eq!((&told["result"], &told["verified"]), (&json!("false"), &json!(false)), "{told}");
    assert_eq!(
        lines,
        ["1 /eu verified", "2 /eu verified", "1 /odd false", "2 /odd false", "1 /lost unknown"]
    );
    let problems: Vec<&str> =
        told["problems"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(problems[0].starts_with("plain at http://agent.test/odd: "), "{problems:?}");
    assert!(problems[1].starts_with("example 2 at http://agent.test/odd: "), "{problems:?}");
    assert_eq!(problems.last(), Some(&"1 of 6 tries were put off"));
    // Each try is in the log with its place, and policy was told it.
    let records = server.get(&server.admin, "/v1/audit/records?type=agent.trying").await.body;
    let last = records["items"].as_array().unwrap().last().unwrap()["record"]["data"].clone();
    assert_eq!(last["instance"], "http://agent.test/lost");
    let decision = last["enroll"].as_str().unwrap();
    let alma = server.key("alma", "acme", &[Role::Auditor]).await;
    let asked = server.get(&alma, &format!("/v1/decisions/{decision}")).await;
    assert_eq!(asked.body["input"]["tried"]["instance"], last["instance"], "{}", asked.text);
    // An instance that is left alone is not tried either.
    for _ in 0..5 {
        assert_eq!(tried("half").await.0["result"], "unknown");
    }
    let (told, lines) = tried("half").await;
    assert_eq!(lines, ["1 /eu verified", "2 /eu verified"]);
    assert_eq!(
        (&told["result"], &told["problems"]),
        (&json!("unclear"), &json!(["2 of 4 tries were put off"]))
    );
}

#[tokio::test]
async fn what_nobody_knows_the_outcome_of_is_tried_again_by_a_person_only() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let skills = json!([{"name": "lose", "example": {}}, {"name": "work", "example": {}}]);
    assert_eq!(server.post(&ada, "/v1/agents", &document("bureau", &skills)).await.status, 201);
    let tries = async || {
        let path = "/v1/audit/records?type=agent.trying";
        server.get(&server.admin, path).await.body["items"].as_array().unwrap().clone()
    };
    server.engine.probe_all().await;
    server.engine.probe_all().await;
    let lost = async || server.get(&ada, "/v1/agents/bureau").await.body["tried"][0].clone();
    assert_eq!((lost().await["result"].as_str(), tries().await.len()), (Some("unknown"), 3));
    // Whose agent it is may ask why it was tried, and nobody else.
    let record = &tries().await[0]["record"]["data"];
    let why = format!("/v1/decisions/{}/why", record["enroll"].as_str().unwrap());
    let own = server.key("alma", "acme", &[Role::Auditor]).await;
    let foreign = server.key("eve", "globex", &[Role::Auditor]).await;
    assert!(server.get(&own, &why).await.text.contains("of the agent `bureau` be tried?"));
    assert_ne!(server.get(&foreign, &why).await.status, 200);
    let by_hand = server.post(&ada, "/v1/agents/bureau:probe", &json!({"skill": "lose"})).await;
    assert_eq!((by_hand.status.as_u16(), tries().await.len()), (200, 4), "{}", by_hand.text);
    // Another revision has shown nothing yet, and says so.
    let mut next = document("bureau", &skills);
    next["description"] = json!("other words");
    let tag = server.tag("bureau").await;
    let changed = server.change(&ada, "bureau", Some(&tag), &next).await;
    let tried = &changed.body["tried"][0];
    assert_eq!((&tried["outdated"], &tried["revision"]), (&json!(true), &json!(tag.trim_matches('"'))));
}

#[tokio::test]
async fn a_try_takes_what_is_free_and_waits_for_nothing() {
    let server = Server::start().await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let mut narrow =
        document("bureau", &json!([{"name": "hang", "example": {}}, {"name": "work", "example": {}}]));
    narrow["limits"] = json!({"concurrency": 1});
    assert_eq!(server.post(&ada, "/v1/agents", &narrow).await.status, 201);
    let engine = server.engine.clone();
    let mut grown = engine.log_size();
    let hangs = tokio::spawn(async move { engine.probe_all().await });
    grown.wait_for(|_| server.engine.limits().calls == 1).await.unwrap();
    let busy = server.post(&ada, "/v1/agents/bureau:probe", &json!({"skill": "work"})).await;
    assert_eq!(busy.status, 409, "{}", busy.text);
    assert!(busy.text.contains("`bureau` has no room for a call now"), "{}", busy.text);
    assert_eq!(server.get(&ada, "/v1/agents/bureau").await.body["in_flight"], 1);
    // Whoever stops in the midst of a try gives the room back; what became of it, nobody knows.
    hangs.abort();
    assert!(hangs.await.unwrap_err().is_cancelled());
    let free = server.post(&ada, "/v1/agents/bureau:probe", &json!({"skill": "work"})).await;
    let results: Vec<&Value> =
        free.body["tried"].as_array().unwrap().iter().map(|one| &one["result"]).collect();
    assert_eq!(results, ["unknown", "verified"]);
}

/// The standard policy with the rule that work stays in the regions that its contract names.
fn stays_in_its_region() -> Bundle {
    let lines = "package concordat.dispatch\n\nrejected[id] contains code if { some id, codes in \
                 data.concordat.cookbook.geography.rejected; some code in codes }\n";
    let standard = Bundle::standard();
    Bundle::from_files(standard.files().chain([("dispatch/own.rego", lines)])).unwrap()
}

#[tokio::test]
async fn work_stays_in_the_region_that_its_contract_names() {
    let server = Server::under(&Config::default(), &stays_in_its_region()).await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let mut bureau = document("bureau", &json!([{"name": "check"}]));
    let places =
        |other: &str| json!([{"url": "http://agent.test", "region": "eu"}, {"url": other, "region": "us"}]);
    for (wrong, place) in [
        (places("http://elsewhere.test"), "/instances/1/url"),
        (places("http://agent.test/"), "/instances/1/url"),
        (json!([{"url": "http://agent.test/us"}]), "/instances"),
        (json!([{"url": "http://agent.test", "region": "The East"}]), "The East"),
    ] {
        bureau["instances"] = wrong;
        let refused = server.post(&ada, "/v1/agents", &bureau).await;
        assert_eq!((refused.status.as_u16(), refused.text.contains(place)), (422, true), "{}", refused.text);
    }
    bureau["instances"] = places("http://agent.test/us");
    let made = server.post(&ada, "/v1/agents", &bureau).await;
    assert_eq!(
        (made.status.as_u16(), made.body["load"]["instances"][1]["region"].as_str()),
        (201, Some("us"))
    );
    for (nth, (region, ends)) in
        [("us", "completed"), ("eu", "completed"), ("mars", "failed"), ("us", "completed")].iter().enumerate()
    {
        let mut work = contract("far", &json!([{"id": "a", "skill": "check"}]));
        work["spec"]["governance"]["compliance"] = json!([format!("region:{region}")]);
        let run = server.submit(&sam, &format!("far-{nth}"), &work).await;
        let over = server.settled(&sam, &run, &["completed", "failed", "undone"]).await;
        assert_eq!(over["status"], *ends, "{over}");
        let filter = format!("/v1/audit/records?type=step.dispatched&subject={run}");
        let sent = server.get(&server.admin, &filter).await.body["items"].clone();
        let at: Vec<&str> = sent
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["record"]["data"]["instance"].as_str().unwrap())
            .collect();
        match *region {
            "us" => assert_eq!(at, ["http://agent.test/us"]),
            "eu" => assert_eq!(at, ["http://agent.test"]),
            _ => assert_eq!(at, [""; 0]),
        }
    }
    let health = server.get(&ada, "/v1/agents/bureau").await.body["health"].clone();
    assert_eq!((&health["calls"], &health["error_rate"]), (&json!(3), &json!(0)), "{health}");
}

/// The standard policy with a rule that the agent breaks, as severely as the step is called.
fn tells_too_much() -> Bundle {
    let lines = "package concordat.release\n\nimport data.concordat.common\n\n\
                 checks contains common.violation(\n\t\"told_too_much\", severity,\n\t\
                 \"the agent tells what nobody asked for\",\n\t\"let another agent do it\",\n) if {\n\t\
                 severity := input.step.id\n\tseverity in {\"low\", \"medium\", \"high\", \"critical\"}\n}\n";
    let standard = Bundle::standard();
    Bundle::from_files(standard.files().chain([("release/own.rego", lines)])).unwrap()
}

#[tokio::test]
async fn a_rule_that_is_broken_counts_against_the_agent_and_a_critical_one_keeps_it_away() {
    let server = Server::under(&Config::default(), &tells_too_much()).await;
    let ada = server.key("ada", "acme", &[Role::RegistryAdmin]).await;
    let sam = server.key("sam", "acme", &[Role::Submitter]).await;
    let rita = server.key("rita", "acme", &[Role::Reviewer]).await;
    let bureau = document("bureau", &json!([{"name": "check"}]));
    assert_eq!(server.post(&ada, "/v1/agents", &bureau).await.status, 201);
    let violations = async || {
        let records = server.get(&server.admin, "/v1/audit/records?type=trust.changed").await;
        let seen = records.body["items"].as_array().unwrap().iter().map(|one| &one["record"]["data"]["seen"]);
        let violated = seen.filter_map(|seen| seen["violated"]["severity"].as_str().map(str::to_owned));
        violated.collect::<Vec<_>>()
    };
    for (step, status, counted) in [
        ("plain", "completed", &[][..]),
        ("low", "completed", &["low"]),
        ("medium", "completed", &["low", "medium"]),
        // What people let pass counts against nobody.
        ("high", "completed", &["low", "medium"]),
        ("critical", "failed", &["low", "medium", "critical"]),
        // It gets nothing until somebody has looked at it.
        ("after", "denied", &["low", "medium", "critical"]),
    ] {
        let run = server.submit(&sam, step, &contract(step, &json!([{"id": step, "skill": "check"}]))).await;
        if step == "high" {
            server.settled(&sam, &run, &["in_review"]).await;
            let review = server.get(&rita, "/v1/reviews").await.body["items"][0].clone();
            let given =
                json!({"verdict": "approve", "reason": "it was asked for", "payload": review["payload"]});
            let path = format!("/v1/reviews/{}:decide", review["id"].as_str().unwrap());
            assert_eq!(server.post(&rita, &path, &given).await.status, 200);
        }
        let over = server.settled(&sam, &run, &["completed", "failed", "denied"]).await;
        assert_eq!(over["status"], status, "{step}: {over}");
        assert_eq!(violations().await, counted, "{step}");
    }
    let stands = server.get(&ada, "/v1/agents/bureau").await.body;
    assert_eq!(
        (&stands["state"], &stands["placed"]["by"]),
        (&json!("quarantined"), &json!("policy")),
        "{stands}"
    );
    let reason = stands["placed"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it broke a critical rule with attempt 1 of `critical` in `run_"), "{reason}");
    let records = server.get(&server.admin, "/v1/audit/records?type=agent.quarantined").await;
    assert_eq!(records.body["items"].as_array().unwrap().len(), 1, "{}", records.text);
    assert_eq!(server.place(&ada, "bureau", "restore").await.status, 200);
}
