//! Properties: what is written is read as the same, and no text breaks anything.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{
    super::node::{Arithmetic, Comparison, Signed},
    *,
};

/// Writes a node so that it is read as the same.
fn write(node: &Node) -> String {
    let nested = |node: &Node| format!("({})", write(node));
    match node {
        Node::Constant(Value::Null) => "NULL".to_owned(),
        Node::Constant(Value::Boolean(value)) => value.to_string(),
        Node::Constant(Value::Long(number)) => number.to_string(),
        Node::Constant(Value::Double(number)) => format!("{number:?}"),
        Node::Constant(Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
        Node::Constant(other) => panic!("{other:?} is never read"),
        Node::Parameter(name) => name.to_string(),
        Node::Property(property) => name(property),
        Node::PropertyOf(node) => format!("property({})", write(node)),
        Node::NewId => "newid()".to_owned(),
        Node::Signed(Signed::Plus, node) => format!("+{}", nested(node)),
        Node::Signed(Signed::Minus, node) => format!("-{}", nested(node)),
        Node::Arithmetic(operator, left, right) => {
            let sign = match operator {
                Arithmetic::Add => "+",
                Arithmetic::Subtract => "-",
                Arithmetic::Multiply => "*",
                Arithmetic::Divide => "/",
                Arithmetic::Remainder => "%",
            };
            format!("{} {sign} {}", nested(left), nested(right))
        }
        Node::Comparison(comparison, left, right) => {
            let sign = match comparison {
                Comparison::Equal => "=",
                Comparison::Unequal => "<>",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
            };
            format!("{} {sign} {}", nested(left), nested(right))
        }
        Node::Not(node) => format!("NOT {}", nested(node)),
        Node::And(left, right) => format!("{} AND {}", nested(left), nested(right)),
        Node::Or(left, right) => format!("{} OR {}", nested(left), nested(right)),
        Node::IsNull(property) => format!("{} IS NULL", name(property)),
        Node::Exists(property) => format!("EXISTS({})", name(property)),
        Node::In(value, list) => {
            let list = list.iter().map(write).collect::<Vec<_>>().join(", ");
            format!("{} IN ({list})", nested(value))
        }
        Node::Like {
            text,
            pattern,
            escape,
        } => {
            let mut written = format!("{} LIKE {}", nested(text), nested(pattern));
            if let Some(escape) = escape {
                write!(written, " ESCAPE {}", nested(escape)).unwrap();
            }
            written
        }
    }
}

fn name(property: &Property) -> String {
    let name = property.name.replace(']', "]]");
    match property.scope {
        Scope::System => format!("sys.[{name}]"),
        Scope::User => format!("[{name}]"),
    }
}

fn a_property() -> impl Strategy<Value = Property> {
    let scope = prop_oneof![Just(Scope::System), Just(Scope::User)];
    (scope, "[a-z \\]\"]{1,6}").prop_map(|(scope, name)| Property {
        scope,
        name: name.into(),
    })
}

fn a_value() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Node::Constant(Value::Null)),
        any::<bool>().prop_map(|it| Node::Constant(Value::Boolean(it))),
        (0..i64::MAX).prop_map(|it| Node::Constant(Value::Long(it))),
        (0.0..1e300_f64).prop_map(|it| Node::Constant(Value::Double(it))),
        "[a-z' %_]{0,5}".prop_map(|it| Node::Constant(Value::String(it.into()))),
        "@[a-z]{1,4}".prop_map(|it| Node::Parameter(it.into())),
        a_property().prop_map(Node::Property),
        Just(Node::NewId),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let operator = prop_oneof![
            Just(Arithmetic::Add),
            Just(Arithmetic::Subtract),
            Just(Arithmetic::Multiply),
            Just(Arithmetic::Divide),
            Just(Arithmetic::Remainder),
        ];
        let sign = prop_oneof![Just(Signed::Plus), Just(Signed::Minus)];
        prop_oneof![
            inner.clone().prop_map(|it| Node::PropertyOf(Box::new(it))),
            (sign, inner.clone()).prop_map(|(sign, it)| Node::Signed(sign, Box::new(it))),
            (operator, inner.clone(), inner).prop_map(|(it, left, right)| Node::Arithmetic(
                it,
                left.into(),
                right.into()
            )),
        ]
    })
}

fn a_condition() -> impl Strategy<Value = Node> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::Unequal),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
    ];
    let list = prop::collection::vec(a_value(), 1..4);
    let like = (a_value(), a_value(), prop::option::of(a_value()));
    let leaf = prop_oneof![
        (comparison, a_value(), a_value()).prop_map(|(it, left, right)| Node::Comparison(
            it,
            left.into(),
            right.into()
        )),
        a_property().prop_map(Node::IsNull),
        a_property().prop_map(Node::Exists),
        (a_value(), list).prop_map(|(value, list)| Node::In(value.into(), list)),
        like.prop_map(|(text, pattern, escape)| Node::Like {
            text: text.into(),
            pattern: pattern.into(),
            escape: escape.map(Box::new),
        }),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|it| Node::Not(Box::new(it))),
            (inner.clone(), inner.clone())
                .prop_map(|(left, right)| Node::And(left.into(), right.into())),
            (inner.clone(), inner).prop_map(|(left, right)| Node::Or(left.into(), right.into())),
        ]
    })
}

proptest! {
    #[test]
    fn condition_that_is_written_is_read_as_the_same(node in a_condition()) {
        let text = write(&node);
        prop_assume!(text.chars().count() <= LENGTH_MAX);
        let read = parse::predicate(&text);
        prop_assert_eq!(read, Ok(node), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_within_itself(text in "\\PC{0,60}") {
        for error in [SqlFilter::parse(&text).err(), SqlAction::parse(&text).err()] {
            prop_assert!(error.is_none_or(|it| it.offset() <= text.len()));
        }
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "a", "sys.Label", "'x'", "1", "2.5", "NOT", "AND", "OR", "IN", "LIKE", "ESCAPE",
                "IS", "NULL", "EXISTS", "(", ")", ",", "=", "<", "+", "-", "*", "SET", "REMOVE",
                "p(", "newid()", "@p", ";", "TRUE",
            ]),
            0..25,
        ),
    ) {
        let text = words.join(" ");
        let (contents, mut random) = (message(), Random::new(1));
        if let Ok(filter) = SqlFilter::parse(&text) {
            let _ = filter.matches(&contents, &mut random);
        }
        if let Ok(action) = SqlAction::parse(&text) {
            let _ = action.apply(&mut contents.clone(), &mut random);
        }
    }

    #[test]
    fn conditions_have_an_outcome_for_any_message(node in a_condition()) {
        let (contents, mut random) = (message(), Random::new(1));
        let parameters = Parameters::new();
        let _ = Evaluation::new(&contents, &parameters, &mut random).test(&node);
    }
}
