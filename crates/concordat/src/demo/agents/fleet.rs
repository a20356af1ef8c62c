//! Who there is.
//!
//! Several skills are offered more than once, by agents that differ in price, in care and in what they may be
//! given, so that choosing between them means something.

use std::sync::{Arc, Mutex};

use super::agent::{Profile, SampleAgent};
use super::mood::{Manner, Mood};
use super::skills::skills;

/// All sample agents, with one set of books between them.
#[must_use]
pub fn fleet() -> Vec<SampleAgent> {
    let offered: Vec<_> = skills().into_iter().map(Arc::new).collect();
    let books = Arc::new(Mutex::default());
    members()
        .into_iter()
        .map(|(profile, names, mood)| {
            let skills = offered.iter().filter(|skill| names.contains(&skill.name)).cloned().collect();
            SampleAgent::new(profile, skills, Arc::clone(&books), mood)
        })
        .collect()
}

type Member = (Profile, &'static [&'static str], Mood);

fn members() -> Vec<Member> {
    [health(), finance(), content(), research(), other()].concat()
}

fn health() -> Vec<Member> {
    let careful = Profile {
        owner: "clinic",
        domains: &["healthcare"],
        compliance: &["HIPAA", "GDPR"],
        data_classes: &["pii", "health"],
        ..Profile::default()
    };
    vec![
        (
            Profile {
                name: "radiology",
                description: "Reads X-ray and MRI images by their densities",
                cost: "0.40 USD",
                ..careful.clone()
            },
            &["analyze_xray", "analyze_mri"],
            Mood::WELL,
        ),
        (
            // Never assessed for health data, cheap, and careless: a policy keeps it out before trust does.
            Profile {
                name: "xray-bargain",
                description: "Reads X-ray images for little money",
                owner: "bargain-labs",
                domains: &["healthcare"],
                cost: "0.05 USD",
                ..Profile::default()
            },
            &["analyze_xray"],
            Mood::sometimes(Manner::Lie, 30, 1),
        ),
        (
            Profile {
                name: "clinic-planner",
                description: "Puts findings together and proposes what to do next",
                cost: "0.25 USD",
                ..careful
            },
            &["generate_diagnosis", "create_treatment_plan"],
            Mood::WELL,
        ),
    ]
}

fn finance() -> Vec<Member> {
    let lender = Profile {
        owner: "lending",
        domains: &["finance"],
        compliance: &["GDPR", "SOX"],
        data_classes: &["pii", "financial"],
        ..Profile::default()
    };
    vec![
        (
            Profile {
                name: "credit-bureau",
                description: "Scores applicants and keeps its checks until they are released",
                owner: "bureau",
                cost: "0.30 USD",
                ..lender.clone()
            },
            &["check_credit", "release_credit_check"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "credit-express",
                description: "Scores applicants quickly, when it does",
                owner: "express",
                cost: "0.05 USD",
                ..lender.clone()
            },
            &["check_credit", "release_credit_check"],
            Mood::sometimes(Manner::Fail, 50, 2),
        ),
        (
            Profile {
                name: "risk-desk",
                description: "Weighs an application against its credit check",
                cost: "0.20 USD",
                ..lender.clone()
            },
            &["assess_risk", "cancel_assessment"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "loan-office",
                description: "Approves loans within their limit, and takes approvals back",
                cost: "0.20 USD",
                ..lender
            },
            &["approve_loan", "cancel_loan"],
            Mood::WELL,
        ),
    ]
}

fn content() -> Vec<Member> {
    let press = Profile { owner: "press", domains: &["content"], ..Profile::default() };
    vec![
        (
            Profile {
                name: "newsroom",
                description: "Looks topics up, writes articles from what it found and edits them",
                cost: "0.15 USD",
                ..press.clone()
            },
            &["research_topic", "write_article", "final_edit"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "copy-desk",
                description: "Checks language and facts, and edits",
                cost: "0.10 USD",
                ..press.clone()
            },
            &["check_grammar", "verify_facts", "final_edit"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "seo-studio",
                description: "Counts keywords, and has an opinion on language",
                cost: "0.08 USD",
                ..press
            },
            &["optimize_seo", "check_grammar"],
            Mood::WELL,
        ),
    ]
}

fn research() -> Vec<Member> {
    let institute = Profile { owner: "institute", domains: &["research"], ..Profile::default() };
    vec![
        (
            Profile {
                name: "library",
                description: "Finds sources on its shelf and says what they have in common",
                domains: &["research", "content"],
                cost: "0.05 USD",
                ..institute.clone()
            },
            &["gather_sources", "analyze_findings", "research_topic"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "report-writers",
                description: "Writes reports from findings, and reviews reports",
                cost: "0.12 USD",
                ..institute
            },
            &["write_report", "review_report"],
            Mood::WELL,
        ),
    ]
}

fn other() -> Vec<Member> {
    vec![
        (
            Profile {
                name: "builders",
                description: "Designs features, writes their skeletons and tests them",
                owner: "workshop",
                domains: &["software"],
                cost: "0.50 USD",
                ..Profile::default()
            },
            &["break_down_feature", "design_feature", "implement_feature", "test_feature"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "shop-ops",
                description: "Keeps a catalogue and quotes shipping",
                owner: "shop",
                domains: &["e-commerce"],
                cost: "0.03 USD",
                ..Profile::default()
            },
            &["update_catalog", "quote_shipping", "sum_quotes"],
            Mood::WELL,
        ),
        (
            Profile {
                name: "social-studio",
                description: "Measures engagement and drafts posts",
                owner: "studio",
                domains: &["social-media"],
                cost: "0.04 USD",
                ..Profile::default()
            },
            &["analyze_engagement", "draft_posts"],
            Mood::WELL,
        ),
    ]
}
