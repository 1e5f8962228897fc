//! The process groups of running commands, killed with all that they started.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use tokio::process::{Child, Command};

/// Knows the groups that run, and starts new ones until they are killed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Held to read while a command starts, so that none escapes a kill.
    is_over: RwLock<bool>,
    running: Mutex<BTreeSet<u32>>,
}

/// Is one group. Dropped before its leader has ended, it is killed.
#[derive(Debug)]
pub(crate) struct Group {
    groups: Groups,
    leader: Option<u32>,
}

impl Groups {
    /// Starts `command`, which must lead a group of its own.
    pub(crate) fn start(&self, mut command: Command) -> io::Result<(Child, Group)> {
        let is_over = self
            .0
            .is_over
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if *is_over {
            return Err(io::Error::other("the commands were killed"));
        }
        let child = command.spawn()?;
        let leader = child.id();
        self.running().extend(leader);
        let groups = self.clone();
        Ok((child, Group { groups, leader }))
    }

    /// Kills all groups that run, and lets no further one start.
    pub(crate) fn kill(&self) {
        *self
            .0
            .is_over
            .write()
            .unwrap_or_else(PoisonError::into_inner) = true;
        for leader in self.running().iter() {
            kill(*leader);
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
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
