//! The process groups of running commands, killed with all that they started.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Knows the groups that run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(Arc<Mutex<BTreeSet<u32>>>);

/// Is one group. Dropped before its leader has ended, it is killed.
#[derive(Debug)]
pub(crate) struct Group {
    groups: Groups,
    leader: Option<u32>,
}

impl Groups {
    /// Kills all groups that run.
    pub(crate) fn kill(&self) {
        for leader in self.running().iter() {
            kill(*leader);
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Takes note of the group that process `leader` leads.
    pub(crate) fn new(groups: &Groups, leader: Option<u32>) -> Self {
        groups.running().extend(leader);
        Self {
            groups: groups.clone(),
            leader,
        }
    }

    /// Forgets the group, since its leader has ended: its number may soon be that of another.
    pub(crate) fn ended(mut self) {
        self.forget();
    }

    fn forget(&mut self) -> Option<u32> {
        let leader = self.leader.take()?;
        self.groups.running().remove(&leader);
        Some(leader)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.forget() {
            kill(leader);
        }
    }
}

#[cfg(unix)]
fn kill(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // It may have ended just now, which is as well.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(windows)]
fn kill(leader: u32) {
    use std::process::{Command, Stdio};
    let leader = leader.to_string();
    let mut command = Command::new("taskkill");
    command
        .args(["/T", "/F", "/PID", &leader])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // It may have ended just now, which is as well.
    let _ = command.status();
}
