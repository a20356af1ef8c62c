//! What is taken in at all: a submission that the house has no room for is refused before anything of it is
//! remembered, so that what was taken in before is finished, and memory stays bounded.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use concordat_model::name::TenantName;

use super::{Bounds, Limiter};

/// A contract counts once for each of so many bytes of its submission, begun or whole.
const BYTES: u64 = 16 * 1024;

/// What is open, and how much of everything may be.
#[derive(Debug)]
pub(super) struct Intake {
    open: u64,
    by_tenant: HashMap<TenantName, u64>,
    submissions: u64,
    commits: u64,
    bounds: [u64; 4],
    shed: BTreeMap<Shed, u64>,
}

/// Of what there is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// Contracts that are not over.
    Open,
    /// Contracts of this tenant that are not over.
    Tenant,
    /// Submissions that are being looked at.
    Submissions,
    /// Changes that wait for the disk.
    Commits,
}

/// There is no room for a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overload {
    /// Of what there is too much.
    pub what: Shed,
    /// The most that is taken.
    pub most: u64,
    /// After how many seconds it is worth trying again.
    pub retry_after: u32,
}

impl Shed {
    /// The word for figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Shed::Open => "open",
            Shed::Tenant => "tenant",
            Shed::Submissions => "submissions",
            Shed::Commits => "commits",
        }
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overload { what, most, retry_after } = self;
        match what {
            Shed::Open => write!(f, "there are as many open contracts as the server takes ({most})"),
            Shed::Tenant => write!(f, "your organisation has as many open contracts as it may have ({most})"),
            Shed::Submissions => write!(f, "the server looks at as many submissions as it can ({most})"),
            Shed::Commits => write!(f, "{most} changes wait for the disk"),
        }?;
        write!(f, ": nothing was taken in; try again in {retry_after} s")
    }
}

impl std::error::Error for Overload {}

impl Intake {
    pub(super) fn new(bounds: &Bounds) -> Intake {
        Intake {
            open: 0,
            by_tenant: HashMap::new(),
            submissions: 0,
            commits: 0,
            bounds: [bounds.open, bounds.open_per_tenant, bounds.submissions, bounds.commits],
            shed: BTreeMap::new(),
        }
    }

    /// Whether there is room for one more submission of this tenant.
    fn look(&mut self, tenant: &TenantName) -> Result<(), Overload> {
        let of_tenant = self.by_tenant.get(tenant).copied().unwrap_or(0);
        let [open, open_per_tenant, submissions, commits] = self.bounds;
        // What takes longest to pass comes first, so that whoever is told one time is not told another one then.
        let full = [
            (Shed::Open, self.open, open, 5),
            (Shed::Tenant, of_tenant, open_per_tenant, 5),
            (Shed::Commits, self.commits, commits, 1),
            (Shed::Submissions, self.submissions, submissions, 1),
        ];
        let Some((what, _, most, seconds)) = full.into_iter().find(|(_, used, most, _)| used >= most) else {
            return Ok(());
        };
        let shed = self.shed.entry(what).or_default();
        *shed += 1;
        // Not all are told the same, or all would come back at once.
        let spread = u32::try_from(*shed % 3).unwrap_or(0);
        Err(Overload { what, most, retry_after: seconds + spread })
    }
}

/// A submission that is being looked at.
#[derive(Debug)]
pub(crate) struct Looking(Arc<Limiter>);

impl Drop for Looking {
    fn drop(&mut self) {
        let mut intake = self.0.intake.lock();
        intake.submissions = intake.submissions.saturating_sub(1);
    }
}

/// A change that waits for the disk.
#[derive(Debug)]
pub(crate) struct Committing<'a>(&'a Limiter);

impl Drop for Committing<'_> {
    fn drop(&mut self) {
        let mut intake = self.0.intake.lock();
        intake.commits = intake.commits.saturating_sub(1);
    }
}

/// A contract that is not over.
#[derive(Debug)]
pub(crate) struct Open {
    limiter: Arc<Limiter>,
    tenant: TenantName,
    weight: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut intake = self.limiter.intake.lock();
        intake.open = intake.open.saturating_sub(self.weight);
        if let Some(open) = intake.by_tenant.get_mut(&self.tenant) {
            *open = open.saturating_sub(self.weight);
            if *open == 0 {
                intake.by_tenant.remove(&self.tenant);
            }
        }
    }
}

impl Limiter {
    /// Whether a submission of this tenant would be looked at now.
    pub(crate) fn has_room_for(&self, tenant: &TenantName) -> Result<(), Overload> {
        self.intake.lock().look(tenant)
    }

    /// Makes room for a submission while it is being looked at.
    pub(crate) fn look_at(self: &Arc<Self>, tenant: &TenantName) -> Result<Looking, Overload> {
        let mut intake = self.intake.lock();
        intake.look(tenant)?;
        intake.submissions += 1;
        Ok(Looking(self.clone()))
    }

    /// Counts a contract that is not over, and how large it came.
    pub(crate) fn open(self: &Arc<Self>, tenant: &TenantName, bytes: u64) -> Open {
        let weight = bytes.div_ceil(BYTES).max(1);
        let mut intake = self.intake.lock();
        intake.open += weight;
        *intake.by_tenant.entry(tenant.clone()).or_default() += weight;
        Open { limiter: self.clone(), tenant: tenant.clone(), weight }
    }

    /// Counts a change that waits for the disk.
    pub(crate) fn committing(&self) -> Committing<'_> {
        self.intake.lock().commits += 1;
        Committing(self)
    }

    /// How many submissions were refused, by what there was too much of.
    pub(crate) fn shed(&self) -> BTreeMap<Shed, u64> {
        self.intake.lock().shed.clone()
    }
}
