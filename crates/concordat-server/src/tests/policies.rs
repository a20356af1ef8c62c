//! Policies as their authors and publishers meet them: refused, published, tried, promoted, taken back, explained.

use concordat_policy::Bundle;
use concordat_policy::bundle::archive;

use super::*;

/// The standard bundle with more files.
fn bundle(more: &[(&str, &str)]) -> Value {
    let standard = Bundle::standard();
    let files = standard.files().chain(more.iter().copied());
    let files: serde_json::Map<String, Value> =
        files.map(|(path, text)| (path.to_owned(), json!(text))).collect();
    json!({ "files": files })
}

/// Does not let contracts run that are called `blocked`.
fn blocking() -> Value {
    let text = "package concordat.admit\n\nimport data.concordat.common\n\nchecks contains common.check(\n\
                \t\"name_blocked\", \"fail\", \"critical\",\n\t\"contracts of this name do not run\",\n\
                \t\"give it another name\",\n) if {\n\tinput.contract.name == \"blocked\"\n}\n";
    bundle(&[("admit/blocked.rego", text)])
}

/// Two answers to a contract that is called `odd`: a conflict, which no ordinary question shows.
fn conflicting() -> Value {
    let text = "package concordat.admit\n\ndecision := {\"answer\": \"permit\"} if input.contract.name == \"odd\"\n\n\
                decision := {\"answer\": \"deny\", \"reasons\": [{\"code\": \"no\", \"message\": \"no\"}]} if {\n\
                \tinput.contract.name == \"odd\"\n}\n";
    bundle(&[("admit/odd.rego", text)])
}

struct House {
    server: Server,
    ann: String,
    pat: String,
    sam: String,
}

impl House {
    async fn start() -> House {
        House::with(&Config::default()).await
    }

    async fn with(config: &Config) -> House {
        let server = Server::with(config).await;
        let ann = server.key("ann", "acme", &[Role::PolicyAuthor]).await;
        let pat = server.key("pat", "acme", &[Role::PolicyAuthor]).await;
        let sam = server.key("sam", "acme", &[Role::Submitter]).await;
        House { server, ann, pat, sam }
    }

    async fn publish(&self, bundle: &Value) -> String {
        let published = self.server.post(&self.ann, "/v1/policies", bundle).await;
        assert_eq!(published.status, 201, "{}", published.text);
        published.body["revision"]["revision"].as_str().unwrap().to_owned()
    }

    async fn promote(&self, who: &str, revision: &str, wanted: &Value) -> Answer {
        let mut body = json!({"reason": "a rule for names"});
        body.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
        self.server.post(who, &format!("/v1/policies/{revision}:promote"), &body).await
    }

    async fn see_impact(&self, revision: &str) -> Value {
        let seen = self.server.post(&self.pat, &format!("/v1/policies/{revision}:impact"), &json!({})).await;
        assert_eq!(seen.status, 200, "{}", seen.text);
        seen.body
    }

    /// Sends a contract of this name, and tells how it ends.
    async fn ends(&self, name: &str, nth: usize) -> (String, Value) {
        let document = contract(name, &json!([{"id": "a", "skill": "work"}]));
        let run = self.server.submit(&self.sam, &format!("{name}{nth}"), &document).await;
        let detail = self.server.settled(&self.sam, &run, &["completed", "denied", "failed"]).await;
        (run, detail)
    }

    async fn revision(&self, revision: &str) -> Value {
        let got = self.server.get(&self.ann, &format!("/v1/policies/{revision}")).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.body["revision"].clone()
    }

    /// Waits until a revision stands so.
    async fn stands(&self, revision: &str, stage: &str) -> Value {
        let mut grown = self.server.engine.log_size();
        loop {
            grown.borrow_and_update();
            let one = self.revision(revision).await;
            if one["stage"] == stage {
                return one;
            }
            let patience = std::time::Duration::from_secs(20);
            tokio::time::timeout(patience, grown.changed()).await.expect("nothing happens").unwrap();
        }
    }
}

fn codes(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 403, "{}", answer.text);
    answer.body["reasons"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_bundle_that_does_not_pass_is_refused_with_its_place() {
    let house = House::start().await;
    let before = house.server.log_size();
    let wrong =
        "package concordat.admit\n\nf(x) := g(x)\n\ng(x) := f(x)\n\nchecks contains f(input.contract.nmae)\n";
    let refused =
        house.server.post(&house.ann, "/v1/policies", &bundle(&[("admit/wrong.rego", wrong)])).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.body["code"], "policy-refused");
    let first = &refused.body["errors"][0];
    assert_eq!(
        (first["file"].as_str(), first["code"].as_str()),
        (Some("admit/wrong.rego"), Some("recursion"))
    );
    assert!(first["line"].as_u64().unwrap() >= 3 && !first["hint"].is_null(), "{first}");
    assert!(house.server.log_size() > before, "a refusal is a record");
    for (body, status) in [
        (json!({"files": {}, "more": 1}), 422),
        (json!([]), 422),
        (json!({"files": {"../a.rego": "package a"}}), 422),
    ] {
        let refused = house.server.post(&house.ann, "/v1/policies", &body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.body["code"].as_str()),
            (status, Some("policy-refused"))
        );
    }
}

#[tokio::test]
async fn a_policy_is_tried_promoted_by_somebody_else_and_taken_back() {
    let house = House::start().await;
    let first = house.server.engine.policy_revision().to_string();
    assert_eq!(house.ends("blocked", 0).await.1["status"], "completed");

    let revision = house.publish(&blocking()).await;
    let again = house.server.post(&house.ann, "/v1/policies", &blocking()).await;
    assert_eq!(again.status, 200, "{}", again.text);
    let diff = house.server.get(&house.pat, &format!("/v1/policies/{revision}/diff")).await.body;
    assert_eq!(diff["files"].as_array().unwrap().len(), 1);
    assert!(diff["files"][0]["diff"].as_str().unwrap().contains("+\t\"name_blocked\""), "{diff}");

    // Nobody saw what it changes, and its author is not the one to decide.
    let denied = house.promote(&house.ann, &revision, &json!({"to": "enforced"})).await;
    assert_eq!(codes(&denied), ["four_eyes", "impact_unseen"]);
    let denied = house.promote(&house.pat, &revision, &json!({"to": "enforced"})).await;
    assert_eq!(codes(&denied), ["impact_unseen"]);

    // In shadow it changes nothing and sees everything.
    let shadow = house.promote(&house.ann, &revision, &json!({"to": "shadow"})).await;
    assert_eq!(shadow.body["stage"], "shadow", "{}", shadow.text);
    let (run, ended) = house.ends("blocked", 1).await;
    assert_eq!(ended["status"], "completed");
    let trial = &house.revision(&revision).await["trial"];
    assert!(trial["asked"].as_u64().unwrap() >= 3 && trial["failed"] == 0, "{trial}");
    assert_eq!(trial["differed"], 1);
    let events = house.server.get(&house.sam, &format!("/v1/contracts/{run}/events")).await.text;
    assert!(events.contains("name_blocked"), "what it would have said is in the decision's own record");

    // What was decided before is asked again.
    let seen = house.see_impact(&revision).await;
    assert_eq!((seen["would_deny"].as_u64(), seen["would_permit"].as_u64()), (Some(2), Some(0)), "{seen}");
    assert_eq!(seen["codes_new"]["name_blocked"], 2);
    assert_eq!(seen["decisions"], seen["replayed"]);

    let promoted = house.promote(&house.pat, &revision, &json!({"to": "enforced"})).await;
    assert_eq!(promoted.body["stage"], "enforced", "{}", promoted.text);
    let (run, ended) = house.ends("blocked", 2).await;
    assert_eq!(ended["status"], "denied");
    let why = house.server.get(&house.sam, &format!("/v1/contracts/{run}/why")).await.body;
    let decision =
        why["lines"].as_array().unwrap().iter().find_map(|line| line["decision"].as_str()).unwrap();
    let why = house.server.get(&house.sam, &format!("/v1/decisions/{decision}/why")).await;
    assert_eq!(why.body["because"][0]["file"], "admit/blocked.rego", "{}", why.text);
    assert_eq!(
        (why.body["because"][0]["line"].as_u64(), why.body["policy"].as_str()),
        (Some(5), Some(&*revision))
    );
    let replay = house.server.get(&house.sam, &format!("/v1/decisions/{decision}/replay")).await;
    assert_eq!(replay.body["same"], true, "{}", replay.text);

    let back = house.server.post(&house.pat, "/v1/policies:rollBack", &json!({"reason": "too strict"})).await;
    assert_eq!(back.body["revision"], first.as_str(), "{}", back.text);
    assert_eq!(house.ends("blocked", 3).await.1["status"], "completed");
    // A decision of a revision that is off can still be made again.
    let replay = house.server.get(&house.sam, &format!("/v1/decisions/{decision}/replay")).await;
    assert_eq!(replay.body["same"], true, "{}", replay.text);
}

#[tokio::test]
async fn the_policy_in_force_would_decide_everything_the_same() {
    let house = House::start().await;
    for nth in 0..3 {
        house.ends("plain", nth).await;
    }
    let seen = house.see_impact(&house.server.engine.policy_revision().to_string()).await;
    assert_eq!(seen["same"], seen["decisions"], "{seen}");
    assert!(seen["decisions"].as_u64().unwrap() > 9 && seen["samples"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_policy_that_fails_on_trial_takes_itself_back() {
    let house = House::start().await;
    let revision = house.publish(&conflicting()).await;
    assert_eq!(house.promote(&house.ann, &revision, &json!({"to": "shadow"})).await.status, 200);
    for nth in 0..3 {
        assert_eq!(house.ends("odd", nth).await.1["status"], "completed");
    }
    house.stands(&revision, "off").await;
    let log = house.server.get(&house.server.admin, "/v1/audit/records?type=policy.withdrawn").await.text;
    assert!(log.contains("\"failed\":3"), "{log}");
}

#[tokio::test]
async fn a_canary_decides_its_share_and_always_the_same_contracts() {
    let house = House::start().await;
    let revision = house.publish(&blocking()).await;
    house.see_impact(&revision).await;
    let canary = json!({"to": "canary", "share": 5000, "most_differ": 10000});
    let promoted = house.promote(&house.pat, &revision, &canary).await;
    assert_eq!(
        (promoted.body["stage"].as_str(), promoted.body["share"].as_u64()),
        (Some("canary"), Some(5000))
    );
    let mut denied = 0;
    for nth in 0..24 {
        let (run, ended) = house.ends("blocked", nth).await;
        denied += usize::from(ended["status"] == "denied");
        let events =
            house.server.get(&house.sam, &format!("/v1/contracts/{run}/events?limit=1000")).await.body;
        let decided = events["items"].as_array().unwrap().iter().filter_map(|one| {
            let decision = &one["data"]["decision"];
            (decision["gate"] == "admit" || decision["gate"] == "dispatch" || decision["gate"] == "release")
                .then(|| decision["provenance"]["policy"].as_str().unwrap().to_owned())
        });
        let by: std::collections::BTreeSet<String> = decided.collect();
        assert_eq!(by.len(), 1, "one revision decides about a contract");
        assert_eq!(by.contains(&revision), ended["status"] == "denied");
    }
    assert!((4..=20).contains(&denied), "half of 24 contracts, more or less: {denied}");
    let wide = house.promote(&house.pat, &revision, &json!({"to": "canary"})).await;
    assert_eq!(wide.status, 422, "{}", wide.text);
}

#[tokio::test]
async fn broken_glass_is_loud_and_mends_itself() {
    let house = House::start().await;
    let first = house.server.engine.policy_revision().to_string();
    let revision = house.publish(&blocking()).await;
    let until = |seconds: i64| {
        let now = jiff::Timestamp::from_millisecond(jiff::Zoned::now().timestamp().as_millisecond()).unwrap();
        json!({"to": "enforced", "break_glass": now + jiff::SignedDuration::from_secs(seconds)})
    };
    let denied = house.promote(&house.pat, &revision, &until(60)).await;
    assert_eq!(codes(&denied), ["glass_not_yours"]);
    let admin = house.server.admin.clone();
    let denied = house.promote(&admin, &revision, &until(25 * 3600)).await;
    assert_eq!(codes(&denied), ["glass_too_long"]);
    let broken = house.promote(&admin, &revision, &until(1)).await;
    assert_eq!(broken.body["stage"], "enforced", "{}", broken.text);
    assert!(!broken.body["expires"].is_null());
    let log = house.server.get(&admin, "/v1/audit/records?type=policy.promoted").await.text;
    assert!(log.contains("break_glass"), "{log}");
    house.stands(&first, "enforced").await;
    assert_eq!(house.revision(&revision).await["stage"], "off");
}

/// The files of the standard bundle.
fn standard_files() -> Vec<(String, Vec<u8>)> {
    let standard = Bundle::standard();
    standard.files().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).collect()
}

impl House {
    async fn publish_archive(&self, packed: &[u8]) -> Answer {
        let request =
            request("POST", "/v1/policies", Some(&self.ann)).header("content-type", "application/gzip");
        self.server.send(request.body(Body::from(packed.to_vec())).unwrap()).await
    }
}

#[tokio::test]
async fn an_archive_is_published_as_its_folder_is() {
    let house = House::start().await;
    let packed = archive::pack(&standard_files()).unwrap();
    for (body, status) in [(&packed[..], 200), (&packed[..packed.len() / 2], 422), (b"x", 422)] {
        let answer = house.publish_archive(body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        if status == 200 {
            assert_eq!(answer.body["revision"]["stage"], "enforced", "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_server_with_a_key_takes_only_what_is_signed_with_it() {
    let signed = |secret: &[u8]| {
        let mut files = standard_files();
        let hashed = files.iter().map(|(path, bytes)| {
            let digest = concordat_model::digest::Digest::of(bytes).to_string();
            json!({"name": path, "hash": digest.trim_start_matches("sha256:"), "algorithm": "SHA-256"})
        });
        let claims = json!({"files": hashed.collect::<Vec<_>>(), "keyid": "ours"});
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        files
            .push((".signatures.json".to_owned(), json!({ "signatures": [token] }).to_string().into_bytes()));
        archive::pack(&files).unwrap()
    };
    let keys = [("ours".to_owned(), archive::Key::new("HS256", b"secret").unwrap())].into();
    let bundles = archive::Trusted { keys, required: true, ..archive::Trusted::default() };
    let house = House::with(&Config { bundles, ..Config::default() }).await;
    assert_eq!(house.publish_archive(&signed(b"secret")).await.status, 200);
    let unsigned = archive::pack(&standard_files()).unwrap();
    for refused in [
        house.publish_archive(&signed(b"another")).await,
        house.publish_archive(&unsigned).await,
        house.server.post(&house.ann, "/v1/policies", &bundle(&[])).await,
    ] {
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert_eq!(refused.body["errors"][0]["code"], "signature", "{}", refused.text);
    }
    // Nobody can tell who signed it, so a server without a key takes nothing that says it is signed.
    let open = House::start().await;
    assert_eq!(open.publish_archive(&signed(b"secret")).await.status, 422);
}
