//! What the modules `bytes` and `fixed` of `apache_avro::serde` say of the field they stand at.
//!
//! They leave a mark that only serializers of `apache-avro` see, so one of them is asked.

use std::{collections::HashMap, sync::LazyLock};

use apache_avro::{
    Schema,
    schema::{Name, NamesRef},
    write_avro_datum_ref,
};
use serde::{Serialize, Serializer};

/// The two unions of bytes and a fixed of one byte.
static UNIONS: LazyLock<Option<[Schema; 2]>> = LazyLock::new(|| {
    let fixed = r#"{"type": "fixed", "name": "One", "size": 1}"#;
    let bytes_first = Schema::parse_str(&format!(r#"["bytes", {fixed}]"#)).ok()?;
    let fixed_first = Schema::parse_str(&format!(r#"[{fixed}, "bytes"]"#)).ok()?;
    Some([bytes_first, fixed_first])
});

struct OneByte;

impl Serialize for OneByte {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&[0])
    }
}

/// Returns whether the bytes being written go to the second of two branches that fit.
pub(super) fn is_second(bytes_are_first: bool) -> bool {
    let Some([bytes_first, fixed_first]) = &*UNIONS else {
        return false;
    };
    let schema = if bytes_are_first {
        bytes_first
    } else {
        fixed_first
    };
    let names: HashMap<Name, &Schema> = NamesRef::new();
    let mut written = [0; 4];
    let result = write_avro_datum_ref(schema, &names, &OneByte, &mut &mut written[..]);
    result.is_ok() && written[0] != 0
}
