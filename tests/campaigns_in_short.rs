//! The long campaigns, in short.

use std::process::Command;

fn check(arguments: &[&str], wanted: &str) {
    check_outcome(arguments, true, wanted);
}

/// Runs a campaign that goes well, or that does not.
fn check_outcome(arguments: &[&str], well: bool, wanted: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_campaign")).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.success(), well, "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains(wanted), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_is_lost_when_the_server_is_killed() {
    check(
        &["crash", "--kills", "20", "--store", "both"],
        "nothing lost, nothing doubled, everything at its end",
    );
}

#[test]
fn nothing_leaves_before_it_is_on_disk() {
    for more in [&[][..], &["--postgres"]] {
        check(&[&["durability"], more].concat(), "nothing left before it was on disk");
    }
}

#[test]
fn what_leaves_before_it_is_on_disk_is_found() {
    for more in [&[][..], &["--postgres"]] {
        check_outcome(
            &[&["durability", "--without-sync", "--contracts", "5"], more].concat(),
            false,
            "which no sync had brought to disk",
        );
    }
}

#[test]
fn a_disk_that_fails_makes_nothing_untrue() {
    for (fault, from, step) in [("full", "100", "130"), ("write", "120", "130"), ("sync", "6", "6")] {
        check(
            &["disk", "--fault", fault, "--from", from, "--step", step],
            "nothing lost, nothing told that was not so",
        );
    }
}

#[test]
fn hostile_bodies_leave_no_trace() {
    check(&["hostile", "--times", "2"], "a cycle");
}

#[test]
fn policies_change_under_load_and_decide_what_is_expected() {
    check(
        &["policies", "--decisions", "500", "--swaps", "6", "--bystander-seconds", "2"],
        "the same policy is in force after a restart",
    );
}

#[test]
fn policies_that_nobody_wrote_are_reported_on() {
    check(&["modules", "--seeds", "60"], "60 modules, a report on each");
}

#[test]
fn every_kind_of_tampering_is_found_where_it_is() {
    check(&["tamper", "--mutations", "93"], "93 changes, every one found and located");
}

#[test]
fn evidence_is_written_and_verified() {
    check(&["evidence", "--records", "20000"], "20000 records of");
}

#[test]
fn the_benchmark_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let short = ["bench", "--folder", folder, "--quick", "--seconds", "1", "--in-flight", "8"];
    let sizes = ["--systems", "floor,sqlite", "--steps", "10", "--open", "20"];
    check(&[&short[..], &sizes].concat(), "| completed |");
    check(&[&short[..], &["--systems", "postgres", "--only", "small"]].concat(), "the disk after");
}

#[test]
fn questions_are_answered_while_their_modules_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let short = ["opa", "--folder", folder, "--seconds", "1", "--in-flight", "8", "--swaps", "3"];
    check(&short, "none of two, none failed");
}
