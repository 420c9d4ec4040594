//! What is signed with now, and its renewal: one at a time, and beside the requests for as long as what
//! is held still serves.
//!
//! A renewal belongs to nobody who waits for it: it goes on when they go, since half of one must not be
//! lost. Nothing here knows how it is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::error::{ApiError, ErrorKind};
use crate::clock::Clock;

/// How long what could not be renewed, and has not ended, is used before the next try.
const RENEW_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How long requests wait for a renewal that they could do without: one that goes well may end what is
/// held, and one that hangs must hold nobody.
pub(super) const PROMPT: Duration = Duration::from_secs(2);

/// What is signed with until it ends.
pub(super) trait Lasting: Clone + Send + Sync + 'static {
    /// Whether it need not be renewed yet.
    fn is_fresh(&self, now: Timestamp) -> bool;

    /// When it ends, where that is known.
    fn ends(&self) -> Option<Timestamp>;

    /// Whether both sign alike.
    fn is(&self, other: &Self) -> bool;
}

type Renewal<T> = Shared<BoxFuture<'static, Result<T, ApiError>>>;

/// What is held, for all who sign.
#[derive(Debug)]
pub(super) struct Kept<T: Clone> {
    state: Arc<Mutex<State<T>>>,
    clock: Clock,
    /// The renewal that nobody waits for.
    beside: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct State<T: Clone> {
    held: Option<T>,
    /// What was refused while a renewal was under way, which may still bring it.
    forgotten: Option<T>,
    /// What is held could not be renewed, and serves until then.
    rest_until: Option<Timestamp>,
    /// It cannot be renewed until somebody changes something.
    is_refused: bool,
    /// Shared by all who wait, with when it began.
    under_way: Option<(Renewal<T>, Instant)>,
}

impl<T: Lasting> Kept<T> {
    /// Holds nothing yet.
    pub(super) fn new(clock: Clock) -> Self {
        let state = State {
            held: None,
            forgotten: None,
            rest_until: None,
            is_refused: false,
            under_way: None,
        };
        Self { state: Arc::new(Mutex::new(state)), clock, beside: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    /// What to sign with. `renewal` is begun where it is time and none is under way.
    pub(super) async fn get(
        &self,
        renewal: impl Fn() -> BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let found = self.renewed(&renewal).await?;
        if !self.lock().has_forgotten(&found) {
            return Ok(found);
        }
        // It was refused while we waited.
        self.renewed(&renewal).await
    }

    async fn renewed(
        &self,
        renewal: &impl Fn() -> BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let (serves, under_way, began) = {
            let mut state = self.lock();
            let now = self.clock.now();
            let rests = state.rest_until.is_some_and(|until| now < until);
            let held = state.held.clone();
            if let Some(held) = held.as_ref().filter(|held| rests || held.is_fresh(now)) {
                return Ok(held.clone());
            }
            let serves = held.filter(|held| held.ends().is_some_and(|end| now < end));
            let is_new = state.under_way.is_none();
            if is_new {
                // What this one brings is Zendesk's answer to the refusal, even if it is the same.
                state.forgotten = None;
            }
            let new = || (renewal().shared(), Instant::now());
            let (under_way, began) = state.under_way.get_or_insert_with(new).clone();
            if is_new && serves.is_some() {
                // Nobody may wait for it to its end.
                let end = Self::finish(Arc::clone(&self.state), self.clock, under_way.clone());
                let mut beside = lock(&self.beside);
                while beside.try_join_next().is_some() {}
                beside.spawn(async move { drop(end.await) });
            }
            (serves, under_way, began)
        };
        let renewed = Self::finish(Arc::clone(&self.state), self.clock, under_way);
        match serves {
            Some(held) => {
                tokio::time::timeout_at(began + PROMPT, renewed).await.unwrap_or(Ok(held))
            }
            None => renewed.await,
        }
    }

    async fn finish(
        state: Arc<Mutex<State<T>>>,
        clock: Clock,
        under_way: Renewal<T>,
    ) -> Result<T, ApiError> {
        let outcome = under_way.clone().await;
        let mut state = lock(&state);
        if state.under_way.as_ref().is_some_and(|(it, _)| it.ptr_eq(&under_way)) {
            state.under_way = None;
            if !outcome.as_ref().is_ok_and(|renewed| state.has_forgotten(renewed)) {
                state.take(&outcome, clock.now());
            }
        }
        // Whoever waited with us is told the same.
        match (outcome, &state.held) {
            (Err(_), Some(held)) if state.rest_until.is_some() => Ok(held.clone()),
            (outcome, _) => outcome,
        }
    }

    /// Does not give out again what this says of. Returns it, if it was held.
    pub(super) fn forget(&self, is_refused: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.lock();
        if !state.held.as_ref().is_some_and(is_refused) {
            return None;
        }
        state.forgotten = state.held.take();
        state.forgotten.clone()
    }

    /// Whether what is held will be renewed, as far as is known.
    pub(super) fn is_renewed(&self) -> bool {
        !self.lock().is_refused
    }

    /// Waits for the end of a renewal that is under way, if there is one.
    pub(super) async fn settle(&self) {
        let under_way = self.lock().under_way.clone();
        if let Some((under_way, _)) = under_way
            && let Err(error) = Self::finish(Arc::clone(&self.state), self.clock, under_way).await
        {
            tracing::debug!(%error, "the tokens were not renewed");
        }
    }
}

impl<T: Lasting> State<T> {
    fn has_forgotten(&self, it: &T) -> bool {
        self.forgotten.as_ref().is_some_and(|forgotten| forgotten.is(it))
    }

    /// A renewal has ended.
    fn take(&mut self, outcome: &Result<T, ApiError>, now: Timestamp) {
        let error = match outcome {
            Ok(renewed) => {
                self.is_refused = false;
                // Another process is at it: what was given out serves meanwhile.
                let rests = !renewed.is_fresh(now);
                self.rest_until = rests.then(|| renew_again(renewed.ends(), now)).flatten();
                self.held = Some(renewed.clone());
                return;
            }
            Err(error) => error,
        };
        let ends = self.held.as_ref().and_then(T::ends);
        self.rest_until = renew_again(ends, now);
        let was_refused = std::mem::replace(&mut self.is_refused, error.kind == ErrorKind::Config);
        let Some(ends) = ends.filter(|_| self.rest_until.is_some()) else { return };
        let hint = error.hint.as_deref();
        match (self.is_refused, was_refused) {
            (true, false) => tracing::error!(
                %error, hint, %ends,
                "the token cannot be renewed: nothing is read once it ends"
            ),
            (false, _) => {
                tracing::warn!(%error, %ends, "the token is not renewed yet, and used until it ends");
            }
            (true, true) => tracing::debug!(%error, "the token still cannot be renewed"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When to try again to renew what ends at `expires_at`; none: it has ended, or nearly.
fn renew_again(expires_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let again = now.checked_add(RENEW_AGAIN).ok()?;
    expires_at.filter(|end| *end > now).map(|end| end.min(again))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug, Clone)]
    struct Same;

    impl Lasting for Same {
        fn is_fresh(&self, _: Timestamp) -> bool {
            true
        }

        fn ends(&self) -> Option<Timestamp> {
            None
        }

        fn is(&self, _: &Self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_given_out_once_more_after_its_refusal_is_held_like_any_other() {
        let renewals = Arc::new(AtomicUsize::new(0));
        let kept = Kept::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        let renewal = || {
            renewals.fetch_add(1, Ordering::Relaxed);
            async { Ok(Same) }.boxed()
        };
        kept.get(renewal).await.unwrap();
        assert!(kept.forget(|_| true).is_some());
        for _ in 0..5 {
            kept.get(renewal).await.unwrap();
        }
        assert_eq!(renewals.load(Ordering::Relaxed), 2, "one for each time that it was needed");
    }
}
