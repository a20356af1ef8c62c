//! What every command works with: where it speaks, which server it asks, as whom.

use std::fs::File;
use std::io::Read;

use concordat_engine::ports::{Clock, SystemClock};
use jiff::Timestamp;

pub use super::arguments::Global;
use super::failure::Failure;
use super::output::{Output, age};
use crate::client::Client;

/// A key is far shorter than this.
const LONGEST_KEY: u64 = 4096;

/// One invocation of the program.
#[derive(Debug)]
pub struct Session {
    /// Where it speaks.
    pub output: Output,
    global: Global,
}

impl Session {
    pub(super) fn new(global: Global) -> Session {
        Session { output: Output::new(global.output, global.no_color), global }
    }

    /// A client of the server that was named, with the key that was found.
    ///
    /// # Errors
    /// The key file cannot be read, or the address is none.
    pub fn client(&self) -> Result<Client, Failure> {
        let key = match &self.global.key_file {
            Some(file) => {
                let mut text = String::new();
                File::open(file).and_then(|file| file.take(LONGEST_KEY).read_to_string(&mut text)).map_err(
                    |why| Failure::Usage(format!("the key file `{}` cannot be read: {why}", file.display())),
                )?;
                Some(text.trim().to_owned())
            }
            None => self.global.key.clone(),
        };
        Ok(Client::new(&self.global.server, key.as_deref().filter(|key| !key.is_empty()))?)
    }

    /// The server as it must be named again, for commands that are printed.
    #[must_use]
    pub fn again(&self, command: &str) -> String {
        match self.global.server.as_str() {
            "http://127.0.0.1:7420" => format!("concordat {command}"),
            server => format!("concordat --server {server} {command}"),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// How long ago something was.
    #[must_use]
    pub fn age(&self, then: Timestamp) -> String {
        age(SystemClock.now(), then)
    }
}
