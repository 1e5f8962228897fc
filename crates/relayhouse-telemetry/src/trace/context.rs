//! Which trace a message belongs to: the header of W3C, and those of providers.

use std::fmt::{self, Display};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use relayhouse_core::{HeaderValue, Headers, Message, Text};

/// The header of W3C that names trace and span.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The header of W3C in which systems keep what is theirs.
pub(crate) const TRACESTATE: &str = "tracestate";

/// The header of W3C that carries what the program wants to have along.
pub(crate) const BAGGAGE: &str = "baggage";

/// The header under which the trace of Amazon X-Ray comes.
const AMAZON: &str = "X-Amzn-Trace-Id";

/// The header in which clients of Azure keep a `traceparent`.
const AZURE: &str = "Diagnostic-Id";

/// The length of a `traceparent` of the first version.
const LENGTH: usize = 55;

/// The flag of a trace that is sampled.
const SAMPLED: u8 = 1;

/// Names a span of a trace, and says whether the trace is sampled.
///
/// ```
/// use relayhouse_telemetry::TraceContext;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let context = TraceContext::parse(header).unwrap();
/// assert!(context.is_sampled);
/// assert_eq!(context.to_string(), header);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace; not 0.
    pub trace_id: u128,
    /// The span; not 0.
    pub span_id: u64,
    /// Whether spans of the trace are recorded.
    pub is_sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent` of W3C, of this version or a later one; `None` if it breaks the rules.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (version, is_longer) = (bytes.get(..2)?, LENGTH < bytes.len());
        let is_whole = match version {
            b"00" => bytes.len() == LENGTH,
            b"ff" => false,
            _ => !is_longer || bytes.get(LENGTH) == Some(&b'-'),
        };
        let has_dashes = [2, 35, 52].iter().all(|&at| bytes.get(at) == Some(&b'-'));
        if !is_whole || !has_dashes {
            return None;
        }
        hexadecimal(version)?;
        let trace_id = hexadecimal(bytes.get(3..35)?)?;
        let span_id = u64::try_from(hexadecimal(bytes.get(36..52)?)?).ok()?;
        let flags = u8::try_from(hexadecimal(bytes.get(53..55)?)?).ok()?;
        Self::new(trace_id, span_id, flags & SAMPLED == SAMPLED)
    }

    /// Reads the trace of X-Ray; whether it is sampled may be left open.
    fn parse_amazon(text: &str) -> Option<(u128, u64, Option<bool>)> {
        let field = |name: &str| {
            let mut fields = text.split(';').filter_map(|it| it.trim().split_once('='));
            fields.find_map(|(key, value)| (key == name).then_some(value))
        };
        let root = field("Root")?.strip_prefix("1-")?;
        let (time, unique) = root.split_once('-').filter(|(time, unique)| {
            let lengths = (time.len(), unique.len());
            lengths == (8, 24)
        })?;
        let time = hexadecimal(time.as_bytes())?;
        let trace_id = time << 96 | hexadecimal(unique.as_bytes())?;
        let parent = field("Parent").filter(|parent| parent.len() == 16)?;
        let span_id = u64::try_from(hexadecimal(parent.as_bytes())?).ok()?;
        let is_sampled = match field("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Some((trace_id, span_id, is_sampled))
    }

    pub(crate) fn new(trace_id: u128, span_id: u64, is_sampled: bool) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            is_sampled,
        })
    }

    /// Begins a trace that is not recorded: names for it, made of one random number, since nobody
    /// looks for it.
    pub(crate) fn unrecorded(number: u64) -> Option<Self> {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let span_id = (number ^ (number >> 29)).wrapping_mul(MIX);
        let trace_id = u128::from(span_id.rotate_left(31)) << 64 | u128::from(number);
        Self::new(trace_id, span_id, false)
    }

    pub(crate) fn of_span(span: &SpanContext) -> Option<Self> {
        let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        Self::new(trace_id, span_id, span.is_sampled())
    }

    /// Returns it as OpenTelemetry has it, as that of another process.
    pub(crate) fn to_span(self, tracestate: Option<&str>) -> SpanContext {
        let state: Option<TraceState> = tracestate.and_then(|text| text.parse().ok());
        SpanContext::new(
            TraceId::from(self.trace_id),
            SpanId::from(self.span_id),
            TraceFlags::default().with_sampled(self.is_sampled),
            true,
            state.unwrap_or_default(),
        )
    }
}

impl Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(
            f,
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace_id, self.span_id
        )
    }
}

/// Reads digits as W3C has them: lower case alone, at most 32.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    let mut number = 0;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(value);
    }
    Some(number)
}

/// What travels with a message: its trace, and what others have put beside it.
#[derive(Clone, Debug)]
pub(crate) struct Travelling {
    pub(crate) context: TraceContext,
    pub(crate) tracestate: Option<Text>,
    pub(crate) baggage: Option<Text>,
}

impl Travelling {
    pub(crate) const fn new(context: TraceContext) -> Self {
        Self {
            context,
            tracestate: None,
            baggage: None,
        }
    }

    /// Writes the headers, unless the message has some of its own.
    pub(crate) fn inject(&self, message: &mut Message) {
        let headers = &mut message.details_mut().headers;
        headers.set(TRACEPARENT, self.context.to_string());
        let rest = [(TRACESTATE, &self.tracestate), (BAGGAGE, &self.baggage)];
        for (key, value) in rest {
            if let Some(value) = value
                && headers.get(key).is_none()
            {
                headers.set(key, value.clone());
            }
        }
    }
}

/// Returns the trace context that a message came with: that of W3C, else what its provider keeps.
/// Where the provider leaves open whether the trace is sampled, `decide` says.
pub(crate) fn of_headers(headers: &Headers, decide: impl FnOnce() -> bool) -> Option<TraceContext> {
    if headers.is_empty() {
        return None;
    }
    let parsed = |key| headers.text(key).and_then(TraceContext::parse);
    if let Some(context) = parsed(TRACEPARENT).or_else(|| parsed(AZURE)) {
        return Some(context);
    }
    let (trace_id, span_id, is_sampled) = TraceContext::parse_amazon(headers.text(AMAZON)?)?;
    TraceContext::new(trace_id, span_id, is_sampled.unwrap_or_else(decide))
}

/// Returns the text of a header, shared.
pub(crate) fn text(headers: &Headers, key: &str) -> Option<Text> {
    match headers.get(key)? {
        HeaderValue::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn rules_of_traceparent_are_kept() {
        let context = TraceContext::parse(HEADER).expect("it is right");
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.span_id, 0x00f0_67aa_0ba9_02b7);
        assert!(
            !TraceContext::parse(&HEADER.replace("-01", "-00"))
                .expect("right")
                .is_sampled
        );
        let later = format!("cc{}-what-comes-later", &HEADER[2..]);
        assert_eq!(TraceContext::parse(&later), Some(context));
        for wrong in [
            "",
            "00",
            &HEADER[..54],
            &format!("{HEADER}-more"),
            &HEADER.replace("00-", "ff-"),
            &HEADER.to_uppercase(),
            &HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &HEADER.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &HEADER.replace('-', "_"),
            &HEADER.replace("4bf9", "4bg9"),
            &format!("cc{}more", &HEADER[2..]),
        ] {
            assert_eq!(TraceContext::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn headers_of_providers_are_understood() {
        let of = |key: &'static str, value: &str| {
            let message = Message::new("x").header(key, value.to_owned());
            of_headers(message.headers(), || true)
        };
        assert_eq!(of("Diagnostic-Id", HEADER), TraceContext::parse(HEADER));
        let ray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let context = of("X-Amzn-Trace-Id", ray).expect("it is right");
        assert_eq!(context.trace_id, 0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793);
        assert_eq!(context.span_id, 0x5399_5c3f_42cd_8ad8);
        assert!(context.is_sampled);
        let is_sampled = |text: &str| of("X-Amzn-Trace-Id", text).map(|it| it.is_sampled);
        assert_eq!(
            is_sampled(&ray.replace("Sampled=1", "Sampled=0")),
            Some(false)
        );
        assert_eq!(
            is_sampled(&ray.replace("Sampled=1", "Sampled=?")),
            Some(true),
            "left open"
        );
        assert_eq!(
            is_sampled("Root=1-5759e988-bd862e3fe1be46a994272793"),
            None,
            "no span"
        );
        assert_eq!(of("Diagnostic-Id", "|a.b.c."), None, "the old form");
        assert_eq!(of("other", HEADER), None);
    }

    #[test]
    fn header_of_w3c_goes_before_those_of_providers() {
        let other = HEADER.replace("4bf9", "aaaa");
        let message = Message::new("x").header("Diagnostic-Id", other);
        let message = message.header("traceparent", HEADER);
        assert_eq!(
            of_headers(message.headers(), || false),
            TraceContext::parse(HEADER)
        );
    }

    #[test]
    fn what_a_message_has_already_stays() {
        let context = TraceContext::parse(HEADER).expect("it is right");
        let travelling = Travelling {
            context,
            tracestate: Some(Text::from("vendor=1")),
            baggage: Some(Text::from("tenant=acme")),
        };
        let mut message = Message::new("x").header("baggage", "tenant=other");
        travelling.inject(&mut message);
        let text = |key| message.headers().text(key);
        assert_eq!(text("traceparent"), Some(HEADER));
        assert_eq!(text("tracestate"), Some("vendor=1"));
        assert_eq!(text("baggage"), Some("tenant=other"));
    }
}
