//! A PostgreSQL server of the tests' own: a fresh folder, a socket instead of a port, gone when the program is.
//!
//! A crate, since three programs need it: the product's tests, the store's tests and the measurements. Nothing in it
//! is Concordat's. A shell looks after the server. It waits for the end of its input, which comes
//! however this process ends, and then stops the server and removes the folder.

use std::io::{self, BufRead as _, BufReader, Error, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

/// A running server.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    made: AtomicU32,
    one_at_a_time: Mutex<()>,
    keeper: Child,
}

/// Whom the server runs as: it refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

static SHARED: LazyLock<Result<Server, String>> =
    LazyLock::new(|| Server::start(&std::env::temp_dir(), &[]).map_err(|error| error.to_string()));

/// The server that all tests of this program share.
///
/// # Errors
/// There is none, and none can be started.
pub fn shared() -> io::Result<&'static Server> {
    SHARED.as_ref().map_err(|error| Error::other(error.clone()))
}

const KEEP: &str = r#"
    trap '' INT TERM HUP
    cd "$FOLDER"
    if "$PROGRAMS/initdb" -D data -U concordat -A trust -E UTF8 --locale=C -N >>log 2>&1 &&
        printf '%s\n' "$SETTINGS" >>data/postgresql.conf &&
        "$PROGRAMS/pg_ctl" -D data -l log -w start >>log 2>&1
    then
        echo ready
    else
        cat log
        rm -rf "$FOLDER"
        exit 1
    fi
    cat >/dev/null
    "$PROGRAMS/pg_ctl" -D data -m immediate -w stop >>log 2>&1
    cd /
    rm -rf "$FOLDER"
"#;

impl Server {
    /// Starts a server in a folder made under this one, with these settings besides its own.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub fn start(under: &Path, settings: &[&str]) -> io::Result<Server> {
        let programs = programs()?;
        let user = other_user()?;
        let folder =
            tempfile::Builder::new().prefix("cdt-pg").tempdir_in(std::path::absolute(under)?)?.keep();
        if let Some(user) = user {
            std::os::unix::fs::chown(&folder, Some(user.id), Some(user.group))?;
        }
        let socket = format!("unix_socket_directories = '{}'", folder.display());
        let own = ["listen_addresses = ''", "max_connections = 300", "fsync = on", socket.as_str()];
        let mut keep = Command::new("sh");
        keep.args(["-c", KEEP])
            .env("FOLDER", &folder)
            .env("PROGRAMS", &programs)
            .env("SETTINGS", [&own, settings].concat().join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut keeper = become_user(&mut keep, user).spawn()?;
        let mut said = BufReader::new(keeper.stdout.take().ok_or_else(|| Error::other("no output"))?);
        let mut line = String::new();
        said.read_line(&mut line)?;
        if line != "ready\n" {
            said.read_to_string(&mut line)?;
            return Err(Error::other(format!("the PostgreSQL server does not start: {line}")));
        }
        let (made, one_at_a_time) = (AtomicU32::new(0), Mutex::new(()));
        Ok(Server { programs, folder, user, made, one_at_a_time, keeper })
    }

    /// Makes a fresh database, and gives its address.
    ///
    /// # Errors
    /// The server is not there.
    pub fn database(&self) -> io::Result<String> {
        let name = format!("test{}", self.made.fetch_add(1, Ordering::Relaxed));
        // Two at once may get in each other's way at the template.
        let _turn = self.one_at_a_time.lock();
        let mut create = Command::new(self.programs.join("createdb"));
        create.args(["-U", "concordat", "-h"]).arg(&self.folder).arg(&name);
        self.done(&mut create)?;
        Ok(format!("postgres://concordat@localhost/{name}?host={}", self.folder.display()))
    }

    /// Asks for one value.
    ///
    /// # Errors
    /// The server is not there, or there is no such value.
    pub fn ask(&self, address: &str, sql: &str) -> io::Result<String> {
        let mut ask = Command::new(self.programs.join("psql"));
        ask.args(["-X", "-A", "-t", "-c", sql]).arg(address).stdin(Stdio::null());
        let answer = become_user(&mut ask, self.user).current_dir(&self.folder).output()?;
        if !answer.status.success() {
            return Err(Error::other(String::from_utf8_lossy(&answer.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    /// Where the server's socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The process that the server's other processes are children of.
    ///
    /// # Errors
    /// The server is not there.
    pub fn process(&self) -> io::Result<u32> {
        let told = std::fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        let first = told.lines().next().and_then(|line| line.trim().parse().ok());
        first.ok_or_else(|| Error::other("the server does not say which process it is"))
    }

    /// Stops the server as a crash would, and starts it again.
    ///
    /// # Errors
    /// It does not come back.
    pub fn crash(&self) -> io::Result<()> {
        let mut restart = Command::new(self.programs.join("pg_ctl"));
        restart.args(["-m", "immediate", "-w", "-D"]).arg(self.folder.join("data"));
        restart.arg("-l").arg(self.folder.join("log")).arg("restart");
        self.done(&mut restart)
    }

    fn done(&self, command: &mut Command) -> io::Result<()> {
        let command = become_user(command, self.user).current_dir(&self.folder);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if status.success() { Ok(()) } else { Err(Error::other(format!("{command:?}: {status}"))) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // Another user may empty the folder, and not remove it from one that is not theirs.
        let _ = std::fs::remove_dir(&self.folder);
    }
}

/// Where the programs are: in the path, or where Debian puts them.
fn programs() -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    installed.sort();
    folders.extend(installed.into_iter().rev());
    let all = |folder: &Path| ["initdb", "pg_ctl", "createdb"].iter().all(|name| folder.join(name).is_file());
    let found = folders.into_iter().find(|folder| all(folder));
    found.ok_or_else(|| Error::other("PostgreSQL is not installed; hint: `tests/run` installs it"))
}

/// Somebody else, when this is root.
fn other_user() -> io::Result<Option<User>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        Some(User { id: numbers.next()?.ok()?, group: numbers.next()?.ok()? })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.map(Some).ok_or_else(|| Error::other("there is nobody but root to run a server as"))
}

fn become_user(command: &mut Command, user: Option<User>) -> &mut Command {
    match user {
        Some(user) => command.uid(user.id).gid(user.group),
        None => command,
    }
}
