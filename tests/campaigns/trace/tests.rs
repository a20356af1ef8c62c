//! Small traces, as strace writes them: one that is in order, and every way in which it may not be.

use super::*;

const WRITE: &str = r#"7 pwrite64(13</d/concordat.db-wal>, "\r\0run_1 dec_1\1", 4096, 56) = 4096"#;
const SYNC: &str = "7 fsync(13</d/concordat.db-wal>) = 0";
const BEGIN: &str = "7 fsync(13</d/concordat.db-wal> <unfinished ...>";
const END: &str = "7 <... fsync resumed>) = 0";
const ANSWER: &str = r#"8 writev(17<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="HTTP/1.1 202 Accepted\r\n run_1", ...}], 2) = 9"#;
const ASK: &str = r#"9 write(18<TCP:[127.0.0.1:3->127.0.0.1:4]>, "POST / HTTP/1.1\r\nconcordat-decision: dec_1\r\n", 44) = 44"#;

/// How many of the answers and requests of a trace left too early, and how many there were.
fn check(trace: &[&str], early: usize, of: usize) {
    let shown = judge(&trace.join("\n"));
    assert_eq!((shown.early.len(), shown.answers + shown.requests), (early, of), "{shown}\n{trace:#?}");
}

#[test]
fn what_left_after_its_sync_is_in_order() {
    check(&[WRITE, SYNC, ANSWER, ASK], 0, 2);
    check(&[WRITE, BEGIN, "6 +++ exited with 0 +++", END, ASK, ANSWER], 0, 2);
    check(&[WRITE, "7 fdatasync(13</d/concordat.db-wal>)  = 0", ANSWER], 0, 1);
}

#[test]
fn what_left_before_its_sync_is_found() {
    for wrong in [
        // None at all, too late, still going on, begun before the write had ended, of another file.
        &[WRITE, ANSWER][..],
        &[WRITE, ANSWER, SYNC],
        &[WRITE, BEGIN, ANSWER, END],
        &[BEGIN, WRITE, END, ANSWER],
        &[WRITE, "7 fsync(13</d/concordat.db>) = 0", ANSWER],
        // Failed, pretended, without an end.
        &[WRITE, "7 fsync(13</d/concordat.db-wal>) = -1 EIO (Input/output error)", ANSWER],
        &[WRITE, "7 fsync(13</d/concordat.db-wal>) = 0 (INJECTED)", ANSWER],
        &[WRITE, "7 fsync(13</d/concordat.db-wal>) = ?", ANSWER],
        // The write itself failed, came too late, or is about something else.
        &[r#"7 pwrite64(13</d/x-wal>, "run_1", 5, 0) = -1 ENOSPC (No space left on device)"#, SYNC, ANSWER],
        &[SYNC, ANSWER, WRITE],
        &[r#"7 pwrite64(13</d/x-wal>, "run_2", 5, 0) = 5"#, SYNC, ANSWER],
    ] {
        check(wrong, 1, 1);
    }
    check(&[WRITE, ASK, SYNC, ANSWER], 1, 2);
}

#[test]
fn a_write_that_took_long_counts_from_its_end() {
    let begin = r#"6 pwrite64(13</d/concordat.db-wal>, "run_1" <unfinished ...>"#;
    let end = "6 <... pwrite64 resumed>, 4096, 56) = 4096";
    check(&[begin, end, SYNC, ANSWER], 0, 1);
    check(&[begin, SYNC, end, ANSWER], 1, 1);
}

#[test]
fn with_postgresql_the_statement_is_the_evidence() {
    let statement = r#"8 sendto(9<UNIX-STREAM:[5->6]>, "B\0run_1\0", 9, MSG_NOSIGNAL, NULL, 0) = 9"#;
    let logged = r#"20 pwrite64(5</pg/data/pg_wal/000000010000000000000001>, "\20\321", 8192, 0) = 8192"#;
    let synced = "20 fdatasync(5</pg/data/pg_wal/000000010000000000000001>) = 0";
    check(&[statement, logged, synced, ANSWER], 0, 1);
    check(&[logged, synced, statement, ANSWER], 1, 1);
    check(&[statement, synced, logged, ANSWER], 1, 1);
    check(&[statement, logged, ANSWER, synced], 1, 1);
}

#[test]
fn other_lines_and_answers_do_not_count() {
    let refused = ANSWER.replace("202 Accepted", "503 Unavailable");
    let nothing = ANSWER.replace("run_1", "ok");
    check(&[&refused, &nothing, "7 --- SIGTERM {si_signo=SIGTERM} ---", "", "7", "strace: odd"], 0, 0);
    assert_eq!(words("run_1a\\r\\nrun_2, prun_", "run_").len(), 2);
    assert_eq!(on("17<TCP:[127.0.0.1:1->127.0.0.1:2]>, 3"), "TCP:[127.0.0.1:1->127.0.0.1:2]");
    assert!(read(BEGIN).iter().all(|one| one.ended.is_none()));
}
