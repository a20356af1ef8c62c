//! What modules and data answer, how they change, and what is kept out of the log.

use serde_json::{Value as Json, json};

use super::*;

const RULES: &str = r#"package app.authz

default allow := false

allow if input.user in data.app.roles.admin

names contains name if some name in input.names

half := to_number(input.text)

deep.ref.head := 5

nothing := input.nope

kinds := {{1, 2}, [1], "s", 3}
"#;

fn put(documents: &Documents, id: &str, text: &str) -> Result<Documents, Refused> {
    let change = Change::PolicyPut { id: id.to_owned(), text: text.to_owned() };
    documents.changed(&change).map(|(documents, _)| documents)
}

fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn data(documents: &Documents, path: &str, value: &Json) -> Result<Documents, Refused> {
    let change = Change::put(parts(path), value.to_string().as_bytes()).unwrap();
    documents.changed(&change).map(|(documents, _)| documents)
}

fn patched(documents: &Documents, path: &str, patch: &Json) -> Result<Documents, Refused> {
    let change = Change::patch(&parts(path), patch.to_string().as_bytes())?;
    documents.changed(&change).map(|(documents, _)| documents)
}

fn told(answer: Result<Option<Answer>, Refused>) -> Json {
    match answer {
        Ok(Some(answer)) => serde_json::from_slice(&answer.json().unwrap()).unwrap(),
        Ok(None) => json!("UNDEFINED"),
        Err(refused) => json!({"code": refused.code(), "faults": refused.faults()}),
    }
}

fn get(documents: &Documents, path: &str, input: &Json) -> Json {
    let input = Input::read(input.to_string().as_bytes()).unwrap();
    told(documents.ask(&Question::Document(parts(path)), Some(&input), false))
}

fn query(documents: &Documents, query: &str) -> Json {
    told(documents.ask(&Question::Query(query.to_owned()), None, false))
}

fn app() -> Documents {
    let documents = put(&Documents::default(), "app", RULES).unwrap();
    data(&documents, "app/roles", &json!({"admin": ["ann", "bob"]})).unwrap()
}

#[test]
fn documents_are_base_and_virtual_together() {
    let app = app();
    for (path, wanted) in [
        ("app/authz/allow", json!(true)),
        ("app/authz/names", json!(["a", "b"])),
        ("app/authz/names/a", json!("a")),
        ("app/authz/names/c", json!("UNDEFINED")),
        ("app/authz/half", json!("UNDEFINED")),
        ("app/authz/nothing", json!("UNDEFINED")),
        ("app/authz/deep", json!({"ref": {"head": 5}})),
        ("app/authz/deep/ref/head", json!(5)),
        ("app/authz/kinds", json!([3, "s", [1], [1, 2]])),
        ("app/roles/admin/1", json!("bob")),
        ("app/roles/admin/2", json!("UNDEFINED")),
        ("nope", json!("UNDEFINED")),
        ("app/authz/nope", json!("UNDEFINED")),
    ] {
        assert_eq!(
            get(&app, path, &json!({"user": "ann", "names": ["b", "a"], "text": "x"})),
            wanted,
            "{path}"
        );
    }
    let whole = json!({
        "authz": {"allow": false, "deep": {"ref": {"head": 5}}, "kinds": [3, "s", [1], [1, 2]], "names": []},
        "roles": {"admin": ["ann", "bob"]},
    });
    assert_eq!(get(&app, "app", &json!({})), whole);
    assert_eq!(get(&app, "", &json!({})), json!({ "app": whole }));
    let strict = app.ask(
        &Question::Document(parts("app/authz/half")),
        Some(&Input::read(br#"{"text": "x"}"#).unwrap()),
        true,
    );
    assert_eq!(told(strict)["faults"][0]["code"], "eval_builtin_error");
}

#[test]
fn the_whole_document_has_no_system() {
    let documents = put(&app(), "main", "package system\nmain := 1").unwrap();
    assert_eq!(get(&documents, "system/main", &json!({})), json!(1));
    assert!(get(&documents, "", &json!({})).get("system").is_none());
}

#[test]
fn queries_give_bindings() {
    let app = app();
    for (asked, wanted) in [
        ("x := data.app.roles.admin[i]", json!([{"x": "ann", "i": 0}, {"x": "bob", "i": 1}])),
        ("true", json!([{}])),
        ("1 == 2", json!([{}])),
        ("1 == 2; true", json!("UNDEFINED")),
        ("true; 1 == 2", json!("UNDEFINED")),
        ("data.app.roles.admin[i] == \"bob\"", json!([{"i": 1}])),
        ("data.app.roles.admin[_] == \"bob\"", json!([{}])),
        ("data.nope", json!("UNDEFINED")),
        ("x := 1\ny := 2", json!([{"x": 1, "y": 2}])),
    ] {
        assert_eq!(query(&app, asked), wanted, "{asked}");
    }
    for (asked, code, row) in [
        ("x := ", "rego_parse_error", 1),
        ("numbers.range(1, 1000000000)", "rego_type_error", 1),
        ("true } f(x) := f(x) if { true", "rego_recursion_error", 1),
        ("true } other if { true", "rego_parse_error", 1),
        ("[[[[[[[[[1]]]]]]]]]", "rego_parse_error", 1),
    ] {
        let told = query(&app, asked);
        assert_eq!(
            (&told["code"], &told["faults"][0]["code"]),
            (&json!("invalid_parameter"), &json!(code)),
            "{asked}: {told}"
        );
        assert_eq!(told["faults"][0]["location"]["row"], row, "{asked}: {told}");
    }
}

#[test]
fn mocks_may_not_let_rules_reach_themselves() {
    let fine = "package p\nf(x) := x + 1\ng(x) := x * 2\na := f(1)\nb := x if { x := a with f as g }\nc := x if { x := a with data.q as 3 }\nd := x if { x := count([1]) with count as 7 }\n";
    let documents = put(&Documents::default(), "p", fine).unwrap();
    assert_eq!(get(&documents, "p", &json!({})), json!({"a": 2, "b": 2, "c": 2, "d": 7}));
    let circle = "package p\nf(x) := x + 1\ng(x) := f(x)\na if f(1) == 2 with f as g\n";
    assert_eq!(put(&documents, "p", circle).unwrap_err().faults()[0].code, "rego_recursion_error");
    let hidden = "package p\ng(x) := count(x)\na if count([1]) == 1 with count as g\n";
    assert_eq!(put(&documents, "p", hidden).unwrap_err().faults()[0].code, "rego_recursion_error");
}

#[test]
fn values_that_grow_without_end_are_refused() {
    let step =
        |text: &str, n: usize| text.replace("NEXT", &(n + 1).to_string()).replace('N', &n.to_string()) + "\n";
    let chain = |text: &str| (0..40).map(|n| step(text, n)).collect::<String>();
    let fine = "package p\nf(x) := x\ng(x) := [x, x]\na := x if { x := f(1) with f as g }\nb := x if { x := data.q with data.q as [a, a] }\n";
    let documents = put(&Documents::default(), "p", fine).unwrap();
    assert_eq!(get(&documents, "p", &json!({})), json!({"a": [1, 1], "b": [[1, 1], [1, 1]]}));
    for (start, text) in [
        ("", "aNEXT := [aN, aN]"),
        ("", "aNEXT := x if { x := data.q with data.q as [aN, aN] }"),
        ("f(x) := x\ng(x) := [x, x]\n", "aNEXT := x if { x := f(aN) with f as g }"),
        ("g(x) := [x, x]\n", "aNEXT := x if { x := count(aN) with count as g }"),
    ] {
        let text = format!("package p\na0 := 1\n{start}{}", chain(text));
        let refused = put(&Documents::default(), "p", &text).unwrap_err();
        assert!(refused.faults()[0].message.contains("too large to look at"), "{text}\n{refused:?}");
    }
    let query = format!("x0 := input; {}x40 == 1", chain("xNEXT := [xN, xN];"));
    let question = Question::Query(query);
    assert!(matches!(documents.ask(&question, None, false), Err(Refused::Query(_))));
}

#[test]
fn data_is_written_as_opa_writes_it() {
    let empty = Documents::default();
    let one = data(&empty, "a/b", &json!({"c": [1, 2]})).unwrap();
    assert_eq!(get(&one, "", &json!({})), json!({"a": {"b": {"c": [1, 2]}}}));
    assert!(matches!(data(&one, "a/b/c/x/y", &json!(1)), Err(Refused::Conflict(_))));
    assert!(matches!(data(&one, "", &json!(1)), Err(Refused::Parameter(_))));
    for (patch, wanted) in [
        (json!([{"op": "add", "path": "c/-", "value": 3}]), json!([1, 2, 3])),
        (json!([{"op": "add", "path": "/c/0", "value": 0}]), json!([0, 1, 2])),
        (json!([{"op": "replace", "path": "/c/0", "value": 9}]), json!([9, 2])),
        (json!([{"op": "remove", "path": "/c/0"}, {"op": "remove", "path": "/c/0"}]), json!([])),
        (json!([{"op": "add", "path": "/d~1e", "value": 3}]), json!([1, 2])),
    ] {
        assert_eq!(get(&patched(&one, "a/b", &patch).unwrap(), "a/b/c", &json!({})), wanted, "{patch}");
    }
    for (patch, code) in [
        (json!([{"op": "remove", "path": "/x"}]), "resource_not_found"),
        (json!([{"op": "replace", "path": "/c/7", "value": 1}]), "resource_not_found"),
        (json!([{"op": "add", "path": "/x/y", "value": 1}]), "resource_not_found"),
        (json!([{"op": "move", "path": "/x"}]), "invalid_parameter"),
        (json!({}), "invalid_parameter"),
    ] {
        assert_eq!(patched(&one, "a/b", &patch).unwrap_err().code(), code, "{patch}");
    }
    let gone = one.changed(&Change::delete(parts("a/b"))).unwrap().0;
    assert_eq!(get(&gone, "", &json!({})), json!({"a": {}}));
    assert_eq!(one.changed(&Change::delete(parts("x"))).unwrap_err().code(), "resource_not_found");
}

#[test]
fn rules_and_data_do_not_share_a_path() {
    let app = app();
    let told = data(&app, "app/authz/allow", &json!(true)).unwrap_err();
    assert!(told.faults()[0].message.contains("conflicting rule for data path app/authz/allow"), "{told:?}");
    assert!(data(&app, "app", &json!(3)).is_err());
    assert!(data(&app, "app/authz/other", &json!(3)).is_ok());
    assert!(put(&app, "other", "package app\nroles := 3").is_err());
}

#[test]
fn modules_come_and_go_together() {
    let (one, two) = ("package one\na := data.two.b", "package two\nb := 2");
    let modules = [("1", one), ("2", two)].map(|(id, text)| (id.to_owned(), text.to_owned())).into();
    let (both, payload) = Documents::default().changed(&Change::PoliciesReplaced { modules }).unwrap();
    assert_eq!(get(&both, "one/a", &json!({})), json!(2));
    let mut state = State::default();
    state.apply(&Change::from_payload(&payload).unwrap(), &payload).unwrap();
    assert_eq!(Documents::prepare(state).revision(), both.revision());
    let broken = [("1".to_owned(), one.to_owned()), ("2".to_owned(), "package two\nb :=".to_owned())].into();
    let told = both.changed(&Change::PoliciesReplaced { modules: broken }).unwrap_err();
    assert_eq!(told.faults()[0].location.as_ref().unwrap().file, "2");
    assert_eq!(get(&both, "one/a", &json!({})), json!(2));
    let fewer = both.changed(&Change::PolicyRemoved { id: "2".to_owned() }).unwrap().0;
    assert_eq!(get(&fewer, "one/a", &json!({})), json!("UNDEFINED"));
    assert_eq!(fewer.module("2").unwrap_err().code(), "resource_not_found");
}

#[test]
fn what_is_masked_is_not_told() {
    let rules = r#"package system.log
mask contains "/input/password"
mask contains "/input/nothing"
mask contains {"op": "upsert", "path": "/input/card", "value": "****"} if input.input.card
mask contains "/result" if input.path == "app/secret"
"#;
    let subject = Subject { decision_id: "d", path: "app/secret", query: None, requested_by: "ann" };
    let input = Input::read(br#"{"password": "x", "card": "1234", "user": "ann"}"#).unwrap();
    let answer = Answer(json!({"secret": 1}).into());
    assert_eq!(app().mask(subject, Some(&input), Some(&answer)), None);
    let masked = put(&app(), "mask", rules).unwrap().mask(subject, Some(&input), Some(&answer)).unwrap();
    assert_eq!(String::from_utf8(masked.input.unwrap()).unwrap(), r#"{"card":"****","user":"ann"}"#);
    assert_eq!((masked.result, masked.failed), (None, None));
    assert_eq!(masked.erased, ["/input/password", "/result"]);
    assert_eq!(masked.masked, ["/input/card"]);
    for broken in ["mask := 3", "mask contains 3", "mask := 1 if true\nmask := 2 if true"] {
        let documents = put(&app(), "mask", &format!("package system.log\n{broken}")).unwrap();
        let masked = documents.mask(subject, Some(&input), Some(&answer)).unwrap();
        assert_eq!((masked.input, masked.result, masked.erased.len()), (None, None, 2), "{broken}");
        assert!(masked.failed.is_some());
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let empty = Documents::default();
    let modules = (0..=MOST_MODULES).map(|n| (n.to_string(), format!("package p{n}"))).collect();
    assert!(matches!(empty.changed(&Change::PoliciesReplaced { modules }), Err(Refused::TooLarge(_))));
    assert!(matches!(Input::read(&vec![b' '; MOST_INPUT + 1]), Err(Refused::TooLarge(_))));
    let half = Json::String("x".repeat(MOST_DATA / 2));
    let once = data(&empty, "a", &half).unwrap();
    assert!(matches!(data(&once, "b", &half), Err(Refused::TooLarge(_))));
    let loops =
        "package p\nx := [1 | some a in input.n; some b in input.n; some c in input.n; some d in input.n]";
    let slow = put(&empty, "p", loops).unwrap();
    let told = get(&slow, "p/x", &json!({"n": (0..200).collect::<Vec<_>>()}));
    assert_eq!(told["faults"][0]["code"], "eval_cancel_error", "{told}");
}
