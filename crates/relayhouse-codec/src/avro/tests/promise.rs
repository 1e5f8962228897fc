//! What a comparison of schemas promises, the plan keeps.

use apache_avro::{types::Value, writer::datum::GenericDatumWriter};
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

use super::{capture::Captured, entropy::Entropy, evolve, shape::Model};
use crate::{
    Bounds,
    avro::{Compatibility, Schema, compare, read::ReadPlan},
};

fn entropy() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..160)
}

fn datum_of(schema: &Schema, value: &Value) -> Vec<u8> {
    let writer = GenericDatumWriter::builder(schema.inner()).build().unwrap();
    writer.write_value_to_vec(value.clone()).unwrap()
}

/// The same cases each time.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 800,
        rng_seed: RngSeed::Fixed(6),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// A new schema that breaks nothing reads all data of the old one; schemas that have no plan
    /// have a difference that breaks.
    #[test]
    fn compatible_schema_reads_all_data(
        schema in entropy(), values in vec(entropy(), 4), changes in entropy(), spoils: bool,
    ) {
        let writer = Model::generate(&mut Entropy::new(&schema));
        let mut changes = Entropy::new(&changes);
        let reader = match spoils {
            true => evolve::anyhow(&writer, &mut changes),
            false => evolve::compatibly(&writer, &mut changes),
        };
        let (old, new) = (writer.schema(), reader.schema());
        let found = compare(&old, &new, Compatibility::Backward).unwrap();
        let breaks = found.iter().any(|difference| difference.is_breaking);
        match ReadPlan::compile(&old, &new) {
            Ok(plan) if !breaks => {
                for value in values {
                    let datum = datum_of(&old, &writer.value(&mut Entropy::new(&value)));
                    let read = plan.decode::<Captured>(&datum, &Bounds::new());
                    prop_assert!(read.is_ok(), "{:?}", read);
                }
            }
            Ok(_) => {}
            Err(error) => prop_assert!(breaks, "{}", error),
        }
    }

    /// A schema has no difference from itself.
    #[test]
    fn schema_is_compatible_with_itself(schema in entropy()) {
        let schema = Model::generate(&mut Entropy::new(&schema)).schema();
        let found = compare(&schema, &schema, Compatibility::Full).unwrap();
        prop_assert!(found.is_empty(), "{:?}", found);
    }
}
