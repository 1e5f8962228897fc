//! Where the bodies of large messages are: in a bucket of S3, as AWS's Extended Client keeps them.

use relayhouse_core::port::BlobName;

/// How many digits of a UUID there are between its dashes.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Is a bucket, and what the keys there start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payloads {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
}

impl Payloads {
    /// Returns the key of the blob `name`: a UUID, as the Extended Client draws them.
    pub(crate) fn key(&self, name: BlobName) -> String {
        let digits = name.to_string();
        let mut key = self.prefix.clone();
        let mut start = 0;
        for count in GROUPS {
            if 0 < start {
                key.push('-');
            }
            key.push_str(&digits[start..start + count]);
            start += count;
        }
        key
    }

    /// Returns the blob whose key is `key`; `None` if it is none of a blob.
    pub(crate) fn name(&self, key: &str) -> Option<BlobName> {
        let uuid = key.strip_prefix(&self.prefix)?;
        let name = BlobName::parse(&uuid.replace('-', "")).ok()?;
        (self.key(name) == key).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::SeededRandom;

    use super::*;

    #[test]
    fn key_is_a_uuid_behind_the_prefix() {
        for prefix in ["", "orders/"] {
            let payloads = Payloads {
                bucket: "payloads".to_owned(),
                prefix: prefix.to_owned(),
            };
            let uuid = "0f3d9e65-7c1b-4e0a-9d6f-2b8a1c4e5f60";
            let key = format!("{prefix}{uuid}");
            let name = payloads.name(&key).unwrap();
            assert_eq!(payloads.key(name), key);
            for wrong in [
                "other/key".to_owned(),
                key.to_uppercase(),
                key.replace('-', ""),
                format!("{key}/.."),
            ] {
                assert_eq!(payloads.name(&wrong), None, "{wrong}");
            }
            let drawn = BlobName::draw(&SeededRandom::new(7));
            assert_eq!(payloads.name(&payloads.key(drawn)), Some(drawn));
        }
    }
}
