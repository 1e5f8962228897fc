//! Schemas in the files of a directory.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use relayhouse_core::{Error, ErrorKind, Result};

use super::{SchemaId, SchemaStore, unknown};
use crate::avro::{
    inline::Definitions,
    schema::{SCHEMA_BYTES_MAX, Schema},
};

/// How many files one directory may have.
const FILES_MAX: usize = 4096;

/// Holds the schemas of the files `*.avsc` in one directory, by their fingerprints. A clone shares
/// them.
///
/// The files are read once, when the directory is opened. A file may use types that others define:
/// its schema has their definitions in it then. Other files, directories and symbolic links are
/// passed over, so that nothing outside of the directory is read.
///
/// ```no_run
/// use relayhouse_codec::avro::SchemaDirectory;
///
/// let schemas = SchemaDirectory::open("schemas")?;
/// let order = schemas.named("shop.Order");
/// # let _ = order;
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SchemaDirectory {
    by_id: Arc<HashMap<SchemaId, Schema>>,
    by_name: Arc<HashMap<String, Schema>>,
}

impl SchemaDirectory {
    /// Reads the files of the directory at `path`, which blocks the thread.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] that names the file, if the directory or a file of it
    /// cannot be read, a file is no schema or has more than
    /// [`SCHEMA_BYTES_MAX`](crate::avro::SCHEMA_BYTES_MAX), two files define the same name, or
    /// there are more than 4096 files.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let files = files(path).map_err(|error| unreadable(path, error))?;
        let (mut by_id, mut by_name) = (HashMap::new(), HashMap::new());
        let mut definitions = Definitions::default();
        for (file, text) in &files {
            let added = definitions.add(text);
            added.map_err(|error| unreadable(file, error))?;
        }
        for (file, text) in &files {
            let schema = definitions.inline(text);
            let schema = schema.map_err(|error| unreadable(file, error))?;
            if let Some(name) = schema.name() {
                let earlier = by_name.insert(name.to_owned(), schema.clone());
                if earlier.is_some() {
                    let error = io::Error::other(format!("another file defines {name} as well"));
                    return Err(unreadable(file, error));
                }
            }
            by_id.insert(schema.fingerprint().into(), schema);
        }
        Ok(Self {
            by_id: Arc::new(by_id),
            by_name: Arc::new(by_name),
        })
    }

    /// Returns the schema of the type with the full name `name`, which a file is about.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Schema> {
        self.by_name.get(name)
    }

    /// Walks over the full names of the types that the files are about, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    fn get(&self, id: SchemaId) -> Result<Schema> {
        self.by_id.get(&id).cloned().ok_or_else(|| unknown(id))
    }
}

#[async_trait]
impl SchemaStore for SchemaDirectory {
    fn known(&self, id: SchemaId) -> Result<Option<Schema>> {
        self.get(id).map(Some)
    }

    async fn fetch(&self, id: SchemaId) -> Result<Schema> {
        self.get(id)
    }
}

/// Reads the schemas in `directory`, in the order of their names.
fn files(directory: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        // The type of the entry is that of a link itself, not of what it points to.
        let is_schema =
            path.extension() == Some(OsStr::new("avsc")) && entry.file_type()?.is_file();
        if !is_schema {
            continue;
        }
        if FILES_MAX <= files.len() {
            return Err(io::Error::other(format!("more than {FILES_MAX} schemas")));
        }
        files.push(path);
    }
    files.sort();
    files.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> io::Result<(PathBuf, String)> {
    let mut text = String::new();
    let max = SCHEMA_BYTES_MAX as u64;
    let read = File::open(&path).and_then(|file| file.take(max + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() <= SCHEMA_BYTES_MAX => Ok((path, text)),
        Ok(_) => {
            let rule = format!("{}: more than {max} bytes", path.display());
            Err(io::Error::other(rule))
        }
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{}: {error}", path.display()),
        )),
    }
}

fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    let text = format!("cannot read schemas of {}: {error}", path.display());
    Error::new(ErrorKind::ConfigInvalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
        {"name": "price", "type": "Money"}
    ]}"#;

    const MONEY: &str = r#"{"type": "record", "name": "shop.Money", "fields": [
        {"name": "cents", "type": "long"}
    ]}"#;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    fn refused(files: &[(&str, &str)]) -> String {
        let directory = directory(files);
        let error = SchemaDirectory::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        error.to_string()
    }

    #[test]
    fn files_use_what_others_define() {
        let directory = directory(&[("a.avsc", ORDER), ("b.avsc", MONEY), ("c.json", "x")]);
        let schemas = SchemaDirectory::open(directory.path()).unwrap();
        let order = schemas.named("shop.Order").unwrap();
        assert!(order.canonical().contains("cents"), "{order:?}");
        let id = order.fingerprint().into();
        let known = schemas.known(id).unwrap().unwrap();
        assert_eq!(known.canonical(), order.canonical());
        let mut names: Vec<_> = schemas.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["shop.Money", "shop.Order"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(refused(&[("a.avsc", "{")]).contains("a.avsc"));
        assert!(refused(&[("a.avsc", ORDER)]).contains("shop.Money"));
        let twice = refused(&[("a.avsc", MONEY), ("b.avsc", MONEY)]);
        assert!(twice.contains("another file defines shop.Money"), "{twice}");
        let large = " ".repeat(SCHEMA_BYTES_MAX + 1);
        assert!(refused(&[("a.avsc", &large)]).contains("more than 1048576 bytes"));
        let error = SchemaDirectory::open("/nowhere/at/all").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere() {
        let outside = directory(&[("secret.avsc", MONEY)]);
        let inside = directory(&[]);
        let link = inside.path().join("link.avsc");
        std::os::unix::fs::symlink(outside.path().join("secret.avsc"), link).unwrap();
        let schemas = SchemaDirectory::open(inside.path()).unwrap();
        assert_eq!(schemas.names().count(), 0);
    }
}
