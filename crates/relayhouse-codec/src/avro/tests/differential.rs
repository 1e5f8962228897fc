//! The properties: the same bytes, the same values, and errors where there are errors.

use apache_avro::{
    reader::datum::GenericDatumReader, schema_compatibility::SchemaCompatibility, types::Value,
    writer::datum::GenericDatumWriter,
};
use bytes::BytesMut;
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

use super::{
    capture::Captured,
    datum::{Datum, Style},
    entropy::Entropy,
    evolve,
    shape::Model,
};
use crate::{
    Bounds,
    avro::{Schema, read::ReadPlan, write::WritePlan},
};

/// The same cases each time; `PROPTEST_CASES` asks for more of them.
fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let cases = if default.cases == 256 {
        cases
    } else {
        default.cases
    };
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..default
    }
}

fn style() -> impl Strategy<Value = Style> {
    any::<[bool; 4]>().prop_map(
        |[is_reversed, has_flattened, hides_length, is_untagged]| Style {
            is_reversed,
            has_flattened,
            hides_length,
            is_untagged,
        },
    )
}

fn entropy() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..160)
}

fn encode(plan: &WritePlan, datum: &Datum<'_>) -> relayhouse_core::Result<Vec<u8>> {
    let mut body = BytesMut::new();
    plan.encode(datum, 0, &mut body, &Bounds::new())?;
    Ok(body.to_vec())
}

/// What `apache-avro` writes for a type of serde.
fn encode_by_apache(schema: &Schema, datum: &Datum<'_>) -> Option<Vec<u8>> {
    let writer = GenericDatumWriter::builder(schema.inner()).build().unwrap();
    writer.write_ser_to_vec(datum).ok()
}

/// What `apache-avro` reads, and how many bytes it leaves.
fn decode_by_apache(schema: &Schema, mut datum: &[u8]) -> Result<(Captured, usize), String> {
    let reader = GenericDatumReader::builder(schema.inner()).build().unwrap();
    let value = reader.read_deser(&mut datum);
    let value = value.map_err(|error| format!("{error}: {}", schema.text()))?;
    Ok((value, datum.len()))
}

fn datum_of(schema: &Schema, value: &Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema.inner()).build().unwrap();
    writer.write_value_to_vec(value.clone()).unwrap()
}

proptest! {
    #![proptest_config(config(1500))]

    /// The plan writes what `apache-avro` writes, for any type of serde that has the value.
    #[test]
    fn plan_writes_what_apache_avro_writes(
        schema in entropy(), value in entropy(), style in style(),
    ) {
        let model = Model::generate(&mut Entropy::new(&schema));
        let schema = model.schema();
        let value = model.value(&mut Entropy::new(&value));
        let datum = Datum::new(&model, &value, style);
        let plan = WritePlan::compile(&schema).unwrap();
        let expected = encode_by_apache(&schema, &datum);
        for _ in 0..2 {
            let written = encode(&plan, &datum);
            match &expected {
                Some(expected) => prop_assert_eq!(&written.unwrap(), expected, "{}", schema.text()),
                None => prop_assert!(style.is_untagged, "{:?}: {}", written, schema.text()),
            }
        }
    }

    /// The plan reads what `apache-avro` reads.
    #[test]
    fn plan_reads_what_apache_avro_reads(schema in entropy(), value in entropy()) {
        let model = Model::generate(&mut Entropy::new(&schema));
        let schema = model.schema();
        let datum = datum_of(&schema, &model.value(&mut Entropy::new(&value)));
        let plan = ReadPlan::compile(&schema, &schema).unwrap();
        let (expected, left) = decode_by_apache(&schema, &datum).unwrap();
        prop_assert_eq!(left, 0);
        let read = plan.decode::<Captured>(&datum, &Bounds::new());
        prop_assert_eq!(read.unwrap(), expected, "{}", schema.text());
    }

    /// What one plan writes the other reads, and a damaged datum is an error for the plan where it
    /// is one for `apache-avro`.
    #[test]
    fn plan_reads_damaged_datums_like_apache_avro(
        schema in entropy(), value in entropy(), place: prop::sample::Index, bit in 0..9_u8,
    ) {
        let model = Model::generate(&mut Entropy::new(&schema));
        let schema = model.schema();
        let mut datum = datum_of(&schema, &model.value(&mut Entropy::new(&value)));
        prop_assume!(!datum.is_empty());
        let place = place.index(datum.len());
        match bit {
            8 => datum.truncate(place),
            bit => datum[place] ^= 1 << bit,
        }
        let plan = ReadPlan::compile(&schema, &schema).unwrap();
        let read = plan.decode::<Captured>(&datum, &Bounds::new());
        match decode_by_apache(&schema, &datum) {
            Ok((expected, 0)) => match read {
                Ok(read) => prop_assert_eq!(read, expected),
                Err(error) => prop_assert!(is_lax(&error.to_string()), "{}", error),
            },
            Ok((_, left)) => prop_assert!(read.is_err(), "{} bytes are left", left),
            Err(error) => prop_assert!(read.is_err(), "{}, {:?}, {:?}", error, datum, read),
        }
    }

    /// Names follow aliases, which `apache-avro` does not do for fields.
    #[test]
    fn plan_follows_aliases(schema in entropy(), value in entropy()) {
        let writer = Model::generate(&mut Entropy::new(&schema));
        let (from, to) = (writer.schema(), evolve::rename(&writer).schema());
        let datum = datum_of(&from, &writer.value(&mut Entropy::new(&value)));
        let read = |reader: &Schema| {
            let plan = ReadPlan::compile(&from, reader).unwrap();
            plan.decode::<Captured>(&datum, &Bounds::new()).unwrap()
        };
        prop_assert_eq!(read(&to).without(evolve::RENAMED), read(&from));
    }

    /// A reader's schema that has changed in compatible ways reads what `apache-avro` makes of it.
    #[test]
    fn plan_resolves_like_apache_avro(
        schema in entropy(), value in entropy(), changes in entropy(),
    ) {
        let writer = Model::generate_resolvable(&mut Entropy::new(&schema));
        let mut changes = Entropy::new(&changes);
        let reader = evolve::compatibly(&writer, &mut changes);
        agree(&writer, &reader, &value)?;
    }

    /// A reader's schema that has changed in any way is an error where it is one for
    /// `apache-avro`.
    #[test]
    fn plan_refuses_to_resolve_like_apache_avro(
        schema in entropy(), value in entropy(), changes in entropy(),
    ) {
        let writer = Model::generate_resolvable(&mut Entropy::new(&schema));
        let mut changes = Entropy::new(&changes);
        let reader = evolve::anyhow(&writer, &mut changes);
        agree(&writer, &reader, &value)?;
    }
}

/// Returns whether `apache-avro` takes what this error refuses: it drops the bits of a number that
/// are beyond 64.
fn is_lax(error: &str) -> bool {
    error.ends_with("a long has more than 64 bits")
}

/// Checks that a datum of `writer` is the same to the plan and to `apache-avro` as `reader` has it.
fn agree(writer: &Model, reader: &Model, value: &[u8]) -> Result<(), TestCaseError> {
    let (from, to) = (writer.schema(), reader.schema());
    let datum = datum_of(&from, &writer.value(&mut Entropy::new(value)));
    let by_apache = GenericDatumReader::builder(from.inner())
        .reader_schema(to.inner())
        .build()
        .unwrap();
    let resolved = by_apache.read_value(&mut &datum[..]);
    let plan = match ReadPlan::compile(&from, &to) {
        Ok(plan) => plan,
        Err(error) => {
            // `apache-avro` reads what has no value of the types that differ.
            let is_refused = SchemaCompatibility::can_read(from.inner(), to.inner()).is_err();
            prop_assert!(is_refused || resolved.is_err(), "{}", error);
            return Ok(());
        }
    };
    let read = plan.decode::<Captured>(&datum, &Bounds::new());
    match resolved {
        Ok(value) => {
            let expected = decode_by_apache(&to, &datum_of(&to, &value)).unwrap().0;
            prop_assert_eq!(read.unwrap(), expected, "{} {}", from.text(), to.text());
        }
        Err(error) => {
            prop_assert!(read.is_err(), "{}: {} {}", error, from.text(), to.text());
        }
    }
    Ok(())
}
