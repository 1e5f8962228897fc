//! An operations endpoint for relayhouse: health, metrics, live figures, pause and resume, and how
//! many consumers a queue needs, over HTTP.
//!
//! It is no page for a browser and no server for the world: it is what probes, scrapers, scalers
//! and scripts ask. Start from [`Console::builder`]; [`Console::serve`] is a server of its own,
//! [`Console::router`] the routes for one that a program has.
//!
//! # Routes
//!
//! | route | what it does |
//! | --- | --- |
//! | `GET /healthz` | 200 while no consumer has stopped by itself |
//! | `GET /readyz` | 200 while the provider answers, all consumers receive, and every breaker is closed |
//! | `GET /metrics` | metrics, as Prometheus reads them |
//! | `GET /stats` | JSON: counts, depth of the queue and advice of each consumer; breakers that are not closed |
//! | `GET /scale` | JSON: how many programs like this one are needed |
//! | `GET /events` | the same as `/stats` whenever it changes, as server-sent events |
//! | `POST /pause`, `POST /resume` | stops and starts receiving |
//! | `GET /openapi.json` | the description of all this |
//!
//! # Who may ask
//!
//! With a [token](ConsoleBuilder::token), whoever has it: `Authorization: Bearer TOKEN`. Without,
//! [`Console::serve`] serves loopback addresses alone, and refuses what a page in a browser sends.
//! The two probes are open to everybody and name nothing. Each change, and each that was refused,
//! is a `tracing` event with the target `relayhouse::audit`: who, what, when, with what outcome.
//!
//! # Scaling
//!
//! [`scale`] says how the advice is made. The scaler `metrics-api` of KEDA reads it:
//!
//! ```yaml
//! triggers:
//!   - type: metrics-api
//!     metadata:
//!       url: "http://orders.example:9090/scale"
//!       valueLocation: "consumers"
//!       targetValue: "1"
//!       authMode: "bearer"
//! ```
//!
//! A provider is asked when the console is, at most every five seconds: an advice is as fresh as
//! the questions are frequent.

mod access;
mod audit;
mod console;
mod identify;
mod limits;
mod routes;
pub mod scale;
mod serve;
mod watch;
mod watched;

pub use self::{
    access::{Principal, Token},
    console::{Console, ConsoleBuilder},
    limits::Limits,
    scale::ScaleConfig,
    watch::Watch,
    watched::Watched,
};
