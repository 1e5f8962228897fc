//! How far a connection is.

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The first protocol header.
    Header,
    /// Who the client says it is.
    SaslInit,
    /// The owner, who knows whether that is so.
    Deciding,
    /// The protocol header after that.
    SecondHeader,
    /// The client's `open`.
    Open,
    /// Anything.
    Running,
    /// The client's `close`, after ours: nothing else is looked at.
    Closing,
    /// Nothing.
    Over,
}
