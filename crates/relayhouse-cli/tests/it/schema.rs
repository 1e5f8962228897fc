//! `schema`: gates of builds, fingerprints, and types by their names.

use std::fs;

use crate::house::House;

const V1: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "int"}
]}"#;

const V2: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "long"},
    {"name": "note", "type": "string", "default": ""}
]}"#;

const BROKEN: &str = r#"{"type": "record", "name": "shop.Order", "fields": [
    {"name": "id", "type": "int"},
    {"name": "note", "type": "string"}
]}"#;

#[tokio::test]
async fn compatible_schemas_pass_and_each_difference_is_explained() {
    let house = House::new();
    let (old, new) = (house.file("old.avsc", V1), house.file("new.avsc", V2));
    let ended = house.run(&["schema", "check", &old, &new]).await.ended(0);
    assert_eq!(
        ended.stdout,
        "the new schema reads data of the old one:
  ok      Order.id: int is read as long
          int, long, float and double widen; bytes and string read as each other
  ok      Order.note: only the new schema has this field; its default is filled in
          a field that the data do not have is read as its default
compatible: 2 differences, none of which breaks
"
    );
    let same = house.run(&["schema", "check", &old, &old]).await.ended(0);
    assert_eq!(same.stdout, "compatible: no difference\n");
}

#[tokio::test]
async fn difference_that_breaks_fails_the_gate() {
    let house = House::new();
    let (old, new) = (house.file("old.avsc", V1), house.file("new.avsc", BROKEN));
    let ended = house.run(&["schema", "check", &old, &new]).await.ended(1);
    assert!(
        ended.stdout.contains(
            "breaks  Order.note: only the new schema has this field, and it has no default"
        ),
        "{}",
        ended.stdout
    );
    let args = ["schema", "check", &old, &new, "--mode", "forward"];
    house.run(&args).await.ended(0);
    let args = [
        "schema", "check", &old, &new, "--mode", "full", "--output", "json",
    ];
    let report = house.run(&args).await.ended(1).json();
    assert_eq!(report["is_compatible"], false);
    let first = &report["differences"][0];
    assert_eq!(first["direction"], "backward");
    assert_eq!(first["path"], "Order.note");
    assert_eq!(first["is_breaking"], true);
    let args = ["schema", "check", &old, &new, "--output", "ndjson"];
    assert_eq!(house.run(&args).await.ended(1).lines().len(), 1);
}

#[tokio::test]
async fn file_that_is_no_schema_is_no_verdict() {
    let house = House::new();
    let (old, new) = (house.file("old.avsc", V1), house.file("new.avsc", "{"));
    house.run(&["schema", "check", &old, &new]).await.ended(65);
    let nowhere = house.path("nowhere.avsc");
    let nowhere = nowhere.to_str().unwrap();
    house
        .run(&["schema", "check", &old, nowhere])
        .await
        .ended(66);
    house.run(&["schema", "check", &old]).await.ended(2);
}

#[tokio::test]
async fn fingerprint_is_of_what_matters_to_readers() {
    let house = House::new();
    let plain = house.file("a.avsc", r#""int""#);
    let dressed = r#"{ "type": "int", "logicalType": "date", "doc": "x" }"#;
    let dressed = house.file("b.avsc", dressed);
    for file in [plain, dressed] {
        let ended = house.run(&["schema", "fingerprint", &file]).await.ended(0);
        assert_eq!(ended.stdout, "7275d51a3f395c8f\n");
    }
}

#[tokio::test]
async fn type_is_shown_with_the_definitions_it_needs() {
    let house = House::new();
    let directory = house.path("schemas");
    fs::create_dir(&directory).unwrap();
    let order = r#"{"type": "record", "name": "Order", "namespace": "shop", "doc": "An order.",
        "fields": [{"name": "price", "type": "Money"}]}"#;
    fs::write(directory.join("order.avsc"), order).unwrap();
    let money = r#"{"type": "fixed", "name": "shop.Money", "size": 8}"#;
    fs::write(directory.join("money.avsc"), money).unwrap();
    let path = directory.to_str().unwrap();

    for name in ["shop.Order", "Order"] {
        let shown = house
            .run(&["schema", "show", name, "--in", path])
            .await
            .ended(0);
        let json = shown.json();
        assert_eq!(json["doc"], "An order.");
        assert_eq!(json["fields"][0]["type"]["size"], 8);
    }
    let args = ["schema", "show", "Money", "--in", path, "--canonical"];
    let shown = house.run(&args).await.ended(0);
    assert_eq!(
        shown.stdout,
        "{\"name\":\"shop.Money\",\"type\":\"fixed\",\"size\":8}\n"
    );
    house
        .run(&["schema", "show", "Parcel", "--in", path])
        .await
        .ended(66);
    let file = directory.join("money.avsc");
    let file = file.to_str().unwrap();
    house
        .run(&["schema", "show", "Money", "--in", file])
        .await
        .ended(0);
    house
        .run(&["schema", "show", "Order", "--in", file])
        .await
        .ended(66);
}
