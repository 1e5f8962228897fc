//! Avro: values bare and as single objects, read with their own schema or with a later one.

mod containers;
mod evolution;
mod logical;
mod primitives;
mod tree;
mod unions;

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use relayhouse_codec::{
    Format,
    avro::{AvroCodec, FixedSchemas, Framing, Schema},
    from_message, to_bytes,
};
use relayhouse_core::Message;
use serde::{Serialize, de::DeserializeOwned};

use crate::sample;

/// Is values of `T` that `writer.avsc` writes, and what `reader.avsc` makes of them, if there is
/// one.
#[derive(Debug)]
struct Case<T, U> {
    name: &'static str,
    values: Vec<T>,
    resolved: Vec<U>,
}

/// Is a case of any type.
trait AnyCase {
    fn write(&self, folder: &Path) -> Result<usize>;

    fn check(&self, folder: &Path) -> Result<usize>;
}

/// Writes all values to `folder`, and returns how many.
pub(crate) fn write(folder: &Path) -> Result<usize> {
    cases().iter().map(|case| case.write(folder)).sum()
}

/// Decodes the values of `folder`, and returns how many.
pub(crate) fn check(folder: &Path) -> Result<usize> {
    cases().iter().map(|case| case.check(folder)).sum()
}

fn cases() -> [Box<dyn AnyCase>; 8] {
    [
        containers::case(),
        evolution::aliases(),
        evolution::case(),
        evolution::enum_default(),
        logical::case(),
        primitives::case(),
        tree::case(),
        unions::case(),
    ]
}

/// Makes a case of values that are read as they were written.
fn plain<T>(name: &'static str, values: Vec<T>) -> Box<dyn AnyCase>
where
    T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + 'static,
{
    let resolved = values.clone();
    resolving(name, values, resolved)
}

/// Makes a case of values, and of what a later schema makes of them.
fn resolving<T, U>(name: &'static str, values: Vec<T>, resolved: Vec<U>) -> Box<dyn AnyCase>
where
    T: Serialize + 'static,
    U: Debug + PartialEq + DeserializeOwned + 'static,
{
    Box::new(Case {
        name,
        values,
        resolved,
    })
}

impl<T, U> Case<T, U> {
    fn writer(&self) -> Result<Schema> {
        let path = self.path("writer.avsc");
        parse(&path).with_context(|| path.display().to_string())
    }

    /// Returns the later schema, or that of the writer if there is no other.
    fn reader(&self) -> Result<Schema> {
        let path = self.path("reader.avsc");
        if !path.exists() {
            return self.writer();
        }
        parse(&path).with_context(|| path.display().to_string())
    }

    fn path(&self, file: &str) -> PathBuf {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        cases.join("avro").join(self.name).join(file)
    }

    fn file(&self, framing: Framing) -> String {
        let form = match framing {
            Framing::Bare => "bare",
            Framing::SingleObject | Framing::Confluent => "single",
        };
        format!("{}.{form}.hex", self.name)
    }
}

impl<T: Serialize, U: Debug + PartialEq + DeserializeOwned> AnyCase for Case<T, U> {
    fn write(&self, folder: &Path) -> Result<usize> {
        for framing in [Framing::Bare, Framing::SingleObject] {
            let codec = AvroCodec::<T>::builder(self.writer()?).framing(framing);
            let codec = codec.build().context(self.name)?;
            let bodies = self.values.iter().map(|value| to_bytes(&codec, value));
            let bodies = bodies.collect::<Result<Vec<_>, _>>().context(self.name)?;
            sample::write(folder, &self.file(framing), &bodies)?;
        }
        Ok(self.values.len())
    }

    fn check(&self, folder: &Path) -> Result<usize> {
        for framing in [Framing::Bare, Framing::SingleObject] {
            let codec = AvroCodec::<U>::builder(self.reader()?)
                .framing(framing)
                .unlabelled(self.writer()?)
                .store(FixedSchemas::new().schema(self.writer()?))
                .build()
                .context(self.name)?;
            let file = self.file(framing);
            let bodies = sample::read(folder, &file, self.resolved.len())?;
            for (expected, body) in self.resolved.iter().zip(bodies) {
                let message = Message::new(Bytes::from(body)).content_type(codec.content_type());
                let decoded: U = from_message(&codec, &message).context(file.clone())?;
                ensure!(
                    decoded == *expected,
                    "{file}: expected {expected:?}, got {decoded:?}"
                );
            }
        }
        Ok(self.resolved.len())
    }
}

fn parse(path: &Path) -> Result<Schema> {
    Ok(Schema::parse(&fs::read_to_string(path)?)?)
}
