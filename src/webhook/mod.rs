//! What Zendesk sends by itself: the receiver of its webhooks.
//!
//! A request is checked (`signature`), taken apart (`payload`) and handed over as a page; it is answered with 200
//! once everything of it is durable, and with 503 if that takes too long, so that Zendesk sends it again. What was
//! there before is told by id (`recent`). Nothing here knows where events go. TLS is the matter of a proxy in front.
//!
//! Facts: <https://developer.zendesk.com/documentation/webhooks/> and
//! <https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/>.

mod payload;
mod receive;
mod recent;
mod signature;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures::Stream;
use secrecy::SecretString;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::normalize::Event;
use crate::streams::{Page, Position, PositionError};

pub use receive::Receiver;

use recent::Recent;

/// How many requests may wait for their events to become durable. With the longest body that is all the memory they take.
pub const PENDING_MAX: usize = 64;

/// How webhooks are received.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The source's name, for the events' origin.
    pub source: String,
    /// The account's name, for the events' origin.
    pub subdomain: String,
    /// Where to listen.
    pub address: SocketAddr,
    /// The path that webhooks are sent to, `/zendesk`.
    pub path: String,
    /// What requests are signed with, as Zendesk shows it.
    pub signing_secret: SecretString,
    /// A request that was signed longer ago, or this far in the future, is refused.
    pub max_age: Duration,
    /// A longer body is refused, in bytes.
    pub max_body_bytes: usize,
    /// How long a request may wait for its events to become durable.
    pub acknowledge_timeout: Duration,
    /// After how long without an event an alert is raised, by output.
    pub silence_alerts: Vec<(Kind, Duration)>,
}

/// The outputs of a webhook source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One event for each of the access logs that a request brings.
    AccessLogs,
    /// Any other request as a whole.
    Events,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AccessLogs, Self::Events];

    /// The output's name after that of the source.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessLogs => "access_logs",
            Self::Events => "events",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A page, and who is to know when everything of it is durable and saved.
#[derive(Debug)]
pub struct Handed {
    /// The events of one request.
    pub page: Page,
    /// Given when they are durable. Dropped, it tells that they are not.
    pub receipt: Receipt,
}

/// Lets a request be answered.
#[derive(Debug)]
pub struct Receipt {
    told: oneshot::Sender<()>,
    /// Its place among those that may wait; kept for as long as its events do, whether or not somebody still listens.
    _place: OwnedSemaphorePermit,
}

impl Receipt {
    /// Everything is durable.
    pub fn give(self) {
        // Who asked may have been told to come again.
        let _gone = self.told.send(());
    }
}

/// What a request brought to one output.
#[derive(Debug)]
struct Arrived {
    events: Vec<Event>,
    rejected: Vec<Event>,
    receipt: Receipt,
}

/// The way into one output. Whoever sends has one of [`PENDING_MAX`] places, so it never waits.
#[derive(Debug, Clone)]
pub struct Inlet(mpsc::Sender<Arrived>);

/// Opens an output at `position`. Returns the way in, the position it starts at, and its pages: those events that are not
/// known from before.
pub fn open(
    position: Option<&Position>,
) -> Result<(Inlet, Position, impl Stream<Item = Handed> + Send + use<>), PositionError> {
    let mut recent = Recent::new(position)?;
    let start = recent.position();
    let (inlet, mut arrivals) = mpsc::channel(PENDING_MAX);
    let pages = async_stream::stream! {
        while let Some(Arrived { mut events, mut rejected, receipt }) = arrivals.recv().await {
            let deduplicated = recent.leave_out_known(&mut events, &mut rejected);
            let resume = recent.position().into();
            // What a former run's sinks held may still be sent again, however quiet it is now.
            let (left, left_out, frame, caught_up) = (None, Vec::new(), None, false);
            let page = Page {
                events,
                rejected,
                deduplicated,
                resume,
                caught_up,
                left,
                frame,
                left_out,
            };
            yield Handed { page, receipt };
        }
    };
    Ok((Inlet(inlet), start, pages))
}
