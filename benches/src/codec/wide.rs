//! A record of 60 fields: texts, numbers, options, enums, unions and logical types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::Record;

/// Is the kind of record that wide ones are.
#[derive(Debug)]
pub(super) struct Wides;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wide<S: Ord> {
    id: S,
    tenant: S,
    account: S,
    first_name: S,
    last_name: S,
    email: S,
    street: S,
    city: S,
    postcode: S,
    country: S,
    sequence: i64,
    created_at: i64,
    updated_at: i64,
    amount: i64,
    fee: i64,
    tax: i64,
    balance: i64,
    credit: i64,
    debit: i64,
    offset: i64,
    version: i32,
    attempts: i32,
    priority: i32,
    weight: i32,
    width: i32,
    height: i32,
    latitude: f64,
    longitude: f64,
    score: f64,
    rating: f64,
    discount: f64,
    rate: f64,
    active: bool,
    verified: bool,
    archived: bool,
    express: bool,
    phone: Option<S>,
    company: Option<S>,
    vat_id: Option<S>,
    notes: Option<S>,
    referrer: Option<S>,
    campaign: Option<S>,
    locale: Option<S>,
    parent: Option<i64>,
    closed_at: Option<i64>,
    limit: Option<i64>,
    quota: Option<i64>,
    deleted_at: Option<i64>,
    temperature: Option<f64>,
    humidity: Option<f64>,
    birthday: i32,
    opens: i32,
    closes: i64,
    state: State,
    tier: Tier,
    reading: Reading<S>,
    limits: Limit<S>,
    contact: Option<Contact<S>>,
    tags: Vec<S>,
    counters: BTreeMap<S, i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum State {
    Open,
    Held,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Tier {
    Free,
    Plus,
    Pro,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Reading<S> {
    Long(i64),
    Double(f64),
    String(S),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Limit<S> {
    Null,
    Long(i64),
    Double(f64),
    String(S),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Contact<S> {
    name: S,
    email: S,
}

impl Record for Wides {
    const SCHEMA: &'static str = include_str!("schemas/wide.avsc");
    type Owned = Wide<String>;
    type Borrowed<'a> = Wide<&'a str>;
}

pub(super) fn wide() -> Wide<String> {
    let text = str::to_owned;
    Wide {
        id: text("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        tenant: text("tenant-0042"),
        account: text("account-000017"),
        first_name: text("Margarete"),
        last_name: text("Hamilton"),
        email: text("margarete@example.org"),
        street: text("14 Long Row"),
        city: text("Nottingham"),
        postcode: text("NG1 2DH"),
        country: text("GB"),
        sequence: 67109,
        created_at: 1_795_719_600_123,
        updated_at: 1_795_719_600_123,
        amount: -9134,
        fee: -1215,
        tax: 6704,
        balance: 14623,
        credit: 22542,
        debit: 30461,
        offset: 38380,
        version: 277,
        attempts: -86,
        priority: -49,
        weight: -12,
        width: 25,
        height: 62,
        latitude: 22.875,
        longitude: 29.5,
        score: 36.125,
        rating: 42.75,
        discount: 49.375,
        rate: 56.0,
        active: true,
        verified: false,
        archived: true,
        express: false,
        phone: Some(text("+44 115 496 0999")),
        company: Some(text("Lace & Sons")),
        vat_id: None,
        notes: None,
        referrer: Some(text("newsletter")),
        campaign: None,
        locale: Some(text("en-GB")),
        parent: Some(44396),
        closed_at: Some(1_795_719_600_123),
        limit: Some(46414),
        quota: None,
        deleted_at: None,
        temperature: Some(21.5),
        humidity: None,
        birthday: -12182,
        opens: 28_800_000,
        closes: 64_800_000_000,
        state: State::Held,
        tier: Tier::Pro,
        reading: Reading::Double(36.625),
        limits: Limit::Long(5_000),
        contact: Some(Contact {
            name: text("Grace"),
            email: text("grace@example.org"),
        }),
        tags: ["new", "priority", "export"].map(text).into(),
        counters: [("opened", 12), ("closed", 9), ("late", 1)]
            .map(|(key, value)| (text(key), value))
            .into(),
    }
}
