//! The `concordat` program: a runtime, and [`concordat::cli`] in it.

use std::process::ExitCode;

/// Rego is evaluated by a recursive walk, and what a policy may nest needs a deep stack. It is virtual memory:
/// only what is used becomes real.
const STACK: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // Before there are threads: their stacks would count against the limits that this process sets itself.
    if concordat::policy_worker::is_meant(&arguments) {
        return concordat::policy_worker::work();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build();
    let done = runtime.map(|runtime| {
        // On a thread of the runtime, because the main thread's stack is the shell's choice.
        let done = runtime.block_on(runtime.spawn(concordat::cli::run(arguments)));
        // Reading standard input cannot be interrupted, so nobody waits for it.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(Ok(exit)) => exit,
        Ok(Err(_)) | Err(_) => ExitCode::from(70),
    }
}
