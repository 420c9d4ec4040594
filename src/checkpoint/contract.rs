//! What every checkpoint store has to keep, as tests that any can be put through.
//!
//! A store joins with one line, `store_contract!(name, home, documents)`, and a
//! [`Home`]. Tests of one store's own ways do not belong here.

use async_trait::async_trait;
use serde_json::json;

use super::{Checkpoint, CheckpointStore, StoreError, StoreErrorKind, StreamState};
use crate::streams::Position;

/// A place that outlives the stores that are opened over it.
#[async_trait]
pub(crate) trait Home: Sync {
    /// A store over it, knowing nothing of former ones: as after a start.
    async fn open(&self) -> Result<Box<dyn CheckpointStore>, StoreError>;

    /// Puts these bytes where the document is, as an accident would.
    async fn put(&self, document: &[u8]);
}

/// Makes a module of tests for one kind of home. The last word is `any`, or `documents` for a
/// store that keeps bytes which could be damaged.
macro_rules! store_contract {
    ($name:ident, $home:expr, any) => {
        $crate::checkpoint::contract::store_contract!(@tests $name, $home,
            nothing_there_is_none,
            what_was_saved_is_loaded,
            a_save_with_an_old_revision_conflicts,
            a_first_save_over_something_conflicts,
            a_save_over_nothing_that_expects_something_conflicts,
            a_save_survives_the_store,
            of_two_holders_only_one_saves,
        );
    };
    ($name:ident, $home:expr, documents) => {
        $crate::checkpoint::contract::store_contract!(@tests $name, $home,
            nothing_there_is_none,
            what_was_saved_is_loaded,
            a_save_with_an_old_revision_conflicts,
            a_first_save_over_something_conflicts,
            a_save_over_nothing_that_expects_something_conflicts,
            a_save_survives_the_store,
            of_two_holders_only_one_saves,
            what_cannot_be_read_is_refused_and_left_alone,
        );
    };
    (@tests $name:ident, $home:expr, $($test:ident,)+) => {
        mod $name {
            #[allow(unused_imports, reason = "some homes need names of the test module")]
            use super::*;
            $(
                #[tokio::test]
                async fn $test() {
                    let home = $home;
                    $crate::checkpoint::contract::$test(&home).await;
                }
            )+
        }
    };
}
pub(crate) use store_contract;

/// One that differs from that of every other number.
pub(crate) fn checkpoint_at(number: u64) -> Checkpoint {
    let stream = StreamState {
        endpoint: "https://acme.zendesk.com".into(),
        position: Position(json!({ "cursor": format!("é\"{number}") })),
        ahead: [("archive".to_owned(), vec![number, u64::MAX])].into(),
        quiet: None,
        last_event: None,
    };
    Checkpoint {
        streams: [("acme.tickets".to_owned(), stream)].into(),
        sinks: [("archive".to_owned(), json!({ "files": { "/a": number } }))].into(),
    }
}

async fn open(home: &dyn Home) -> Box<dyn CheckpointStore> {
    home.open().await.unwrap()
}

pub(crate) async fn nothing_there_is_none(home: &dyn Home) {
    assert_eq!(open(home).await.load().await.unwrap(), None);
    assert_eq!(open(home).await.load().await.unwrap(), None, "opening it made something");
}

pub(crate) async fn what_was_saved_is_loaded(home: &dyn Home) {
    let store = open(home).await;
    store.load().await.unwrap();
    let mut revision = None;
    for number in 0..3 {
        let next = checkpoint_at(number);
        revision = Some(store.save(revision, &next).await.unwrap());
        assert_eq!(store.load().await.unwrap(), revision.map(|revision| (revision, next)));
    }
    assert_eq!(revision, Some(3));
}

pub(crate) async fn a_save_with_an_old_revision_conflicts(home: &dyn Home) {
    let store = open(home).await;
    let first = store.save(None, &checkpoint_at(1)).await.unwrap();
    let second = store.save(Some(first), &checkpoint_at(2)).await.unwrap();
    let error = store.save(Some(first), &checkpoint_at(3)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(store.load().await.unwrap(), Some((second, checkpoint_at(2))));
}

pub(crate) async fn a_first_save_over_something_conflicts(home: &dyn Home) {
    let first = open(home).await.save(None, &checkpoint_at(1)).await.unwrap();
    let store = open(home).await;
    let error = store.save(None, &checkpoint_at(2)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(store.load().await.unwrap(), Some((first, checkpoint_at(1))));
}

pub(crate) async fn a_save_over_nothing_that_expects_something_conflicts(home: &dyn Home) {
    let store = open(home).await;
    let error = store.save(Some(4), &checkpoint_at(1)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Conflict);
    assert_eq!(store.load().await.unwrap(), None);
}

pub(crate) async fn a_save_survives_the_store(home: &dyn Home) {
    let store = open(home).await;
    let first = store.save(None, &checkpoint_at(1)).await.unwrap();
    drop(store);
    let store = open(home).await;
    assert_eq!(store.load().await.unwrap(), Some((first, checkpoint_at(1))));
    let second = store.save(Some(first), &checkpoint_at(2)).await.unwrap();
    drop(store);
    assert_eq!(open(home).await.load().await.unwrap(), Some((second, checkpoint_at(2))));
}

/// The second may be turned away when it opens the store, or when it saves.
pub(crate) async fn of_two_holders_only_one_saves(home: &dyn Home) {
    let first = open(home).await;
    let revision = first.save(None, &checkpoint_at(1)).await.unwrap();
    let late = match home.open().await {
        Err(error) => error,
        Ok(second) => {
            assert_eq!(second.load().await.unwrap(), Some((revision, checkpoint_at(1))));
            first.save(Some(revision), &checkpoint_at(2)).await.unwrap();
            second.save(Some(revision), &checkpoint_at(3)).await.unwrap_err()
        }
    };
    assert_eq!(late.kind, StoreErrorKind::Conflict);
}

pub(crate) async fn what_cannot_be_read_is_refused_and_left_alone(home: &dyn Home) {
    let whole = super::document::encode(1, &checkpoint_at(1)).unwrap();
    let half = &whole[..whole.len() / 2];
    for garbage in [b"".as_slice(), b"\n", b"{}", b"null", b"\xff", half] {
        home.put(garbage).await;
        let store = open(home).await;
        let error = store.load().await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Refused);
        assert!(error.message.contains(&store.location()), "{error}");
        assert!(error.hint.is_some());
        let error = store.save(None, &checkpoint_at(2)).await.unwrap_err();
        assert_ne!(error.kind, StoreErrorKind::Retry);
    }
    home.put(&whole).await;
    assert_eq!(open(home).await.load().await.unwrap(), Some((1, checkpoint_at(1))));
}
