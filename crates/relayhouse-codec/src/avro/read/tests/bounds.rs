//! Bounds, and the bombs that they are for.

use std::thread;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::*;

const NULLS: &str = r#"{"type": "array", "items": "null"}"#;
const LIST: &str = r#"{"type": "record", "name": "List", "fields": [
    {"name": "next", "type": ["null", "List"]}]}"#;

#[derive(Debug, PartialEq, Deserialize)]
struct List {
    next: Option<Box<List>>,
}

fn bounded<T: DeserializeOwned>(plan: &ReadPlan, datum: &[u8], bounds: Bounds) -> Option<T> {
    plan.decode(datum, &bounds).ok()
}

#[test]
fn length_beyond_the_datum_is_refused() {
    let datum = [long(256 << 20), vec![0]].concat();
    assert_eq!(datum.len(), 6);
    for of in [r#""bytes""#, r#""string""#] {
        assert!(refused::<String>(&plan(of), &datum[..5]).contains("at most 8388608 are decoded"));
    }
    let datum = long(1 << 20);
    assert!(refused::<String>(&plan(r#""string""#), &datum).contains("datum ends too early"));
    assert!(refused::<IgnoredAny>(&plan(r#""string""#), &datum).contains("datum ends too early"));
    assert!(refused::<String>(&plan(r#""string""#), &long(-1)).contains("a length is negative"));
}

#[test]
fn text_over_the_bound_is_refused_even_if_it_is_skipped() {
    let plan = plan(r#""string""#);
    let bounds = Bounds::new().text_bytes_max(size(2));
    assert_eq!(bounded(&plan, &text("ab"), bounds), Some("ab".to_owned()));
    assert_eq!(bounded::<String>(&plan, &text("abc"), bounds), None);
    assert!(bounded::<IgnoredAny>(&plan, &text("abc"), bounds).is_none());
}

#[test]
fn nulls_without_a_byte_are_few() {
    let nulls = plan(NULLS);
    let count = |count: i64| [long(count), vec![0]].concat();
    assert_eq!(
        decode::<Vec<()>>(&nulls, &count(65_537)).unwrap().len(),
        65_537
    );
    assert!(refused::<Vec<()>>(&nulls, &count(65_538)).contains("more items than bytes"));
    assert!(refused::<IgnoredAny>(&nulls, &count(65_538)).contains("more items than bytes"));
    let bomb = count(100_000_000);
    assert_eq!(bomb.len(), 5);
    assert!(refused::<Vec<()>>(&nulls, &bomb).contains("more than 1048576 items in total"));
    // In small blocks they count together.
    let blocks = [long(1000).repeat(100), vec![0]].concat();
    assert!(refused::<Vec<()>>(&nulls, &blocks).contains("more items than bytes"));
    for count in [i64::MIN, i64::MAX, -100_000_000] {
        assert!(refused::<Vec<()>>(&nulls, &[long(count), vec![0, 0]].concat()).contains("items"));
    }
}

#[test]
fn items_of_all_arrays_and_maps_count_together() {
    let plan = plan(r#"{"type": "array", "items": {"type": "map", "values": "int"}}"#);
    let map = [vec![4], text("a"), vec![2], text("b"), vec![4, 0]].concat();
    let datum = [vec![4], map.clone(), map, vec![0]].concat();
    let bounds = |max| Bounds::new().items_max(size(max));
    assert!(bounded::<Value>(&plan, &datum, bounds(6)).is_some());
    assert!(bounded::<Value>(&plan, &datum, bounds(5)).is_none());
    assert!(bounded::<IgnoredAny>(&plan, &datum, bounds(6)).is_some());
    assert!(bounded::<IgnoredAny>(&plan, &datum, bounds(5)).is_none());
}

/// Runs on a stack as small as that of a worker.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(run);
    thread.unwrap().join().unwrap();
}

#[test]
fn recursive_records_end_at_the_bound_of_the_depth() {
    on_a_small_stack(|| {
        let list = plan(LIST);
        let deep = |depth: usize| [vec![2; depth - 1], vec![0]].concat();
        for _ in 0..3 {
            assert!(decode::<List>(&list, &deep(128)).is_ok());
            assert!(decode::<Value>(&list, &deep(128)).is_ok());
            assert!(decode::<IgnoredAny>(&list, &deep(128)).is_ok());
        }
        for datum in [deep(129), deep(100_000), vec![2; 100_000]] {
            assert!(refused::<List>(&list, &datum).contains("more than 128 deep"));
            assert!(refused::<Value>(&list, &datum).contains("more than 128 deep"));
            assert!(refused::<IgnoredAny>(&list, &datum).contains("more than 128 deep"));
        }
        let bounds = Bounds::new().depth_max(depth(3));
        assert!(bounded::<List>(&list, &deep(3), bounds).is_some());
        assert!(bounded::<List>(&list, &deep(4), bounds).is_none());
    });
}

#[test]
fn trees_end_at_the_bound_of_the_depth() {
    #[derive(Debug, Deserialize)]
    struct Tree {
        #[expect(dead_code, reason = "only its decoding is looked at")]
        children: Vec<Tree>,
    }
    on_a_small_stack(|| {
        let tree = plan(
            r#"{"type": "record", "name": "Tree", "fields": [
                {"name": "children", "type": {"type": "array", "items": "Tree"}}]}"#,
        );
        for datum in [vec![2; 100_000], [vec![2; 64], vec![0; 65]].concat()] {
            assert!(refused::<Tree>(&tree, &datum).contains("more than 128 deep"));
            assert!(refused::<Value>(&tree, &datum).contains("more than 128 deep"));
            assert!(refused::<IgnoredAny>(&tree, &datum).contains("more than 128 deep"));
        }
        let datum = [vec![2; 63], vec![0; 64]].concat();
        assert!(decode::<Tree>(&tree, &datum).is_ok());
        assert!(decode::<Value>(&tree, &datum).is_ok());
    });
}

#[test]
fn record_inside_itself_ends_at_the_bound_of_the_depth() {
    on_a_small_stack(|| {
        let endless =
            plan(r#"{"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]}"#);
        assert!(refused::<Value>(&endless, &[]).contains("more than 128 deep"));
        assert!(refused::<IgnoredAny>(&endless, &[]).contains("more than 128 deep"));
    });
}

#[test]
fn schemas_that_name_each_other_in_a_long_chain_compile() {
    on_a_small_stack(|| {
        let mut types = vec![r#"{"type": "record", "name": "R0", "fields": []}"#.to_owned()];
        for number in 1..1000 {
            types.push(format!(
                r#"{{"type": "record", "name": "R{number}", "fields": [
                    {{"name": "x", "type": "R{}"}}]}}"#,
                number - 1
            ));
        }
        let plan = plan(&format!("[{}]", types.join(",")));
        assert!(decode::<IgnoredAny>(&plan, &long(127)).is_ok());
        assert!(refused::<IgnoredAny>(&plan, &long(128)).contains("more than 128 deep"));
        assert!(refused::<IgnoredAny>(&plan, &long(999)).contains("more than 128 deep"));
    });
}

#[test]
fn unions_with_too_many_branches_for_each_other_are_refused() {
    let union = |side: &str, count: usize| {
        let branches = (0..count).map(|number| {
            format!(r#"{{"type": "record", "name": "{side}{number}", "fields": []}}"#)
        });
        format!("[{}]", branches.collect::<Vec<_>>().join(","))
    };
    let (small, large) = (union("A", 300), union("B", 2100));
    assert!(unresolved(&small, &union("B", 300)).contains("has no branch for record A0"));
    let error = unresolved(&union("A", 2100), &large);
    assert!(error.contains("takes more than 262144 steps"), "{error}");
    // To itself, each branch is known.
    let large = schema(&large);
    let plan = ReadPlan::compile(&large, &large).unwrap();
    assert!(decode::<IgnoredAny>(&plan, &long(2099)).is_ok());
}

#[test]
fn size_of_a_skipped_block_is_held_against_what_is_left() {
    let plan = plan(r#"{"type": "array", "items": "int"}"#);
    let block = |bytes: i64| [long(-1), long(bytes), vec![2, 0]].concat();
    assert!(decode::<IgnoredAny>(&plan, &block(1)).is_ok());
    assert!(refused::<IgnoredAny>(&plan, &block(3)).contains("datum ends too early"));
    assert!(refused::<IgnoredAny>(&plan, &block(-1)).contains("size of a block is negative"));
    assert!(refused::<IgnoredAny>(&plan, &block(i64::MAX)).contains("datum ends too early"));
}
