//! Which disks do: those of this machine.
//!
//! Locks and shared memory do not reach other machines, and on file systems of the network they
//! often do not even work on one: two processes would write over each other.

use std::path::Path;

use relayhouse_core::Result;

use crate::path;

/// Refuses a directory on a file system of the network, or on one that may be.
pub(crate) fn check(directory: &Path) -> Result<()> {
    let kind = platform::refusal(directory)
        .map_err(|error| path::failed("find out the file system of", directory, error))?;
    let Some(kind) = kind else {
        return Ok(());
    };
    let why = format!(
        "it is on {kind}, where locks and shared memory between processes do not work; \
         use a disk of this machine"
    );
    Err(path::refused(directory, &why))
}

#[cfg(target_os = "linux")]
mod platform {
    use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

    use rustix::fs::{major, minor, statfs};

    const MOUNTS: &str = "/proc/self/mountinfo";

    /// A program does the work of the file system; which, the list of mounts tells.
    const FUSE: u32 = 0x6573_5546;

    /// Those that are not of this machine alone, by the number that `statfs` gives.
    const NETWORK: [(u32, &str); 22] = [
        (0x0000_517B, "SMB"),
        (0x0000_564C, "NCP"),
        (0x0000_6969, "NFS"),
        (0x00C3_6400, "Ceph"),
        (0x0102_1997, "9p"),
        (0x0116_1970, "GFS2"),
        (0x0BD0_0BD0, "Lustre"),
        (0x1983_0326, "BeeGFS"),
        (0x2003_0528, "OrangeFS"),
        (0x4750_4653, "GPFS"),
        (0x5346_414F, "AFS"),
        (0x6163_6673, "ACFS"),
        (0x6B41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x7461_636F, "OCFS2"),
        (0x786F_4256, "a shared folder of VirtualBox"),
        (0x7C7C_6673, "a shared folder of Parallels"),
        (0xAAD7_AAEA, "PanFS"),
        (0xBACB_ACBC, "a shared folder of VMware"),
        (0xBEEF_DEAD, "StorNext"),
        (0xFE53_4D42, "SMB"),
        (0xFF53_4D42, "CIFS"),
    ];

    /// Programs that serve a disk or a directory of this machine, and nothing else.
    const LOCAL_FUSE: [&str; 8] = [
        "fuse.bindfs",
        "fuse.encfs",
        "fuse.exfat",
        "fuse.fuse-overlayfs",
        "fuse.gocryptfs",
        "fuse.mergerfs",
        "fuse.ntfs-3g",
        "fuseblk",
    ];

    pub(super) fn refusal(directory: &Path) -> io::Result<Option<String>> {
        // Only the low half is the number, whatever the width and sign of the field.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the low half alone is meant"
        )]
        let magic = statfs(directory)?.f_type as u32;
        if magic != FUSE {
            return Ok(network(magic).map(str::to_owned));
        }
        let device = fs::metadata(directory)?.dev();
        let mounts = fs::read_to_string(MOUNTS)?;
        let device = format!("{}:{}", major(device), minor(device));
        Ok(fuse_refusal(&mounts, &device))
    }

    fn network(magic: u32) -> Option<&'static str> {
        let (_, name) = NETWORK.iter().find(|(number, _)| *number == magic)?;
        Some(name)
    }

    /// Takes a FUSE for one of the network unless it is known not to be.
    fn fuse_refusal(mounts: &str, device: &str) -> Option<String> {
        let Some(kind) = mounts.lines().find_map(|line| kind(line, device)) else {
            return Some("a FUSE that is not among the mounts".to_owned());
        };
        let is_local = LOCAL_FUSE.contains(&kind);
        (!is_local).then(|| format!("{kind}, a FUSE that may be of the network"))
    }

    /// Reads one line of the mounts: `36 35 0:32 / /mnt rw master:1 - fuse.sshfs host:/ rw`.
    fn kind<'a>(line: &'a str, device: &str) -> Option<&'a str> {
        const DEVICE_AT: usize = 2;
        let (mount, file_system) = line.split_once(" - ")?;
        let is_it = mount.split(' ').nth(DEVICE_AT)? == device;
        file_system.split(' ').next().filter(|_| is_it)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn file_systems_of_the_network_are_known_by_number() {
            let table = [
                (0x6969, Some("NFS")),
                (0x517B, Some("SMB")),
                (0xFF53_4D42, Some("CIFS")),
                (0xFE53_4D42, Some("SMB")),
                (0x0102_1997, Some("9p")),
                (0x5346_414F, Some("AFS")),
                (0x00C3_6400, Some("Ceph")),
                (0x0BD0_0BD0, Some("Lustre")),
                (0x0116_1970, Some("GFS2")),
                (0x7461_636F, Some("OCFS2")),
                // ext4, XFS, btrfs, tmpfs, overlayfs, ZFS.
                (0xEF53, None),
                (0x5846_5342, None),
                (0x9123_683E, None),
                (0x0102_1994, None),
                (0x794C_7630, None),
                (0x2FC1_2FC1, None),
            ];
            for (magic, name) in table {
                assert_eq!(network(magic), name, "{magic:#x}");
            }
            assert!(NETWORK.is_sorted(), "in order, so that a double is seen");
        }

        #[test]
        fn fuse_is_refused_unless_it_is_known_to_be_local() {
            let mounts = "\
                22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
                36 22 0:32 / /mnt/far rw,nosuid - fuse.sshfs host:/home rw,user_id=0\n\
                37 22 0:33 / /mnt/near rw shared:7 master:2 - fuse.mergerfs a:b rw\n\
                38 22 0:34 / /mnt/host rw - virtiofs share rw\n\
                39 22 8:17 / /mnt/usb rw - fuseblk /dev/sdb1 rw\n";
            let table = [
                ("0:32", Some("fuse.sshfs")),
                ("0:33", None),
                ("0:34", Some("virtiofs")),
                ("8:17", None),
                ("0:99", Some("not among the mounts")),
            ];
            for (device, expected) in table {
                let refusal = fuse_refusal(mounts, device);
                assert_eq!(refusal.is_some(), expected.is_some(), "{device}");
                let text = refusal.unwrap_or_default();
                assert!(text.contains(expected.unwrap_or_default()), "{text}");
            }
        }

        #[test]
        fn kernel_file_systems_are_looked_up() {
            assert_eq!(refusal(Path::new("/proc")).unwrap(), None);
            let error = refusal(Path::new("/is/not/there")).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
    }
}

#[cfg(target_vendor = "apple")]
mod platform {
    use std::{io, path::Path};

    use rustix::fs::statfs;

    /// The flag of a mount that is on this machine.
    const LOCAL: u32 = 0x1000;

    pub(super) fn refusal(directory: &Path) -> io::Result<Option<String>> {
        let is_local = statfs(directory)?.f_flags & LOCAL != 0;
        Ok((!is_local).then(|| "a file system of the network".to_owned()))
    }
}

#[cfg(windows)]
mod platform {
    use std::{
        io,
        path::{Component, Path, Prefix},
    };

    /// A path without links, which `directory` is, says so where it leads over the network.
    pub(super) fn refusal(directory: &Path) -> io::Result<Option<String>> {
        let Some(Component::Prefix(prefix)) = directory.components().next() else {
            return Ok(None);
        };
        let is_share = matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..));
        Ok(is_share.then(|| "a share of the network".to_owned()))
    }
}

/// There is no safe way to ask.
#[cfg(not(any(target_os = "linux", target_vendor = "apple", windows)))]
mod platform {
    use std::{io, path::Path};

    pub(super) fn refusal(_directory: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }
}
