//! What the writer writes, what it refuses, and that others write the same.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::{MAX_BYTES, MAX_DEPTH, check, parse};
use super::*;

fn check_written<T: Serialize + ?Sized>(value: &T, expected: &str) {
    let written = write(value).expect("canonical");
    assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
    check(expected.as_bytes()).expect("reads back");
}

fn check_refused<T: Serialize + ?Sized>(value: &T, pointer: &str, reason: Reason) {
    assert_eq!(write(value), Err(Refusal { pointer: pointer.into(), reason }));
}

#[derive(Serialize)]
struct Unordered {
    zebra: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
    inner: Inner,
}

#[derive(Serialize)]
struct Inner {
    b: Option<u8>,
    a: (),
}

#[derive(Serialize)]
enum Whole {
    Unit,
    Newtype(u8),
    Tuple(u8, i8),
    Struct { b: u8, a: char },
}

#[derive(Serialize)]
enum Broken {
    Newtype(f64),
    Tuple(u8, f64),
    Struct { b: u8, a: f64 },
}

#[test]
fn vectors_of_rfc_8785() {
    // The string of section 3.2.2.2 and the literals of section 3.2.2.
    check_written("€$\u{f}\nA'B\"\\\\\"/", r#""€$\u000f\nA'B\"\\\\\"/""#);
    check_written(
        "\u{8}\t\n\u{c}\r\u{0}\u{1f}\u{7f}\u{2028}",
        "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\u{2028}\"",
    );
    check_written(&json!({"literals": [null, true, false]}), r#"{"literals":[null,true,false]}"#);
    // The author's own samples `structures` and `arrays`, from the reference implementation.
    check_written(
        &json!({"1": {"f": {"f": "hi", "F": 5}, "\n": 56}, "10": {}, "": "empty", "a": {}, "111": [{"e": "yes", "E": "no"}], "A": {}}),
        r#"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#,
    );
    check_written(&json!([56, {"d": true, "10": null, "1": []}]), r#"[56,{"1":[],"10":null,"d":true}]"#);
}

#[test]
fn members_are_put_in_order() {
    let rest = BTreeMap::from([("a".into(), json!([{"y": 1, "x": 2}])), ("z".into(), json!(null))]);
    check_written(
        &Unordered { zebra: 1, rest, inner: Inner { b: Some(2), a: () } },
        r#"{"a":[{"x":2,"y":1}],"inner":{"a":null,"b":2},"z":null,"zebra":1}"#,
    );
    check_written(&HashMap::from([(10, 'a'), (9, 'b')]), r#"{"10":"a","9":"b"}"#);
    check_written(&BTreeMap::from([("\u{1}", 1), (" ", 2), ("\"", 3)]), r#"{"\u0001":1," ":2,"\"":3}"#);
}

#[test]
fn enums_are_written_as_serde_json_does() {
    check_written(
        &(Whole::Unit, Whole::Newtype(1), Whole::Tuple(1, -1), Whole::Struct { b: 1, a: 'x' }),
        r#"["Unit",{"Newtype":1},{"Tuple":[1,-1]},{"Struct":{"a":"x","b":1}}]"#,
    );
}

#[test]
fn floats_are_refused_with_their_place() {
    check_refused(&json!({"a": [1, {"b": 1.0}]}), "/a/1/b", Reason::Float);
    check_refused(&f64::NAN, "", Reason::Float);
    check_refused(&[f32::INFINITY], "/0", Reason::Float);
    check_refused(&Broken::Newtype(1.0), "/Newtype", Reason::Float);
    check_refused(&Broken::Tuple(1, 1.0), "/Tuple/1", Reason::Float);
    check_refused(&Broken::Struct { b: 1, a: 1.0 }, "/Struct/a", Reason::Float);
}

#[test]
fn integers_end_at_two_to_the_53() {
    check_written(
        &[9_007_199_254_740_991_i64, -9_007_199_254_740_991],
        "[9007199254740991,-9007199254740991]",
    );
    check_written(&[0, -0, -1], "[0,0,-1]");
    check_refused(&json!({"n": 9_007_199_254_740_992_u64}), "/n", Reason::IntegerOutOfRange);
    check_refused(&i64::MIN, "", Reason::IntegerOutOfRange);
    check_refused(&u64::MAX, "", Reason::IntegerOutOfRange);
    check_refused(&i128::MIN, "", Reason::IntegerOutOfRange);
}

#[test]
fn names_are_ascii_text_and_stand_once() {
    check_refused(&json!({"a": {"é": 1}}), "/a/é", Reason::NameNotAscii);
    let rest = BTreeMap::from([("zebra".to_owned(), json!(1))]);
    let twice = Unordered { zebra: 1, rest, inner: Inner { b: None, a: () } };
    check_refused(&twice, "/zebra", Reason::DuplicateName);
    check_refused(&BTreeMap::from([(vec![1], 1)]), "", Reason::NameNotText);
    check_refused(&BTreeMap::from([((), 1)]), "", Reason::NameNotText);
}

#[test]
fn size_and_depth_are_bounded() {
    let longest = "x".repeat(MAX_BYTES - 2);
    check_written(&longest, &format!("\"{longest}\""));
    check_refused(&"x".repeat(MAX_BYTES - 1), "", Reason::TooLarge);
    check_refused(&"\u{1}".repeat(MAX_BYTES / 5), "", Reason::TooLarge);
    check_refused(&["x".repeat(40_000), "y".repeat(40_000)], "/1", Reason::TooLarge);
    let nest = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert!(write(&nest(MAX_DEPTH)).is_ok());
    check_refused(&nest(MAX_DEPTH + 1), &"/0".repeat(MAX_DEPTH), Reason::TooDeep);
}

#[test]
fn prerendered_json_is_refused() {
    let raw = serde_json::value::RawValue::from_string("1.0".into()).expect("JSON");
    check_refused(&[raw], "/0", Reason::Prerendered);
}

fn value() -> impl Strategy<Value = Value> {
    let number = (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from);
    let text = any::<String>().prop_map(Value::from);
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
    leaf.prop_recursive(6, 64, 8, |inner| {
        let name = proptest::string::string_regex("[\\x00-\\x7f]{0,6}").expect("pattern");
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn written_is_what_another_program_writes_and_reads_back(value in value()) {
        let written = write(&value).expect("canonical");
        prop_assert_eq!(&written, &serde_json_canonicalizer::to_vec(&value).expect("canonical"));
        prop_assert_eq!(parse(&written).expect("reads back"), value);
    }

    #[test]
    fn what_reads_is_what_would_be_written(text in "[\\[\\]{}\",:0-2ae.\\\\nu -]{0,24}") {
        if let Ok(value) = parse(text.as_bytes()) {
            prop_assert_eq!(write(&value).expect("canonical"), text.as_bytes());
        }
    }
}
