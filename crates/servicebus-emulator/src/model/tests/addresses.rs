//! Addresses.

use super::*;

#[test]
fn address_is_read_with_and_without_host_in_any_case() {
    for text in [
        "orders",
        "/Orders/",
        "amqps://localhost:5671/ORDERS",
        "amqp://ns.servicebus.windows.net/orders",
    ] {
        assert_eq!(address(text), Path::new("orders").into(), "{text}");
    }
    assert_eq!(address("a/b/c").path.as_str(), "a/b/c");
}

#[test]
fn subqueues_are_read_in_any_case() {
    let cases = [
        ("q/$DeadLetterQueue", Subqueue::DeadLetter),
        ("q/$deadletterqueue", Subqueue::DeadLetter),
        ("q/$Transfer/$DeadLetterQueue", Subqueue::TransferDeadLetter),
        ("q", Subqueue::Main),
    ];
    for (text, subqueue) in cases {
        let read = address(text);
        assert_eq!(
            (read.path.as_str(), read.subqueue),
            ("q", subqueue),
            "{text}"
        );
        assert_eq!(address(&read.to_string()), read);
    }
    let read = address("amqps://h/t/Subscriptions/s/$deadletterqueue");
    assert_eq!(read.path, Path::of_subscription("T", "S"));
    assert_eq!(read.path.as_subscription(), Some(("t", "s")));
}

#[test]
fn address_without_an_entity_is_refused() {
    let long = "x".repeat(ADDRESS_BYTES_MAX + 1);
    for text in ["", "/", "amqps://localhost", "amqps://localhost/", &long] {
        let refused = kind(Address::parse(text));
        assert_eq!(refused, Some(ErrorKind::Argument), "{text}");
    }
}

#[test]
fn path_whose_letters_change_their_length_with_their_case_is_taken_apart() {
    let path = Path::of_subscription("İİİ", "s");
    assert_eq!(path.as_subscription(), Some(("İİİ", "s")));
}
