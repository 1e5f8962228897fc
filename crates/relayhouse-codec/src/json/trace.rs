//! A deserializer around another that notes the way to what failed.
//!
//! It runs only once a body has been refused, on the same body, to say where in the value that was.

use std::{
    cell::{Cell, RefCell},
    fmt,
};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::path::Segment;

/// Is the way to what failed, the last step first.
#[derive(Debug, Default)]
pub(super) struct Trace(RefCell<Vec<Segment>>);

impl Trace {
    pub(super) fn into_path(self) -> Vec<Segment> {
        self.0.into_inner()
    }

    fn push<T, E>(&self, result: Result<T, E>, segment: Segment) -> Result<T, E> {
        result.inspect_err(|_| self.0.borrow_mut().push(segment))
    }
}

/// Is the name of a field or variant, once it has been read and if the type has it.
type Name = Cell<Option<&'static str>>;

/// Is what is known where a value is read.
#[derive(Clone, Copy)]
struct Place<'a> {
    trace: &'a Trace,
    /// The fields or variants of the type.
    names: &'static [&'static str],
    /// Where to note which of them is read, if it is their names that are read.
    name: Option<&'a Name>,
}

impl<'a> Place<'a> {
    const fn value(trace: &'a Trace) -> Self {
        Self {
            trace,
            names: &[],
            name: None,
        }
    }

    /// Notes that `text` is read, where a name is.
    fn note(&self, text: &str) {
        if let Some(name) = self.name {
            name.set(self.names.iter().copied().find(|known| *known == text));
        }
    }
}

fn segment(name: &Name) -> Segment {
    name.get().map_or(Segment::Key, Segment::Name)
}

/// Is a deserializer, a seed, a visitor or an access, and its place.
pub(super) struct Traced<'a, T> {
    inner: T,
    place: Place<'a>,
}

impl<'a, T> Traced<'a, T> {
    pub(super) const fn new(inner: T, trace: &'a Trace) -> Self {
        Self {
            inner,
            place: Place::value(trace),
        }
    }

    const fn at(inner: T, place: Place<'a>) -> Self {
        Self { inner, place }
    }
}

macro_rules! pass {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($argument: $kind,)*
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            self.inner.$method($($argument,)* Traced::at(visitor, self.place))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Traced<'_, D> {
    type Error = D::Error;

    pass! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let names = fields;
        let visitor = Traced::at(
            visitor,
            Place {
                names,
                ..self.place
            },
        );
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let names = variants;
        let visitor = Traced::at(
            visitor,
            Place {
                names,
                ..self.place
            },
        );
        self.inner.deserialize_enum(name, variants, visitor)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Traced<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Traced::at(deserializer, self.place))
    }
}

macro_rules! visit {
    ($($method:ident: $value:ty;)*) => {$(
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Traced<'_, V> {
    type Value = V::Value;

    visit! {
        visit_bool: bool;
        visit_i64: i64;
        visit_i128: i128;
        visit_u64: u64;
        visit_u128: u128;
        visit_f64: f64;
        visit_bytes: &[u8];
        visit_borrowed_bytes: &'de [u8];
        visit_byte_buf: Vec<u8>;
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.place.note(text);
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.place.note(text);
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        self.place.note(&text);
        self.inner.visit_string(text)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let trace = self.place.trace;
        self.inner.visit_some(Traced::new(deserializer, trace))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        // A newtype around a name is a name.
        let place = self.place;
        self.inner
            .visit_newtype_struct(Traced::at(deserializer, place))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        let place = self.place;
        self.inner.visit_seq(Items {
            items,
            place,
            index: 0,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let place = self.place;
        self.inner.visit_map(Entries {
            entries,
            place,
            name: Name::default(),
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Traced::at(access, self.place))
    }
}

struct Items<'a, A> {
    items: A,
    place: Place<'a>,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        let trace = self.place.trace;
        let item = self.items.next_element_seed(Traced::new(seed, trace));
        let name = self.place.names.get(self.index);
        let segment = name.map_or(Segment::Index(self.index), |name| Segment::Name(name));
        self.index += 1;
        trace.push(item, segment)
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.size_hint()
    }
}

struct Entries<'a, A> {
    entries: A,
    place: Place<'a>,
    name: Name,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.name.set(None);
        let place = Place {
            name: Some(&self.name),
            ..self.place
        };
        self.entries.next_key_seed(Traced::at(seed, place))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let trace = self.place.trace;
        let value = self.entries.next_value_seed(Traced::new(seed, trace));
        trace.push(value, segment(&self.name))
    }

    fn size_hint(&self) -> Option<usize> {
        self.entries.size_hint()
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Traced<'a, A> {
    type Error = A::Error;
    type Variant = Variant<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let name = Name::default();
        let place = Place {
            name: Some(&name),
            ..self.place
        };
        let (value, access) = self.inner.variant_seed(Traced::at(seed, place))?;
        let trace = self.place.trace;
        Ok((
            value,
            Variant {
                access,
                trace,
                segment: segment(&name),
            },
        ))
    }
}

pub(super) struct Variant<'a, A> {
    access: A,
    trace: &'a Trace,
    segment: Segment,
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Variant<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.trace.push(self.access.unit_variant(), self.segment)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let value = self
            .access
            .newtype_variant_seed(Traced::new(seed, self.trace));
        self.trace.push(value, self.segment)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let value = self
            .access
            .tuple_variant(len, Traced::new(visitor, self.trace));
        self.trace.push(value, self.segment)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let place = Place {
            names: fields,
            ..Place::value(self.trace)
        };
        let visitor = Traced::at(visitor, place);
        let value = self.access.struct_variant(fields, visitor);
        self.trace.push(value, self.segment)
    }
}
