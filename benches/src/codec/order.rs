//! An order with items, with its texts owned or borrowed, and the next version of it.

use serde::{Deserialize, Serialize};

use super::record::{Evolving, Record};

/// Is the kind of record that orders are.
#[derive(Debug)]
pub(super) struct Orders;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Order<S> {
    order_id: S,
    customer_id: S,
    created_at: i64,
    items: Vec<Item<S>>,
    total: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item<S> {
    product_id: S,
    quantity: i32,
    price: f64,
}

/// Is an order as the next version of the schema has it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Order")]
pub(super) struct NextOrder {
    order_id: String,
    customer_id: String,
    created_at: i64,
    currency: String,
    items: Vec<Item<String>>,
    total: f64,
}

impl Record for Orders {
    const SCHEMA: &'static str = include_str!("schemas/order.avsc");
    type Owned = Order<String>;
    type Borrowed<'a> = Order<&'a str>;
}

impl Evolving for Orders {
    const NEXT_SCHEMA: &'static str = include_str!("schemas/order_v2.avsc");
    type Next = NextOrder;
}

/// Makes an order with `items`.
pub(super) fn order(items: i32) -> Order<String> {
    let items = (0..items).map(|index| Item {
        product_id: format!("prd-{index:03}"),
        quantity: index % 9 + 1,
        price: f64::from(1999 + 37 * index) / 100.0,
    });
    Order {
        order_id: "order-00000000000042".to_owned(),
        customer_id: "customer-00042".to_owned(),
        created_at: 1_795_719_600_123,
        items: items.collect(),
        total: 199.99,
    }
}
