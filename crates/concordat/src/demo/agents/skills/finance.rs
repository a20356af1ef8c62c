//! Lending, as a saga: each step reserves something that its undo gives back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::chance::{draw, reference};

pub(super) fn skills() -> Vec<Skill> {
    let domain = "finance";
    vec![
        Skill::new(
            domain,
            "check_credit",
            "Scores an applicant and opens a credit check",
            json!({"applicant_id": "ap-1001"}),
            check_credit,
        ),
        Skill::new(
            domain,
            "release_credit_check",
            "Closes a credit check",
            json!({"check_id": "chk_000000000000"}),
            release_credit_check,
        ),
        Skill::new(
            domain,
            "assess_risk",
            "Weighs the amount of an application against income and credit score",
            json!({
                "application": {"applicant_id": "ap-1001", "amount": 12_000, "income": 48_000},
                "credit": {"score": 700},
            }),
            assess_risk,
        ),
        Skill::new(
            domain,
            "cancel_assessment",
            "Closes a risk assessment",
            json!({"assessment_id": "ra_000000000000"}),
            cancel_assessment,
        ),
        Skill::new(
            domain,
            "approve_loan",
            "Approves a loan within the limit of its risk assessment, and refuses it beyond",
            json!({"application": {"applicant_id": "ap-1001", "amount": 12_000}, "risk": {"level": "low", "limit": 40_000}}),
            approve_loan,
        ),
        Skill::new(
            domain,
            "cancel_loan",
            "Takes the approval of a loan back",
            json!({"loan_id": "loan_000000000000"}),
            cancel_loan,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Applicant {
    #[schemars(length(min = 1, max = 200))]
    applicant_id: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CreditCheck {
    /// The reference by which the check is released.
    check_id: String,
    applicant_id: String,
    #[schemars(range(min = 300, max = 850))]
    score: u64,
    band: Band,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Band {
    Poor,
    Fair,
    Good,
    Excellent,
}

fn check_credit(applicant: Applicant, books: &mut Books) -> Result<CreditCheck, Failure> {
    let Applicant { applicant_id } = applicant;
    let score = 300 + draw(&["credit", &applicant_id], 551);
    let band = match score {
        ..580 => Band::Poor,
        580..670 => Band::Fair,
        670..740 => Band::Good,
        740.. => Band::Excellent,
    };
    let check_id = reference("chk", &["check", &applicant_id]);
    books.hold(&check_id, "credit check");
    Ok(CreditCheck { check_id, applicant_id, score, band })
}

#[derive(Deserialize, JsonSchema)]
struct Check {
    #[schemars(length(min = 1, max = 200))]
    check_id: String,
}

/// An undo may be asked for twice, so "it was not there" is not an error.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Released {
    reference: String,
    /// Whether it was still held.
    was_held: bool,
}

fn release_credit_check(check: Check, books: &mut Books) -> Result<Released, Failure> {
    Ok(release(check.check_id, books))
}

fn release(reference: String, books: &mut Books) -> Released {
    let was_held = books.release(&reference);
    Released { reference, was_held }
}

#[derive(Deserialize, JsonSchema)]
struct Application {
    #[schemars(length(min = 1, max = 200))]
    applicant_id: String,
    /// In whole units of the currency.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    #[serde(default = "usual_amount")]
    amount: u64,
    /// A year's income in whole units of the currency.
    #[schemars(range(max = 1_000_000_000))]
    #[serde(default = "usual_income")]
    income: u64,
}

fn usual_amount() -> u64 {
    10_000
}

fn usual_income() -> u64 {
    40_000
}

#[derive(Deserialize, JsonSchema)]
struct Credit {
    #[schemars(range(min = 300, max = 850))]
    score: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Assess {
    application: Application,
    /// Without a credit check the applicant counts as one with a score of 500.
    credit: Option<Credit>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Assessment {
    /// The reference by which the assessment is cancelled.
    id: String,
    applicant_id: String,
    level: Level,
    /// The amount in percent of the limit, at most 1000.
    #[schemars(range(max = 1000))]
    used: u64,
    /// The most that may be lent, in whole units of the currency.
    limit: u64,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    Low,
    Medium,
    High,
}

fn assess_risk(asked: Assess, books: &mut Books) -> Result<Assessment, Failure> {
    let Application { applicant_id, amount, income } = asked.application;
    let score = asked.credit.map_or(500, |credit| credit.score);
    let limit = income.saturating_mul(score.saturating_sub(400)) / 300;
    let used = amount.saturating_mul(100).checked_div(limit).unwrap_or(1000).min(1000);
    let level = match used {
        ..=50 => Level::Low,
        51..=100 => Level::Medium,
        101.. => Level::High,
    };
    let id = reference("ra", &["risk", &applicant_id, &amount.to_string(), &score.to_string()]);
    books.hold(&id, "risk assessment");
    Ok(Assessment { id, applicant_id, level, used, limit })
}

#[derive(Deserialize, JsonSchema)]
struct AssessmentId {
    #[schemars(length(min = 1, max = 200))]
    assessment_id: String,
}

fn cancel_assessment(assessment: AssessmentId, books: &mut Books) -> Result<Released, Failure> {
    Ok(release(assessment.assessment_id, books))
}

#[derive(Deserialize, JsonSchema)]
struct Risk {
    level: Level,
    limit: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Approve {
    application: Application,
    risk: Risk,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Loan {
    /// The reference by which the loan is cancelled.
    loan_id: String,
    applicant_id: String,
    amount: u64,
    /// The interest in hundredths of a percent a year.
    rate_bp: u64,
    status: &'static str,
}

fn approve_loan(asked: Approve, books: &mut Books) -> Result<Loan, Failure> {
    let Application { applicant_id, amount, .. } = asked.application;
    let Risk { level, limit } = asked.risk;
    if amount > limit {
        return Err(Failure::Declined(format!("the amount {amount} is beyond the limit {limit}")));
    }
    let rate_bp = match level {
        Level::Low => 350,
        Level::Medium => 620,
        Level::High => 1150,
    };
    let loan_id = reference("loan", &["loan", &applicant_id, &amount.to_string()]);
    books.hold(&loan_id, "loan");
    Ok(Loan { loan_id, applicant_id, amount, rate_bp, status: "approved" })
}

#[derive(Deserialize, JsonSchema)]
struct LoanId {
    #[schemars(length(min = 1, max = 200))]
    loan_id: String,
}

fn cancel_loan(loan: LoanId, books: &mut Books) -> Result<Released, Failure> {
    Ok(release(loan.loan_id, books))
}
