//! What a plan remembers of types never changes what it answers.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

use super::*;

const AB: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}"#;

#[derive(Debug, PartialEq, Deserialize)]
struct InOrder {
    a: i32,
    b: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Reversed {
    b: i32,
    a: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Loose {
    a: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Renamed {
    #[serde(rename = "b", alias = "second")]
    two: i32,
    #[serde(alias = "first", alias = "a")]
    one: i32,
    #[serde(default)]
    more: Option<i32>,
    #[serde(skip)]
    skipped: u8,
}

#[test]
fn types_of_one_plan_do_not_disturb_each_other() {
    let plan = plan(AB);
    for _ in 0..4 {
        assert_eq!(
            decode::<InOrder>(&plan, &[2, 4]).unwrap(),
            InOrder { a: 1, b: 2 }
        );
        assert_eq!(
            decode::<Reversed>(&plan, &[2, 4]).unwrap(),
            Reversed { a: 1, b: 2 }
        );
        assert_eq!(decode::<Loose>(&plan, &[2, 4]).unwrap(), Loose { a: 1 });
        let renamed: Renamed = decode(&plan, &[2, 4]).unwrap();
        assert_eq!((renamed.one, renamed.two, renamed.more), (1, 2, None));
        assert!(refused::<Strict>(&plan, &[2, 4]).ends_with("R.b: field is not known to the type"));
    }
}

#[test]
fn type_that_refuses_unknown_fields_does_so_whoever_came_before() {
    let first = plan(AB);
    for _ in 0..3 {
        assert_eq!(decode::<Loose>(&first, &[2, 4]).unwrap(), Loose { a: 1 });
    }
    assert!(decode::<Strict>(&first, &[2, 4]).is_err());
}

/// The names of a field may all be in the schema: then the numbers of the type are not those of
/// its table of names.
#[test]
fn second_names_of_fields_are_found_out() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Both {
        #[serde(alias = "a")]
        b: Option<i32>,
        c: i32,
    }
    let plan = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "c", "type": "int"}, {"name": "b", "type": ["null", "int"]}]}"#,
    );
    for _ in 0..4 {
        assert_eq!(
            decode::<Both>(&plan, &[2, 2, 4]).unwrap(),
            Both { b: Some(2), c: 1 }
        );
    }
}

/// Takes its fields with names only, or with names and in an order that its table does not have.
#[derive(Debug, PartialEq)]
struct ByHand<const IN_ORDER: bool>(i32, i32);

impl<'de, const IN_ORDER: bool> Deserialize<'de> for ByHand<IN_ORDER> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<const IN_ORDER: bool>;
        impl<'de, const IN_ORDER: bool> Visitor<'de> for Fields<IN_ORDER> {
            type Value = ByHand<IN_ORDER>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a and b")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut read = ByHand(0, 0);
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "a" => read.0 = map.next_value()?,
                        "b" => read.1 = map.next_value()?,
                        _ => return Err(de::Error::custom("another field")),
                    }
                }
                Ok(read)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                // One too few, so that it can be found out.
                let first = seq.next_element()?.filter(|_| IN_ORDER);
                let first = first.ok_or_else(|| de::Error::custom("no sequence"))?;
                Ok(ByHand(first, 0))
            }
        }
        deserializer.deserialize_struct("R", &["a", "b"], Fields)
    }
}

#[test]
fn types_that_take_names_only_are_given_names() {
    let in_order = plan(AB);
    for _ in 0..4 {
        assert_eq!(
            decode::<ByHand<false>>(&in_order, &[2, 4]).unwrap(),
            ByHand(1, 2)
        );
        assert_eq!(
            decode::<ByHand<true>>(&in_order, &[2, 4]).unwrap(),
            ByHand(1, 2)
        );
    }
    // Here it is tried with numbers instead, which it does not take either.
    let reversed = plan(
        r#"{"type": "record", "name": "R", "fields": [
            {"name": "b", "type": "int"}, {"name": "a", "type": "int"}]}"#,
    );
    for _ in 0..4 {
        assert_eq!(
            decode::<ByHand<false>>(&reversed, &[2, 4]).unwrap(),
            ByHand(2, 1)
        );
    }
}

#[test]
fn datum_that_does_not_decode_ends_no_trial() {
    let plan = plan(AB);
    for _ in 0..4 {
        assert!(decode::<InOrder>(&plan, &[2]).is_err());
        assert_eq!(
            decode::<InOrder>(&plan, &[2, 4]).unwrap(),
            InOrder { a: 1, b: 2 }
        );
        assert!(decode::<Vec<InOrder>>(&plan, &[2, 4]).is_err());
    }
    let memory = &plan.plan.record(0).memory;
    let key = super::super::memory::Key::of::<PhantomData<()>>(&[]);
    assert!(memory.find(key).is_none());
}

#[test]
fn same_record_is_read_as_several_types_at_once() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Three {
        first: InOrder,
        second: Reversed,
        third: Loose,
        fourth: (i32, i32),
    }
    let field = |name: &str, of: &str| format!(r#"{{"name": "{name}", "type": {of}}}"#);
    let fields = [
        field("first", AB),
        field("second", r#""R""#),
        field("third", r#""R""#),
        field("fourth", r#""R""#),
    ];
    let plan = plan(&format!(
        r#"{{"type": "record", "name": "T", "fields": [{}]}}"#,
        fields.join(",")
    ));
    let expected = Three {
        first: InOrder { a: 1, b: 2 },
        second: Reversed { a: 1, b: 2 },
        third: Loose { a: 1 },
        fourth: (1, 2),
    };
    assert_eq!(thrice::<Three>(&plan, &[2, 4, 2, 4, 2, 4, 2, 4]), expected);
}

#[test]
fn threads_share_a_plan() {
    let plan = plan(AB);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert_eq!(
                        decode::<InOrder>(&plan, &[2, 4]).unwrap(),
                        InOrder { a: 1, b: 2 }
                    );
                    assert_eq!(
                        decode::<Reversed>(&plan, &[2, 4]).unwrap(),
                        Reversed { a: 1, b: 2 }
                    );
                }
            });
        }
    });
}
