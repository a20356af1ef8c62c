//! The description of the API, and the schemas of documents.

use super::*;

/// Members of a schema that are flags, not schemas.
const FLAGS: [&str; 3] = ["required", "deprecated", "additionalProperties"];

fn walk(value: &Value, at: &str, see: &mut impl FnMut(&str, &str, &Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            see(at, name, member);
            walk(member, &format!("{at}/{name}"), see);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(nth, item)| walk(item, &format!("{at}/{nth}"), see));
        }
        _ => {}
    }
}

#[tokio::test]
async fn generators_can_work_with_it() {
    let server = Server::start().await;
    let document = server.get("", "/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            ids.push(
                operation["operationId"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{what} has no operationId"))
                    .to_owned(),
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('4')), "{what}");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{what}");
            assert!(operation["summary"].is_string(), "{what}");
            for response in responses.values() {
                assert!(response["content"].as_object().is_none_or(|content| content.len() == 1), "{what}");
            }
            let open = crate::front::OPEN.contains(&path.as_str());
            assert_eq!(operation["security"] == json!([{}]), open, "{what}");
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let mut references = Vec::new();
    walk(&document, "", &mut |at, name, value| {
        let schema =
            at.contains("/schema") || at.ends_with("/properties") || name == "items" || name == "schema";
        assert!(!(schema && value.is_boolean() && !FLAGS.contains(&name)), "{at}/{name}");
        assert!(!at.contains('@') && !name.contains('@'), "{at}/{name}");
        if name == "enum" && at.starts_with("/components") {
            // An enum has a name of its own: no property holds one.
            assert!(!at.contains("/properties/"), "{at}");
        }
        if name == "$ref" {
            references.push(value.as_str().unwrap().trim_start_matches('#').to_owned());
        }
    });
    for reference in references {
        assert!(document.pointer(&reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_described_route_is_routed_and_no_other_verb() {
    let server = Server::start().await;
    let document = server.get("", "/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let uri = path.replace(['{', '}'], "");
            let answer =
                server.send(request(method, &uri, Some(&server.admin)).body(Body::empty()).unwrap()).await;
            let described = item.get(method.to_lowercase()).is_some();
            let code = answer.body["code"].as_str().unwrap_or_default();
            // `GET /v1/agents/x:restore` looks for an agent of that name.
            let named = path.contains("}:") && method == "GET" && code == "not-found";
            let routed = code != "route-unknown" && code != "method-not-allowed" && !named;
            assert_eq!(routed, described, "{method} {path}: {}", answer.text);
        }
    }
    for path in [
        "/",
        "/v1",
        "/v2/contracts",
        "/v1/contracts/",
        "/v1/contracts/x/@cancel",
        "/v1/agents/x:burn",
        "/v1/%ff",
    ] {
        let answer =
            server.send(request("POST", path, Some(&server.admin)).body(Body::empty()).unwrap()).await;
        assert!(matches!(answer.status.as_u16(), 404 | 405), "{path}: {}", answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn schemas_are_served_the_same_each_time() {
    let server = Server::start().await;
    for (path, word) in [
        ("/schemas/contract.json", "objective"),
        ("/schemas/submission.json", "dependsOn"),
        ("/schemas/trigger.json", "schedule"),
    ] {
        let first = server.get("", path).await;
        assert!(first.text.contains(word));
        assert_eq!(first.body["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(server.get("", path).await.text, first.text);
    }
}
