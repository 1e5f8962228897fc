//! The grammar and its meaning.

mod written;

use super::{
    super::{Contents, Time, random::Random},
    *,
};

fn message() -> Contents {
    let properties = [
        ("color", Value::from("red")),
        ("quantity", Value::Int(10)),
        ("price", Value::Double(2.5)),
        ("flag", Value::Boolean(true)),
        ("nothing", Value::Null),
        ("took", Value::Duration(20_000_000)),
        ("Property With Space", Value::from("yes")),
    ];
    Contents {
        subject: Some("order 100%".into()),
        message_id: Some("m1".into()),
        scheduled: Some(Time::from_millis(5)),
        properties: properties
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
        ..Contents::default()
    }
}

fn outcome(text: &str) -> Result<Option<bool>, EvaluationError> {
    let filter = SqlFilter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (contents, mut random) = (message(), Random::new(1));
    let parameters = [
        ("@limit".into(), Value::Int(5)),
        ("@second".into(), Value::Duration(10_000_000)),
    ];
    let parameters = parameters.into();
    Evaluation::new(&contents, &parameters, &mut random).test(&filter.node)
}

/// Checks conditions that are true, false or unknown for the message.
fn check(cases: &[(&str, Option<bool>)]) {
    for (text, expected) in cases {
        assert_eq!(outcome(text), Ok(*expected), "{text}");
    }
}

const T: Option<bool> = Some(true);
const F: Option<bool> = Some(false);
const U: Option<bool> = None;

#[test]
fn comparisons() {
    check(&[
        ("color = 'red'", T),
        ("color = 'Red'", F),
        ("COLOR = 'red'", T),
        ("color <> 'red'", F),
        ("color != 'blue'", T),
        ("color > 'blue'", T),
        ("quantity = 10", T),
        ("quantity = 10.0", T),
        ("quantity >= 10 AND quantity <= 10", T),
        ("quantity > 10 OR quantity < 10", F),
        ("price > 2 AND price < 3", T),
        ("price = 25E-1", T),
        ("flag = TRUE", T),
        ("flag = false", F),
        ("flag > false", U),
        ("quantity = 'ten'", F),
        ("quantity != 'ten'", T),
        ("quantity > 'ten'", U),
        ("quantity > @limit", T),
        ("newid() = newid()", F),
    ]);
}

#[test]
fn durations_are_compared_with_each_other_alone() {
    check(&[
        ("took > @second", T),
        ("took = @second", F),
        ("took IN (@second, took)", T),
        ("took <> 20000000", T),
        ("took > 1", U),
        ("took > 'PT1S'", U),
    ]);
}

#[test]
fn what_a_message_does_not_have_is_unknown() {
    check(&[
        ("missing = 1", U),
        ("missing <> 1", U),
        ("NOT missing = 1", U),
        ("missing + 1 > 0", U),
        ("-missing > 0", U),
        ("missing LIKE '%'", U),
        ("color LIKE missing", U),
        ("color LIKE 'a' ESCAPE missing", U),
        ("missing IN (1, 2)", U),
        ("missing NOT IN (1, 2)", U),
        ("nothing = NULL", U),
        ("quantity = NULL", U),
        ("sys.To = 'x'", U),
    ]);
}

#[test]
fn three_values_are_combined_by_the_tables() {
    let values = [("1 = 1", T), ("1 = 0", F), ("missing = 1", U)];
    for (left_text, left) in values {
        for (right_text, right) in values {
            let and = match (left, right) {
                (T, T) => T,
                (F, _) | (_, F) => F,
                _ => U,
            };
            let or = match (left, right) {
                (T, _) | (_, T) => T,
                (F, F) => F,
                _ => U,
            };
            check(&[
                (&format!("{left_text} AND {right_text}"), and),
                (&format!("{left_text} OR {right_text}"), or),
            ]);
        }
        check(&[(&format!("NOT ({left_text})"), left.map(|it| !it))]);
    }
}

#[test]
fn null_and_existence() {
    check(&[
        ("missing IS NULL", T),
        ("nothing IS NULL", T),
        ("color IS NULL", F),
        ("color IS NOT NULL", T),
        ("sys.To IS NULL", T),
        ("sys.Label IS NOT NULL", T),
        ("EXISTS (color)", T),
        ("EXISTS(nothing)", T),
        ("EXISTS(missing)", F),
        ("NOT EXISTS(missing)", T),
        ("EXISTS(sys.To)", F),
        ("exists(sys.MessageId)", T),
    ]);
}

#[test]
fn patterns() {
    check(&[
        ("sys.Label LIKE 'order%'", T),
        ("sys.Label LIKE 'Order%'", F),
        ("sys.Label LIKE '%100%'", T),
        ("sys.Label LIKE 'order 100\\%' ESCAPE '\\'", T),
        ("sys.Label LIKE 'order 10\\%' ESCAPE '\\'", F),
        ("sys.Label LIKE 'order 10_!%' ESCAPE '!'", T),
        ("color LIKE 'r_d'", T),
        ("color LIKE 'r_'", F),
        ("color LIKE '%'", T),
        ("color LIKE ''", F),
        ("color LIKE '%r%e%d%'", T),
        ("color NOT LIKE 'b%'", T),
        ("color LIKE 'r' + '%'", T),
        ("quantity LIKE '1%'", U),
    ]);
    let errors = [
        ("color LIKE 1", EvaluationError::Text("a pattern")),
        ("color LIKE 'a' ESCAPE 'ab'", EvaluationError::Escape),
        ("color LIKE 'a' ESCAPE ''", EvaluationError::Escape),
        ("color LIKE 'a' ESCAPE 1", EvaluationError::Escape),
    ];
    for (text, error) in errors {
        assert_eq!(outcome(text), Err(error), "{text}");
    }
}

#[test]
fn lists() {
    check(&[
        ("color IN ('blue', 'red')", T),
        ("color IN ('blue')", F),
        ("color NOT IN ('blue')", T),
        ("quantity IN (1, 5 + 5)", T),
        ("color IN ('blue', missing)", U),
        ("color NOT IN ('blue', missing)", U),
        ("color IN ('red', missing)", T),
    ]);
}

#[test]
fn arithmetic_binds_as_usual_and_is_done_as_in_the_documented_language() {
    check(&[
        ("1 + 2 * 3 = 7", T),
        ("(1 + 2) * 3 = 9", T),
        ("10 - 2 - 3 = 5", T),
        ("7 / 2 = 3", T),
        ("7.0 / 2 = 3.5", T),
        ("-7 / 2 = -3", T),
        ("7 % 4 = 3", T),
        ("-(-quantity) = +10", T),
        ("quantity / 2 = 5", T),
        ("9223372036854775807 + 1 < 0", T),
        ("1.0 / 0 > 1000000", T),
        ("color + '-' + quantity = 'red-10'", T),
    ]);
    assert_eq!(outcome("1 / 0 = 1"), Err(EvaluationError::Division));
    assert_eq!(outcome("1 % 0 = 1"), Err(EvaluationError::Division));
    assert_eq!(
        outcome("color * 2 = 1"),
        Err(EvaluationError::Operands("*"))
    );
    assert_eq!(outcome("-color = 1"), Err(EvaluationError::Operands("-")));
    assert_eq!(outcome("flag + 1 = 1"), Err(EvaluationError::Operands("+")));
}

#[test]
fn names_are_plain_delimited_or_quoted() {
    check(&[
        ("[Property With Space] = 'yes'", T),
        ("user.[property with space] = 'yes'", T),
        ("\"Property With Space\" = 'yes'", T),
        ("USER.color = 'red' AND Sys.label LIKE 'o%'", T),
        ("property('color') = 'red'", T),
        ("p('col' + 'or') = 'red'", T),
        ("p(missing) = 'red'", U),
        ("p('missing') = 'red'", U),
        ("[and] IS NULL AND [a]]b] IS NULL AND \"a\"\"b\" IS NULL", T),
        ("p IS NULL", T),
        ("sys.ScheduledEnqueueTimeUtc IS NOT NULL", T),
    ]);
    let error = EvaluationError::SystemProperty("Nonsense".into());
    assert_eq!(outcome("sys.Nonsense = 1"), Err(error));
    assert_eq!(
        outcome("p(1) = 1"),
        Err(EvaluationError::Text("the name of a property"))
    );
    let error = EvaluationError::Parameter("@other".into());
    assert_eq!(outcome("@other = 1"), Err(error));
}

#[test]
fn texts_have_quotes_twice() {
    check(&[("'it''s' = 'it''s'", T), ("'' = ''", T), ("'a''' = 'a'", F)]);
}

#[test]
fn what_is_no_condition_is_refused_with_its_place() {
    let cases = [
        ("", 0),
        ("color", 0),
        ("color =", 7),
        ("color = 'red", 8),
        ("color == 1", 7),
        ("color = 1 AND", 13),
        ("color = 1 AND 5", 14),
        ("(color = 1", 10),
        ("color = 1)", 9),
        ("color = 1 2", 10),
        ("a.color = 1", 0),
        ("color IS 1", 9),
        ("1 IS NULL", 0),
        ("color IN ()", 10),
        ("color NOT = 1", 10),
        ("foo(1) = 1", 0),
        ("EXISTS color", 7),
        ("color = 99999999999999999999", 8),
        ("color = 1 # 2", 10),
        ("(a = 1) + 1 = 2", 0),
        ("a = (b = c)", 4),
        ("AND = 1", 0),
        ("[open = 1", 0),
        ("_a = 1", 0),
    ];
    for (text, offset) in cases {
        let error = SqlFilter::parse(text).expect_err(text);
        assert_eq!(error.offset(), offset, "{text}: {error}");
    }
}

#[test]
fn length_and_depth_have_bounds() {
    let long = format!("a = '{}'", "x".repeat(LENGTH_MAX));
    assert!(SqlFilter::parse(&long).is_err());
    let longest = format!("a = '{}'", "x".repeat(LENGTH_MAX - 6));
    assert!(SqlFilter::parse(&longest).is_ok());
    for (open, close, inner) in [("(", ")", "1=1"), ("NOT ", "", "1=1"), ("- ", "", "1 = 1")] {
        let nested = |depth: usize| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        assert!(SqlFilter::parse(&nested(DEPTH_MAX)).is_ok(), "{open}");
        assert!(SqlFilter::parse(&nested(DEPTH_MAX + 1)).is_err(), "{open}");
    }
    let chain = format!("a{} = 1", "+1".repeat(500));
    assert!(SqlFilter::parse(&chain).is_ok());
    let parameters = |count: usize| {
        let names = (0..count).map(|number| format!("@{number}").into());
        names
            .map(|name| (name, Value::Null))
            .collect::<Parameters>()
    };
    let filter = SqlFilter::parse("a = 1").unwrap();
    assert!(
        filter
            .clone()
            .with_parameters(parameters(PARAMETERS_MAX))
            .is_ok()
    );
    assert!(
        filter
            .with_parameters(parameters(PARAMETERS_MAX + 1))
            .is_err()
    );
    let many = "REMOVE a;".repeat(STATEMENTS_MAX);
    assert!(SqlAction::parse(&many).is_ok());
    assert!(SqlAction::parse(&(many + "REMOVE a")).is_err());
}

fn changed(action: &str) -> Result<Contents, EvaluationError> {
    let action = SqlAction::parse(action).unwrap_or_else(|error| panic!("{action}: {error}"));
    let mut contents = message();
    action.apply(&mut contents, &mut Random::new(1))?;
    Ok(contents)
}

#[test]
fn actions_set_and_remove() {
    let contents = changed(
        "SET quantity = quantity / 2; SET New = 'x' REMOVE COLOR, SET sys.Label = 'l'; \
         SET user.copy = New + '!'; REMOVE sys.MessageId; SET [a b] = missing;",
    )
    .unwrap();
    let of = |name: &str| contents.properties.get(name);
    assert_eq!(of("quantity"), Some(&Value::Int(5)));
    assert_eq!(of("New"), Some(&Value::from("x")));
    assert_eq!(of("copy"), Some(&Value::from("x!")));
    assert_eq!(of("color"), None);
    assert_eq!(of("a b"), Some(&Value::Null));
    assert_eq!(contents.subject.as_deref(), Some("l"));
    assert_eq!(contents.message_id, None);
}

#[test]
fn set_keeps_the_type_of_a_property_where_it_can() {
    let contents =
        changed("SET quantity = '7'; SET price = 3; SET color = 5; SET flag = 'maybe'").unwrap();
    let of = |name: &str| contents.properties[name].clone();
    assert_eq!(of("quantity"), Value::Int(7));
    assert_eq!(of("price"), Value::Double(3.0));
    assert_eq!(of("color"), Value::from("5"));
    assert_eq!(of("flag"), Value::from("maybe"));
    let contents = changed("SET quantity = 'many'; SET sys.To = 5").unwrap();
    assert_eq!(contents.properties["quantity"], Value::from("many"));
    assert_eq!(contents.to.as_deref(), Some("5"));
}

#[test]
fn actions_fail_on_what_there_is_not() {
    let error = EvaluationError::SystemProperty("Nonsense".into());
    assert_eq!(changed("SET a = sys.Nonsense").err(), Some(error));
    let error = EvaluationError::Assignment("ScheduledEnqueueTimeUtc".into());
    let failed = changed("SET sys.ScheduledEnqueueTimeUtc = 'soon'").err();
    assert_eq!(failed, Some(error));
    let cases = [
        ("", 0),
        ("SET a", 5),
        ("SET a = ", 8),
        ("DROP a", 0),
        ("SET sys.Nonsense = 1", 4),
        ("REMOVE sys.TimeToLive", 7),
        ("SET a = 1 = 2", 10),
    ];
    for (text, offset) in cases {
        let error = SqlAction::parse(text).expect_err(text);
        assert_eq!(error.offset(), offset, "{text}: {error}");
    }
}
