//! What JSON can say of the shapes of serde, and what it cannot.

use std::{collections::BTreeMap, fmt::Debug};

use relayhouse_codec::{BorrowDecoder, CodecRegistry, Decoder, Format as _, JsonCodec, to_bytes};
use relayhouse_core::{ErrorKind, Message};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::shapes::{self, Check, Flat, Sparse};

struct RoundTrip;

impl Check for RoundTrip {
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        &mut self,
        name: &'static str,
        value: &T,
    ) {
        let codec = JsonCodec::new();
        let body = to_bytes(&codec, value).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read: T = codec
            .decode(&body)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&read, value, "{name}");
        let codecs = CodecRegistry::new().codec(codec);
        let message = codecs.encode(codec.content_type(), value).unwrap();
        assert_eq!(message.body, body, "{name}, chosen at run time");
        let read: T = codecs.decode(&message).unwrap();
        assert_eq!(&read, value, "{name}, chosen at run time");
    }
}

#[test]
fn every_shape_comes_back_as_it_went() {
    shapes::all(&mut RoundTrip);
}

#[test]
fn fields_that_are_left_out_come_back_as_their_defaults() {
    let codec = JsonCodec::new();
    let sparse = Sparse {
        first: None,
        second: 2,
        cached: 0,
    };
    assert_eq!(to_bytes(&codec, &sparse).unwrap(), "{\"second\":2}");
    RoundTrip.check("sparse", &sparse);
}

#[test]
fn strings_without_escapes_are_borrowed_and_others_refused() {
    let codec = JsonCodec::new();
    let texts: Vec<&str> = codec.decode_borrowed(b"[\"a\",\"b\"]").unwrap();
    assert_eq!(texts, ["a", "b"]);
    let escaped: Result<Vec<&str>, _> = codec.decode_borrowed(b"[\"\\n\"]");
    assert_eq!(escaped.unwrap_err().kind(), ErrorKind::Codec);
    // Bytes are written as a list of numbers, of which nothing can be borrowed.
    let bytes = to_bytes(&codec, &&b"ab"[..]).unwrap();
    let bytes: Result<&[u8], _> = codec.decode_borrowed(&bytes);
    assert_eq!(bytes.unwrap_err().kind(), ErrorKind::Codec);
}

/// JSON has keys of text alone.
#[test]
fn keys_that_are_no_text_are_refused() {
    for result in [
        to_bytes(&JsonCodec::new(), &BTreeMap::from([((1, 2), 3)])),
        to_bytes(&JsonCodec::new(), &BTreeMap::from([(vec![1], 3)])),
        to_bytes(&JsonCodec::new(), &BTreeMap::from([(None::<u8>, 3)])),
    ] {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Codec);
    }
}

/// A documented limit: `null` is all that JSON has for these.
#[test]
fn nothing_and_numbers_that_are_none_become_null() {
    let codec = JsonCodec::new();
    for body in [
        to_bytes(&codec, &Some(())).unwrap(),
        to_bytes(&codec, &Some(None::<u8>)).unwrap(),
        to_bytes(&codec, &f64::NAN).unwrap(),
        to_bytes(&codec, &f32::INFINITY).unwrap(),
    ] {
        assert_eq!(body, "null");
    }
    assert!(Decoder::<f64>::decode(&codec, b"null").is_err());
    let number: Option<f64> = codec.decode(b"null").unwrap();
    assert_eq!(number, None);
    let outer: Option<Option<u8>> = codec.decode(b"null").unwrap();
    assert_eq!(outer, None);
}

/// A documented limit: serde keeps what it buffers in 64 bits.
#[test]
fn large_numbers_are_refused_where_serde_buffers() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Large {
        Number(u128),
    }
    let body = to_bytes(&JsonCodec::new(), &Large::Number(u128::MAX)).unwrap();
    let result: Result<Large, _> = JsonCodec::new().decode(&body);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Codec);
}

#[test]
fn errors_through_a_choice_at_run_time_say_the_same() {
    let codec = JsonCodec::new();
    let codecs = CodecRegistry::new().codec(codec).unlabelled(codec);
    for body in ["", "{\"id\":secret", "{}", "{\"id\":\"secret\"}"] {
        let direct = Decoder::<Flat>::decode(&codec, body.as_bytes()).unwrap_err();
        let chosen = codecs.decode::<Flat>(&Message::new(body)).unwrap_err();
        assert_eq!(chosen.kind(), ErrorKind::Codec);
        assert!(chosen.is_permanent());
        assert_eq!(chosen.to_string(), direct.to_string(), "{body}");
    }
}
