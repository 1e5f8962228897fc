//! Counts the requests that were not answered in full.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use super::clock::Waiting;

/// How often in a row, a millisecond apart, everything must seem quiet after a call was dropped.
const LOOKS: u32 = 50;

/// Counts the requests that were not answered in full.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    in_flight: Arc<AtomicU64>,
    waiting: Arc<Waiting>,
    /// How many looks are left until the wait of a call that was dropped cannot be there any more.
    looks_left: Arc<AtomicU32>,
}

impl Traffic {
    pub(super) fn new(waiting: Arc<Waiting>) -> Self {
        Self {
            in_flight: Arc::default(),
            waiting,
            looks_left: Arc::default(),
        }
    }

    pub(super) const fn waiting(&self) -> &Arc<Waiting> {
        &self.waiting
    }

    /// Returns true if all requests that were not answered wait at the emulator.
    ///
    /// A call that was dropped on its way begins to wait there later, and counts as another's wait
    /// until the emulator sees that its caller went: after one, quiet is what lasts.
    pub(super) fn is_quiet(&self) -> bool {
        let is_quiet = self.in_flight.load(Ordering::SeqCst) == self.waiting.count();
        let looks_left = self.looks_left.load(Ordering::SeqCst);
        if looks_left == 0 {
            return is_quiet;
        }
        let looks_left = if is_quiet { looks_left - 1 } else { LOOKS };
        self.looks_left.store(looks_left, Ordering::SeqCst);
        false
    }

    pub(super) fn watch(&self, inner: SharedHttpClient) -> Watched {
        Watched {
            inner,
            traffic: self.clone(),
        }
    }

    fn enter(&self) -> Request {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Request {
            traffic: self.clone(),
            is_answered: false,
        }
    }
}

/// Is one request, until it is dropped.
#[derive(Debug)]
struct Request {
    traffic: Traffic,
    is_answered: bool,
}

impl Request {
    fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let before = self.traffic.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.is_answered {
            self.traffic.waiting.at_most(before - 1);
            self.traffic.looks_left.store(LOOKS, Ordering::SeqCst);
        }
    }
}

/// Counts the requests of another client.
#[derive(Debug)]
pub(super) struct Watched {
    inner: SharedHttpClient,
    traffic: Traffic,
}

impl HttpClient for Watched {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(WatchedConnector {
            inner: self.inner.http_connector(settings, components),
            traffic: self.traffic.clone(),
        })
    }
}

#[derive(Debug)]
struct WatchedConnector {
    inner: SharedHttpConnector,
    traffic: Traffic,
}

impl HttpConnector for WatchedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let counted = self.traffic.enter();
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            // Until its body is here, the answer is on its way.
            let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
            let body = ByteStream::new(body).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            *answer.body_mut() = SdkBody::from(body.into_bytes());
            counted.answered();
            Ok(answer)
        })
    }
}
