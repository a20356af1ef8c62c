//! Whatever goes wrong with a policy is a denial with a code of its own, and never a key.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::digest::canonical;
use concordat_policy::{Bundle, Failure, Policy};

/// What a bundle with this `decision` for every gate comes to, and that no gate hands out a key.
fn asked(rego: &str) -> Decision {
    let files = Gate::ALL.map(|gate| (format!("{gate}.rego"), format!("package concordat.{gate}\n{rego}\n")));
    let policy = Policy::load(&Bundle::from_files(files).unwrap()).unwrap();
    let (dispatch, release) = (support::dispatch(), support::release());
    let refused =
        policy.dispatch(support::id(), &dispatch, support::work(&dispatch), &support::agents(&dispatch));
    assert!(!matches!(refused.unwrap_err().asked.decision.answer, Answer::Permit), "{rego}");
    let refused = policy.release(support::id(), &release, support::outcome(&release)).unwrap_err();
    assert_eq!(refused.held, support::outcome(&release));
    assert_eq!(
        code(&refused.asked.decision),
        code(&policy.admit(support::id(), &support::admit()).decision),
        "{rego}"
    );
    policy.access(support::id(), &support::access()).decision
}

fn code(decision: &Decision) -> String {
    assert!(!serde_json::to_string(decision).unwrap().contains("<undefined>"));
    decision.answer.reasons().first().map(|reason| reason.code.clone()).unwrap_or_default()
}

#[test]
fn every_condition_has_its_code_and_none_permits() {
    let endless =
        "some a in xs; some b in xs; some c in xs; some d in xs; some e in xs; a + b + c + d + e < 0";
    let loops = format!(
        "xs := [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]\ndecision := {{\"answer\": \"permit\"}} if {{ {endless} }}"
    );
    let inside = format!(
        "xs := [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]\nf(x) := true if {{ {endless} }}\ndecision := {{\"answer\": \"permit\"}} if {{ not f(1) }}"
    );
    let long = "x".repeat(1000);
    let large = format!(
        "long := \"{long}\"\ndecision := {{\"answer\": \"deny\", \"reasons\": [{{\"code\": \"c\", \"message\": concat(\"\", [long | some a in [1,2,3,4,5,6,7,8,9]; some b in [1,2,3,4,5,6,7,8,9]])}}]}}"
    );
    for (rego, wanted) in [
        (r#"decision := {"answer": "permit"} if false"#, Failure::Undefined),
        (r#"decision := {"answer": "permit"} if input.nothing.here"#, Failure::Undefined),
        (r#"decision := "permit""#, Failure::Malformed),
        ("decision := true", Failure::Malformed),
        ("decision := 1", Failure::Malformed),
        ("decision := null", Failure::Malformed),
        (r#"decision := ["permit"]"#, Failure::Malformed),
        (r#"decision := {"answer": true}"#, Failure::Malformed),
        (r#"decision := {"allow": true}"#, Failure::Malformed),
        (r#"decision := {"result": {"answer": "permit"}}"#, Failure::Malformed),
        (r#"decision := {"answer": {"permit"}}"#, Failure::Malformed),
        (r#"decision contains "permit""#, Failure::Malformed),
        (r#"decision.answer := "permit""#, Failure::Missing),
        (r#"decision := {"answer": "permit"} if not to_number("zz")"#, Failure::Error),
        (r#"decision := {"answer": "permit"} if not no_such_function(1)"#, Failure::Error),
        (r#"decision := {"answer": "permit"} if not count(1, 2, 3)"#, Failure::Error),
        (r#"decision := {"answer": "permit"} if 1 / 0 > 1"#, Failure::Error),
        ("decision := {\"answer\": \"permit\"}\ndecision := {\"answer\": \"deny\"}", Failure::Conflict),
        ("f(1) := 1\nf(1) := 2\ndecision := {\"answer\": \"permit\"} if f(1)", Failure::Conflict),
        (&loops, Failure::Timeout),
        (&inside, Failure::Timeout),
        (&large, Failure::Oversize),
        ("other := 1", Failure::Missing),
    ] {
        let decision = asked(rego);
        assert!(matches!(decision.answer, Answer::Deny { .. }), "{rego}");
        assert_eq!(code(&decision), wanted.as_str(), "{rego}: {:?}", decision.answer);
    }
}

#[test]
fn only_what_may_change_by_itself_is_retryable() {
    for (code, wanted) in [("agent_busy", true), ("role_missing", false)] {
        let rego =
            format!(r#"decision := {{"answer": "deny", "reasons": [{{"code": "{code}", "message": "m"}}]}}"#);
        let files = [("access.rego", format!("package concordat.access\n{rego}"))];
        let policy = Policy::load(&Bundle::from_files(files).unwrap()).unwrap();
        assert_eq!(policy.access(support::id(), &support::access()).retryable(), wanted, "{code}");
    }
}

#[test]
fn an_empty_bundle_denies_at_every_gate() {
    let policy = Policy::load(&Bundle::from_files([("a", ""); 0]).unwrap()).unwrap();
    assert_eq!(code(&policy.access(support::id(), &support::access()).decision), "policy_missing");
}

#[test]
fn what_is_too_large_or_not_whole_is_not_asked() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let mut input = support::dispatch();
    let candidate = input.candidates[0].clone();
    input.candidates = vec![candidate; 600];
    let decision = policy.replay(Gate::Dispatch, support::id(), &canonical(&input).unwrap());
    assert_eq!(code(&decision), "policy_oversize");

    let mut input = support::dispatch();
    input.candidates[0].belief.quality.good = u64::MAX;
    let refusal =
        policy.dispatch(support::id(), &input, support::work(&input), &support::agents(&input)).unwrap_err();
    assert_eq!(code(&refusal.asked.decision), "policy_malformed");
    for input in [&b""[..], b"{", b"\xff", br#"{"now": 1.5}"#, br#"{"now": 1e300}"#] {
        assert_eq!(code(&policy.replay(Gate::Access, support::id(), input)), "policy_malformed");
    }
}

#[test]
fn the_most_candidates_fit_whether_permitted_or_excluded() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    for (lower_bound, wanted) in [(9000, "permit"), (100, "review")] {
        let mut input = support::dispatch();
        let mut candidate = input.candidates[0].clone();
        candidate.trust.lower_bound = concordat_model::share::Share::try_from(lower_bound).unwrap();
        let numbered = (0..concordat_policy::input::DispatchInput::MOST_CANDIDATES).map(|n| {
            let mut candidate = candidate.clone();
            candidate.id = concordat_model::id::AgentId::new(uuid::Uuid::from_u128(n as u128));
            candidate
        });
        input.candidates = numbered.collect();
        let decision = policy.replay(Gate::Dispatch, support::id(), &canonical(&input).unwrap());
        assert_eq!(decision.answer.as_str(), wanted, "{:?}", decision.answer);
        assert_eq!(decision.permitted.len() + decision.excluded.len(), input.candidates.len());
    }
}

#[test]
fn a_key_opens_only_what_policy_was_asked_about() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let input = support::dispatch();
    let (work, agents) = (support::work(&input), support::agents(&input));
    let mut other = work.clone();
    other.params_digest = input.contract.digest;
    let mut later = work.clone();
    later.attempt.number += 1;
    let swapped: Vec<_> = agents.iter().rev().cloned().collect();
    for (work, agents) in
        [(other, &agents[..]), (later, &agents), (work.clone(), &swapped), (work.clone(), &agents[1..])]
    {
        let refusal = policy.dispatch(support::id(), &input, work, agents).unwrap_err();
        assert_eq!(code(&refusal.asked.decision), "policy_mismatch");
    }
    assert!(policy.dispatch(support::id(), &input, work, &agents).is_ok());

    let input = support::release();
    let mut other = support::outcome(&input);
    other.digest = input.contract.digest;
    assert_eq!(
        code(&policy.release(support::id(), &input, other).unwrap_err().asked.decision),
        "policy_mismatch"
    );
}

#[test]
fn a_decision_is_asked_again_bit_for_bit() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let admit = policy.admit(support::id(), &support::admit());
    assert_eq!(policy.replay(Gate::Admit, support::id(), &admit.input), admit.decision);
    assert_eq!(
        admit.input.as_ref(),
        canonical(&support::admit()).unwrap(),
        "inputs are stored in their canonical form"
    );
    assert_eq!(admit.decision.provenance.policy, Bundle::standard().revision());
    let input = support::dispatch();
    let permitted =
        policy.dispatch(support::id(), &input, support::work(&input), &support::agents(&input)).unwrap();
    let asked = permitted.asked();
    assert_eq!(policy.replay(Gate::Dispatch, support::id(), &asked.input), asked.decision);
    assert_eq!(asked.input.as_ref(), canonical(&input).unwrap());
}

/// The source itself: a permit is made in one place, read in one place, and turned into a key in that place only.
#[test]
fn a_permit_is_read_in_one_place() {
    let source = [
        include_str!("../src/answer.rs"),
        include_str!("../src/authorized.rs"),
        include_str!("../src/evaluate.rs"),
        include_str!("../src/failure.rs"),
        include_str!("../src/policy.rs"),
        include_str!("../src/select.rs"),
    ];
    let product: String = source.iter().filter_map(|text| text.split("#[cfg(test)]").next()).collect();
    for (text, times) in [
        ("Ok(Answer::Permit)", 1),
        ("Answer::Permit =>", 1),
        ("Answer::Permit", 2),
        ("Ok((Authorized::new(", 1),
    ] {
        assert_eq!(product.matches(text).count(), times, "{text}");
    }
}
