//! Reports: ordered, watched, fetched, and on record before they leave.

use std::time::Duration;

use concordat_ledger::Verifier;

use super::*;

fn keys() -> Vec<Verifier> {
    vec![Signer::from_seed("concordat.test/log", &[7; 32]).unwrap().verifier().clone()]
}

async fn server() -> Server {
    let server = Server::with(&Config { log_keys: keys(), ..Config::default() }).await;
    let lend = contract("lend", &json!([{"id": "a", "skill": "work"}]));
    let run = server.submit(&server.admin, "key-1", &lend).await;
    server.settled(&server.admin, &run, &["completed"]).await;
    server
}

/// Orders, waits, and gives where it is and how it ended.
async fn made(server: &Server, order: &Value) -> (String, Value) {
    let answer = server.post(&server.admin, "/v1/audit/reports", order).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let place = answer.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(place, format!("/v1/audit/reports/{}", answer.body["id"].as_str().unwrap()));
    let done = async {
        loop {
            let status = server.get(&server.admin, &place).await.body;
            if status["state"] != "running" {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let status = tokio::time::timeout(Duration::from_secs(60), done).await.expect("the report is made");
    (place, status)
}

#[tokio::test]
async fn every_form_is_made_and_that_it_left_is_on_record() {
    let server = server().await;
    for (form, media, begins) in [
        ("html", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("pdf", "application/pdf", "%PDF-1.7"),
        ("json", "application/json", "{\n  \"format\": \"concordat-report/1\""),
        ("csv", "text/csv; charset=utf-8", "section,kind,"),
        ("jsonl", "application/jsonl", "{\"data\":"),
        ("records_csv", "text/csv; charset=utf-8", "index,time,"),
        ("tar", "application/x-tar", "VERIFY.md"),
    ] {
        let (place, status) = made(&server, &json!({"template": "general", "form": form})).await;
        assert_eq!(status["state"], "done", "{status}");
        assert_eq!(status["records"], status["of"]);
        let request = request("GET", &format!("{place}/content"), Some(&server.admin)).body(Body::empty());
        let response = server.raw(request.unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], media);
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(bytes.starts_with(begins.as_bytes()), "{form}");
        assert_eq!(status["bytes"], bytes.len());
        let log = server.get(&server.admin, "/v1/audit/records?type=audit.exported&limit=1000").await.body;
        let left = &log["items"].as_array().unwrap().last().unwrap()["record"]["data"];
        assert_eq!((&left["by"], &left["digest"]), (&json!("root"), &status["digest"]), "{left}");
        assert_eq!(left["size"], status["of"]);
    }
}

#[tokio::test]
async fn what_cannot_be_made_is_said() {
    let server = server().await;
    let order = |template: &Value, form: &str| json!({"template": template, "form": form});
    for (template, pointer) in [(json!("sox"), "/template"), (json!({"name": "own"}), "/template")] {
        let answer = server.post(&server.admin, "/v1/audit/reports", &order(&template, "html")).await;
        assert_eq!(
            (answer.status, &answer.body["errors"][0]["pointer"]),
            (422.try_into().unwrap(), &json!(pointer))
        );
    }
    let own = json!({"name": "own", "title": "Own", "version": "1", "sections": ["metrics"]});
    let (_, status) = made(&server, &order(&own, "json")).await;
    assert_eq!(status["state"], "done", "{status}");
    // A period without records has a report that says so, and no evidence to pack.
    let before = json!({"template": "general", "form": "tar", "to": "2020-01-01T00:00:00Z"});
    let (place, status) = made(&server, &before).await;
    assert_eq!(status["state"], "failed", "{status}");
    assert!(status["problem"].as_str().unwrap().contains("choose another period"), "{status}");
    assert_eq!(server.get(&server.admin, &format!("{place}/content")).await.status, 409);
    assert_eq!(
        server.get(&server.admin, "/v1/audit/reports/rpt_01h455vb4pex5vsknk084sn02q").await.status,
        404
    );
}

#[tokio::test]
async fn reports_are_for_those_who_may_take_the_log_away_and_not_without_end() {
    let server = server().await;
    let order = json!({"template": "general", "form": "json"});
    let vera = server.key("vera", "acme", &[Role::Viewer]).await;
    assert_eq!(server.post(&vera, "/v1/audit/reports", &order).await.status, 403);
    let (place, _) = made(&server, &order).await;
    for path in [place.clone(), format!("{place}/content")] {
        assert_eq!(server.get(&vera, &path).await.status, 403, "{path}");
    }
    let anna = server.key("anna", "acme", &[Role::Auditor]).await;
    assert_eq!(server.get(&anna, &place).await.status, 200);
    let mut last = 202;
    for _ in 0..16 {
        last = server.post(&anna, "/v1/audit/reports", &order).await.status.as_u16();
    }
    assert_eq!(last, 503);
}
