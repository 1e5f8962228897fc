//! What others encode and decode with: `serde_json`, `rmp-serde`, `apache-avro`,
//! `serde_avro_fast`.

use std::hint::black_box;

use anyhow::Result;
use apache_avro::{
    from_value, reader::datum::GenericDatumReader, to_value, writer::datum::GenericDatumWriter,
};
use serde_avro_fast::ser::SerializerConfig;

use super::{
    measure::{Plan, ensure_same},
    record::{Evolving, Record},
};
use crate::compare::Contender;

/// What all ratios are taken to.
pub(super) const SERDE_JSON: &str = "serde_json";
pub(super) const SERDE_JSON_BORROWED: &str = "serde_json, borrowed";
pub(super) const RMP: &str = "rmp-serde, named";
pub(super) const RMP_COMPACT: &str = "rmp-serde";
pub(super) const APACHE: &str = "apache-avro, values";
pub(super) const APACHE_SERDE: &str = "apache-avro, serde";
pub(super) const APACHE_RESOLVING: &str = "apache-avro, values, resolving";
pub(super) const FAST: &str = "serde_avro_fast";
pub(super) const FAST_BORROWED: &str = "serde_avro_fast, borrowed";

/// Holds a schema, parsed by all who do so.
#[derive(Debug)]
pub(super) struct Schemas {
    apache: apache_avro::Schema,
    fast: serde_avro_fast::Schema,
}

impl Schemas {
    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            apache: apache_avro::Schema::parse_str(text)?,
            fast: text.parse()?,
        })
    }
}

/// Returns all that encode and decode one kind of record.
pub(super) fn contenders<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schemas: &'a Schemas,
) -> Result<Vec<Contender<'a>>> {
    Ok(vec![
        json::<R>(plan, value)?,
        json_borrowed::<R>(plan, value),
        rmp::<R>(plan, value)?,
        rmp_compact::<R>(plan, value)?,
        apache_serde::<R>(plan, value, &schemas.apache)?,
        fast::<R>(plan, value, &schemas.fast)?,
        fast_borrowed::<R>(plan, value, &schemas.fast),
    ])
}

fn json<R: Record>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let body = serde_json::to_vec(value)?;
    ensure_same(SERDE_JSON, &serde_json::from_slice(&body)?, value)?;
    Ok(plan.contender(
        SERDE_JSON,
        move |buffer: &mut Vec<u8>| Ok(serde_json::to_writer(buffer, value)?),
        |body| {
            let decoded: R::Owned = serde_json::from_slice(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

fn json_borrowed<R: Record>(plan: Plan, value: &R::Owned) -> Contender<'_> {
    plan.contender(
        SERDE_JSON_BORROWED,
        move |buffer: &mut Vec<u8>| Ok(serde_json::to_writer(buffer, value)?),
        |body| {
            let decoded: R::Borrowed<'_> = serde_json::from_slice(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    )
}

fn rmp<R: Record>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let body = rmp_serde::to_vec_named(value)?;
    ensure_same(RMP, &rmp_serde::from_slice(&body)?, value)?;
    Ok(plan.contender(
        RMP,
        move |buffer: &mut Vec<u8>| Ok(rmp_serde::encode::write_named(buffer, value)?),
        |body| {
            let decoded: R::Owned = rmp_serde::from_slice(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

fn rmp_compact<R: Record>(plan: Plan, value: &R::Owned) -> Result<Contender<'_>> {
    let body = rmp_serde::to_vec(value)?;
    ensure_same(RMP_COMPACT, &rmp_serde::from_slice(&body)?, value)?;
    Ok(plan.contender(
        RMP_COMPACT,
        move |buffer: &mut Vec<u8>| Ok(rmp_serde::encode::write(buffer, value)?),
        |body| {
            let decoded: R::Owned = rmp_serde::from_slice(body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

/// Goes by a tree of values, as the documentation does, with reader and writer built once. It
/// takes no enum of Rust for a union.
pub(super) fn apache<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schemas: &'a Schemas,
) -> Result<Contender<'a>> {
    let schema = &schemas.apache;
    let writer = GenericDatumWriter::builder(schema).build()?;
    let reader = GenericDatumReader::builder(schema).build()?;
    Ok(plan.contender(
        APACHE,
        move |buffer: &mut Vec<u8>| {
            let tree = to_value(value)?.resolve(schema)?;
            writer.write_value_ref(buffer, &tree)?;
            Ok(())
        },
        move |mut body| {
            let decoded: R::Owned = from_value(&reader.read_value(&mut body)?)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

/// Goes by serde, without a tree: what does not resolve.
fn apache_serde<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schema: &'a apache_avro::Schema,
) -> Result<Contender<'a>> {
    let writer = GenericDatumWriter::builder(schema).build()?;
    let reader = GenericDatumReader::builder(schema).build()?;
    let body = writer.write_ser_to_vec(value)?;
    ensure_same(APACHE_SERDE, &reader.read_deser(&mut &*body)?, value)?;
    Ok(plan.contender(
        APACHE_SERDE,
        move |buffer: &mut Vec<u8>| {
            writer.write_ser(buffer, value)?;
            Ok(())
        },
        move |mut body| {
            let decoded: R::Owned = reader.read_deser(&mut body)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

/// Writes by one schema, and reads as the next.
pub(super) fn apache_resolving<'a, R: Evolving>(
    plan: Plan,
    value: &'a R::Owned,
    (schema, next): (&'a Schemas, &'a Schemas),
) -> Result<Contender<'a>> {
    let writer = GenericDatumWriter::builder(&schema.apache).build()?;
    let reader = GenericDatumReader::builder(&schema.apache);
    let reader = reader.reader_schema(&next.apache).build()?;
    Ok(plan.contender(
        APACHE_RESOLVING,
        move |buffer: &mut Vec<u8>| {
            writer.write_ser(buffer, value)?;
            Ok(())
        },
        move |mut body| {
            let decoded: R::Next = from_value(&reader.read_value(&mut body)?)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

fn fast<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schema: &'a serde_avro_fast::Schema,
) -> Result<Contender<'a>> {
    let mut config = SerializerConfig::new(schema);
    let body = serde_avro_fast::to_datum_vec(value, &mut config)?;
    ensure_same(
        FAST,
        &serde_avro_fast::from_datum_slice(&body, schema)?,
        value,
    )?;
    Ok(plan.contender(
        FAST,
        move |buffer: &mut Vec<u8>| {
            serde_avro_fast::to_datum(value, buffer, &mut config)?;
            Ok(())
        },
        move |body| {
            let decoded: R::Owned = serde_avro_fast::from_datum_slice(body, schema)?;
            drop(black_box(decoded));
            Ok(())
        },
    ))
}

fn fast_borrowed<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schema: &'a serde_avro_fast::Schema,
) -> Contender<'a> {
    let mut config = SerializerConfig::new(schema);
    plan.contender(
        FAST_BORROWED,
        move |buffer: &mut Vec<u8>| {
            serde_avro_fast::to_datum(value, buffer, &mut config)?;
            Ok(())
        },
        move |body| {
            let decoded: R::Borrowed<'_> = serde_avro_fast::from_datum_slice(body, schema)?;
            drop(black_box(decoded));
            Ok(())
        },
    )
}
