//! The files of a queue, in memory: copied, changed, and put down elsewhere.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

/// What holds nothing that cannot be made again.
const SHARED_MEMORY: &str = "-shm";

/// Is what the files of one queue hold, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files {
    /// Reads the files of `queue`, of which nobody has one open, but for the one that a crash of
    /// the machine takes away.
    pub(crate) fn read(directory: &Path, queue: &str) -> Result<Self> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(directory).context("cannot list a directory")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_of_it = name.starts_with(&format!("{queue}."));
            if is_of_it && !name.ends_with(SHARED_MEMORY) {
                let path = directory.join(&name);
                let bytes = fs::read(&path);
                files.insert(
                    name,
                    bytes.with_context(|| format!("cannot read {path:?}"))?,
                );
            }
        }
        Ok(Self(files))
    }

    /// Puts the files into a directory, in place of those that are there.
    pub(crate) fn write(&self, directory: &Path) -> Result<()> {
        for entry in fs::read_dir(directory).context("cannot list a directory")? {
            fs::remove_file(entry?.path()).context("cannot remove a file")?;
        }
        for (name, bytes) in &self.0 {
            let path = directory.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {path:?}"))?;
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> &[u8] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}
