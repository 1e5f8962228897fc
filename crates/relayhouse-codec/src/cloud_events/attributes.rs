//! The rules that attributes keep, whichever way they travel.

use std::{borrow::Cow, collections::BTreeMap, ops::RangeInclusive};

use relayhouse_core::{Error, ErrorKind, Result, Text};

use super::event::{CloudEvent, ExtensionValue};

pub(super) const SPEC_VERSION: &str = "1.0";

/// The attribute that the content type of the data is.
pub(super) const CONTENT_TYPE: &str = "datacontenttype";

/// The longest name of an attribute that is repeated in an error.
const NAME_SHOWN_MAX: usize = 40;

/// Gathers the attributes of an event that is being read.
#[derive(Default)]
pub(super) struct Attributes(BTreeMap<String, ExtensionValue>);

impl Attributes {
    pub(super) fn set(&mut self, name: &str, value: ExtensionValue) -> Result<()> {
        check_name(name)?;
        check_value(name, &value)?;
        match self.0.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(wrong(name, "is there twice")),
        }
    }

    /// Takes an attribute that the specification says is a string.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<Text>> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(ExtensionValue::Text(text)) if !text.is_empty() => Ok(Some(text)),
            Some(ExtensionValue::Text(_)) => Err(wrong(name, "is empty")),
            Some(_) => Err(wrong(name, "is not a string")),
        }
    }

    fn required(&mut self, name: &str) -> Result<Text> {
        self.text(name)?.ok_or_else(|| wrong(name, "is missing"))
    }

    /// Makes the event, without its data. What is left are its extensions.
    pub(super) fn event<T>(mut self) -> Result<CloudEvent<T>> {
        if &*self.required("specversion")? != SPEC_VERSION {
            return Err(wrong("specversion", "is not 1.0"));
        }
        let event = CloudEvent {
            id: self.required("id")?,
            source: self.required("source")?,
            kind: self.required("type")?,
            subject: self.text("subject")?,
            time: self.text("time")?,
            data_schema: self.text("dataschema")?,
            extensions: BTreeMap::new(),
            data: None,
        };
        check_time(event.time.as_deref())?;
        self.0.keys().try_for_each(|name| check_extension(name))?;
        let extensions = self.0.into_iter();
        Ok(CloudEvent {
            extensions: extensions
                .map(|(name, value)| (name.into(), value))
                .collect(),
            ..event
        })
    }
}

/// Walks over the attributes of an event that is being written, but for the content type, and
/// checks each.
pub(super) fn for_each<'a, T>(
    event: &'a CloudEvent<T>,
    mut write: impl FnMut(&str, Cow<'a, ExtensionValue>) -> Result<()>,
) -> Result<()> {
    let CloudEvent {
        id,
        source,
        kind,
        subject,
        time,
        data_schema,
        extensions,
        data: _,
    } = event;
    let mut text = |name: &str, text: &Text| {
        if text.is_empty() {
            return Err(wrong(name, "is empty"));
        }
        let value = ExtensionValue::Text(text.clone());
        check_value(name, &value)?;
        write(name, Cow::Owned(value))
    };
    check_time(time.as_deref())?;
    text("specversion", &Text::from_static(SPEC_VERSION))?;
    text("id", id)?;
    text("source", source)?;
    text("type", kind)?;
    let optional = [
        ("subject", subject),
        ("time", time),
        ("dataschema", data_schema),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            text(name, value)?;
        }
    }
    for (name, value) in extensions {
        check_extension(name)?;
        check_value(name, value)?;
        write(name, Cow::Borrowed(value))?;
    }
    Ok(())
}

/// Refuses an extension that has the name of something else.
fn check_extension(name: &str) -> Result<()> {
    const TAKEN: [&str; 9] = [
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "dataschema",
        CONTENT_TYPE,
        "data",
    ];
    if TAKEN.contains(&name) {
        return Err(wrong(name, "is no extension"));
    }
    check_name(name)
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !name.is_empty() && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(wrong(name, "is not named in lowercase letters and digits"))
}

fn check_value(name: &str, value: &ExtensionValue) -> Result<()> {
    match value {
        ExtensionValue::Text(text) if text.chars().any(char::is_control) => {
            Err(wrong(name, "has a control character"))
        }
        ExtensionValue::Text(text) if text.chars().any(is_noncharacter) => {
            Err(wrong(name, "has a noncharacter of Unicode"))
        }
        _ => Ok(()),
    }
}

/// Returns whether Unicode keeps a code point from ever being a character: 32 in a row, and the
/// last two of each plane.
fn is_noncharacter(character: char) -> bool {
    let is_last = u32::from(character) & 0xfffe == 0xfffe;
    is_last || matches!(character, '\u{fdd0}'..='\u{fdef}')
}

/// Refuses what is no time of RFC 3339. Whether the month has such a day, nobody asks.
fn check_time(time: Option<&str>) -> Result<()> {
    match time.is_none_or(is_time) {
        true => Ok(()),
        false => Err(wrong("time", "is not RFC 3339")),
    }
}

fn is_time(time: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00";
    let Some((clock, rest)) = time.split_at_checked(FORM.len()) else {
        return false;
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let offset = match rest
        .strip_prefix('.')
        .map(|rest| rest.split_at(digits(rest)))
    {
        Some(("", _)) => return false,
        Some((_, offset)) => offset,
        None => rest,
    };
    let is_clock = has_form(clock, FORM)
        && is_within(clock, 5, 1..=12)
        && is_within(clock, 8, 1..=31)
        && is_within(clock, 11, 0..=23)
        && is_within(clock, 14, 0..=59)
        // A leap second is the 60th.
        && is_within(clock, 17, 0..=60);
    let is_offset =
        has_form(offset, "+00:00") && is_within(offset, 1, 0..=23) && is_within(offset, 4, 0..=59);
    is_clock && (is_offset || matches!(offset, "Z" | "z"))
}

/// Returns whether the number of two digits at `place` is within `range`.
fn is_within(text: &str, place: usize, range: RangeInclusive<u8>) -> bool {
    let number = text
        .get(place..place + 2)
        .and_then(|text| text.parse::<u8>().ok());
    number.is_some_and(|number| range.contains(&number))
}

/// Returns whether `text` is `form`, where `0` stands for any digit, `T` for any separator of date
/// and time, and `+` for any sign.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        b'+' => matches!(byte, b'+' | b'-'),
        _ => byte == form,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// Says which attribute is wrong, and how. Its name may come from anybody, and is cut.
pub(super) fn wrong(name: &str, how: &str) -> Error {
    let shown: String = name.chars().take(NAME_SHOWN_MAX).collect();
    let shown = shown.escape_debug();
    Error::new(
        ErrorKind::Codec,
        format!("attribute {shown} of CloudEvent {how}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_form_of_rfc_3339() {
        for time in [
            "2018-04-05T17:31:00Z",
            "2018-04-05t17:31:00.123456789z",
            "1969-07-20T22:17:40+02:00",
            "2018-04-05 17:31:00-08:00",
        ] {
            assert!(check_time(Some(time)).is_ok(), "{time}");
        }
        for time in [
            "",
            "2018-04-05",
            "2018-04-05T17:31:00",
            "2018-04-05T17:31:00+0200",
            "2018-04-05T17:31:00.Zx",
            "yesterday, at the latest",
            "äöü8-04-05T17:31:00Z",
        ] {
            assert!(check_time(Some(time)).is_err(), "{time}");
        }
    }
}
