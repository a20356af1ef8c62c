//! The long campaigns, in short.

use std::process::Command;

fn check(arguments: &[&str], wanted: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_campaign")).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains(wanted), "{told}");
}

#[test]
fn nothing_is_lost_when_the_server_is_killed() {
    check(
        &["crash", "--kills", "6", "--callers", "4"],
        "nothing lost, nothing doubled, everything at its end",
    );
}

#[test]
fn hostile_bodies_leave_no_trace() {
    check(&["hostile", "--times", "2"], "a cycle");
}

#[test]
fn the_benchmark_runs() {
    check(&["governed", "--contracts", "40", "--in-flight", "8"], "CPU-ms of Concordat a contract");
}
