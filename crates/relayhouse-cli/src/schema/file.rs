//! Schemas in files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use relayhouse::codec::avro::{
    FixedSchemas, SCHEMA_BYTES_MAX, Schema, SchemaDirectory, SchemaStore,
};

use crate::exit::{Code, Failure, chain};

/// Reads the schema in the file at `path`, or on standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Schema, Failure> {
    let is_standard = path == Path::new("-");
    let name = match is_standard {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let text = match is_standard {
        true => text(io::stdin()),
        false => File::open(path).and_then(text),
    };
    let text =
        text.map_err(|error| Failure::new(Code::NoInput, format!("cannot read {name}: {error}")))?;
    Schema::parse(&text)
        .map_err(|error| Failure::new(Code::Data, format!("{name}: {}", chain(&error))))
}

/// Reads up to a byte more than a schema may have, which is refused then with its size.
fn text(read: impl Read) -> io::Result<String> {
    let mut text = String::new();
    read.take(SCHEMA_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Opens the directory at `path`.
pub(super) fn directory(path: &Path) -> Result<SchemaDirectory, Failure> {
    SchemaDirectory::open(path).map_err(|error| Failure::new(Code::Data, chain(&error)))
}

/// Makes a store of the schemas in the file or directory at `path`.
pub(crate) fn store(path: &Path) -> Result<Arc<dyn SchemaStore>, Failure> {
    if path.is_dir() {
        return Ok(Arc::new(directory(path)?));
    }
    Ok(Arc::new(FixedSchemas::new().schema(read(path)?)))
}
