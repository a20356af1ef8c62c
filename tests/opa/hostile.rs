//! Modules, data and questions that try to hurt: each is refused by name, and nobody else notices.

use std::sync::Arc;

use concordat_model::principal::Role;
use serde_json::{Value, json};

use super::door::Door;

/// Asks what has nothing to do with it.
async fn bystander(door: &Door) {
    let (status, answer) = door.send("POST", "/v1/data/calm/x", &json!({"input": 3})).await;
    assert_eq!((status, &answer["result"]), (200, &json!(4)), "{answer}");
}

async fn calm() -> Door {
    let door = Door::open().await;
    let calm = "package calm\nx := input + 1".to_owned();
    let (status, answer) =
        door.text(&door.key("root", Role::Admin).await, "PUT", "/v1/policies/calm", calm).await;
    assert_eq!(status, 200, "{answer}");
    door
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_modules_are_refused() {
    let door = calm().await;
    let author = door.key("root", Role::Admin).await;
    let rules = |count: usize, rule: fn(usize) -> String| (0..count).map(rule).collect::<String>();
    for (what, rego, code) in [
        ("nested brackets", format!("x := {}1{}", "[".repeat(200), "]".repeat(200)), "rego_parse_error"),
        ("nested objects", format!("x := {}1{}", "{\"a\":".repeat(9), "}".repeat(9)), "rego_parse_error"),
        ("many nested lists", "x := [[[[[[[[1]]]]]]]]\n".repeat(1_500), "rego_parse_error"),
        ("a long sum", format!("x := 1{}", "\n+ 1".repeat(1_900)), "rego_compile_error"),
        ("parentheses", format!("x := {}1{}", "(".repeat(900), ")".repeat(900)), "rego_parse_error"),
        ("many lines", "x := 1\n".repeat(2_001), "rego_parse_error"),
        ("a long line", format!("x := \"{}\"", "y".repeat(5_000)), "rego_parse_error"),
        ("many bytes", format!("# {}", "y".repeat(70_000)), "rego_parse_error"),
        ("a NUL", "x := \"\0\"".to_owned(), "rego_parse_error"),
        ("a function that calls itself", "f(x) := f(x)".to_owned(), "rego_recursion_error"),
        ("a rule that is itself", "x if not x".to_owned(), "rego_recursion_error"),
        (
            "a chain of rules",
            rules(900, |n| format!("r{n} := r{}\n", n + 1)) + "r900 := 1",
            "rego_recursion_error",
        ),
        (
            "a mock that calls what it mocks",
            "f(x) := x\ng(x) := f(x)\nx if f(1) with f as g".to_owned(),
            "rego_recursion_error",
        ),
        ("the network", "x := http.send({})".to_owned(), "rego_type_error"),
        ("the clock", "x := time.now_ns()".to_owned(), "rego_type_error"),
        ("a range", "x := numbers.range(1, 9000000000)".to_owned(), "rego_type_error"),
        ("a width", "x := sprintf(\"%900000000d\", [1])".to_owned(), "rego_type_error"),
        ("a shift", "x := bits.lsh(1, 9000000000)".to_owned(), "rego_type_error"),
    ] {
        let (status, answer) =
            door.text(&author, "PUT", "/v1/policies/hostile", format!("package h\n{rego}")).await;
        let told: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &told["errors"][0]["code"]), (400, &json!(code)), "{what}: {answer}");
        bystander(&door).await;
    }
    let many = (0..257)
        .map(|n| (format!("m{n}"), json!(format!("package m{n}"))))
        .collect::<serde_json::Map<_, _>>();
    let (status, answer) = door.send("PUT", "/v1/policies", &json!({ "modules": many })).await;
    assert_eq!(status, 413, "{answer}");
    bystander(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_without_end_are_ended() {
    let door = Arc::new(calm().await);
    let endless =
        "package endless\nx := [1 | some a in input; some b in input; some c in input; some d in input]";
    let author = door.key("root", Role::Admin).await;
    assert_eq!(door.text(&author, "PUT", "/v1/policies/endless", endless.to_owned()).await.0, 200);
    let body = json!({ "input": (0..300).collect::<Vec<_>>() });
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let (door, body) = (door.clone(), body.clone());
            tokio::spawn(async move { door.send("POST", "/v1/data/endless/x", &body).await })
        })
        .collect();
    bystander(&door).await;
    for asked in asked {
        let (status, answer) = asked.await.unwrap();
        assert_eq!((status, &answer["errors"][0]["code"]), (500, &json!("eval_cancel_error")), "{answer}");
    }
    let query = "some a in input; some b in input; some c in input; some d in input; a + b + c + d < 0";
    let (status, answer) =
        door.send("POST", "/v1/query", &json!({"query": query, "input": body["input"]})).await;
    assert_eq!((status, &answer["errors"][0]["code"]), (500, &json!("eval_cancel_error")), "{answer}");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let (status, answer) = door.text(&author, "PUT", "/v1/data/deep", deep).await;
    assert_eq!(status, 400, "{answer}");
    bystander(&door).await;
}
