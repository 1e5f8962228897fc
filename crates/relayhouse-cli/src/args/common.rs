//! What commands have in common, to be completed by what is set elsewhere.

use super::{Audited, Command, DlqAction, Service};

impl Command {
    /// Returns true if settings of the environment and the configuration file are of use.
    pub(crate) const fn is_set_up(&self) -> bool {
        !matches!(
            self,
            Self::Completions(_) | Self::Man(_) | Self::DemoConsumer
        )
    }

    /// Returns true if `--config` is a file of the command's own, and not that of settings.
    pub(crate) fn has_own_config(&self) -> bool {
        match self {
            Self::Emulator(args) => matches!(args.service, Service::ServiceBus(_)),
            _ => false,
        }
    }

    /// Returns the URLs of queues.
    pub(crate) fn urls(&mut self) -> Vec<&mut String> {
        match self {
            Self::Send(args) => vec![&mut args.url],
            Self::Schedule(args) => vec![&mut args.url],
            Self::Receive(args) => vec![&mut args.url],
            Self::Peek(args) => vec![&mut args.url],
            Self::Tail(args) => vec![&mut args.url],
            Self::Work(args) => vec![&mut args.url],
            Self::Create(args) => vec![&mut args.url],
            Self::List(args) => vec![&mut args.url],
            Self::Stats(args) => vec![&mut args.url],
            Self::Bench(args) => vec![&mut args.url],
            Self::Doctor(args) => vec![&mut args.url],
            Self::Capabilities(args) => args.url.iter_mut().collect(),
            Self::Purge(args) => vec![&mut args.url],
            Self::Delete(args) => vec![&mut args.url],
            Self::Cancel(args) => vec![&mut args.url],
            Self::Move(args) => vec![&mut args.from, &mut args.to],
            Self::Pipe(args) => vec![&mut args.url],
            Self::Demo(args) => args.url.iter_mut().collect(),
            Self::Dlq(args) => args.action.urls(),
            Self::Schema(_)
            | Self::Config(_)
            | Self::Emulator(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::DemoConsumer => Vec::new(),
        }
    }

    /// Returns what says where changes are written down, of commands that change something.
    pub(crate) fn audited(&mut self) -> Option<&mut Audited> {
        match self {
            Self::Purge(args) => Some(&mut args.audited),
            Self::Delete(args) => Some(&mut args.audited),
            Self::Cancel(args) => Some(&mut args.audited),
            Self::Move(args) => Some(&mut args.audited),
            Self::Dlq(args) => args.action.audited(),
            _ => None,
        }
    }
}

impl DlqAction {
    fn urls(&mut self) -> Vec<&mut String> {
        match self {
            Self::List(args) => vec![&mut args.url],
            Self::Show(args) => vec![&mut args.url],
            Self::Grep(args) => vec![&mut args.url],
            Self::Export(args) => vec![&mut args.url],
            Self::Import(args) => vec![&mut args.url],
            Self::Purge(args) => vec![&mut args.url],
            Self::Redrive(args) => [&mut args.url].into_iter().chain(&mut args.to).collect(),
            Self::Edit(args) => [&mut args.url].into_iter().chain(&mut args.to).collect(),
        }
    }

    const fn audited(&mut self) -> Option<&mut Audited> {
        match self {
            Self::Redrive(args) => Some(&mut args.audited),
            Self::Edit(args) => Some(&mut args.audited),
            Self::Import(args) => Some(&mut args.audited),
            Self::Purge(args) => Some(&mut args.audited),
            Self::List(_) | Self::Show(_) | Self::Grep(_) | Self::Export(_) => None,
        }
    }
}
