//! Rotating tokens in a real bucket: of several processes that begin at once, one exchanges.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use url::Url;

use zenstream::buckets::Bucket;
use zenstream::clock::Clock;
use zenstream::random::Random;
use zenstream::simulator::transport::SimulatedTransport;
use zenstream::simulator::{Settings, Simulator};
use zenstream::tokens::BucketTokens;
use zenstream::zendesk::{
    Client, ClientSettings, Credentials, OauthClient, PageRequest, RotatingCredentials, TokenSave,
    TokenStore,
};

/// How many begin at once.
const PROCESSES: usize = 6;

fn client(simulator: &Arc<Mutex<Simulator>>, store: Arc<dyn TokenStore>) -> Client {
    let clock = Clock::system();
    let transport = SimulatedTransport::new(Arc::clone(simulator), clock);
    let credentials = Credentials::RefreshToken(RotatingCredentials {
        client: OauthClient {
            client_id: "zenstream".to_owned(),
            client_secret: None,
            scope: "read".to_owned(),
        },
        seed: Some("a-seed".into()),
        store,
    });
    let settings = ClientSettings {
        endpoint: Url::parse("https://acme.zendesk.com").unwrap(),
        timeout: Duration::from_secs(60),
        retry_attempts: 5,
        share: 1.0,
        max_body_bytes: 1 << 20,
    };
    Client::new(settings, credentials, Arc::new(transport), clock, Arc::new(Random::from_system()))
}

pub(crate) async fn are_renewed_by_one(bucket: Arc<dyn Bucket>) {
    let store = || -> Arc<dyn TokenStore> {
        Arc::new(BucketTokens::new(Arc::clone(&bucket), "state/tokens/acme.json".to_owned()))
    };
    let settings = Settings { rate_limit: 0, audit_logs: 3, tickets: 0, ..Settings::default() };
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    let processes: Vec<Client> = (0..PROCESSES).map(|_| client(&simulator, store())).collect();
    let page = PageRequest::new("/api/v2/audit_logs").with("page[size]", "1");
    let reads = processes.iter().map(|client| client.get(&page, |_| Ok(())));
    for read in join_all(reads).await {
        read.expect("one exchanges, the others read what it got");
    }
    assert_eq!(simulator.lock().unwrap().stats().answers(400), 0, "two exchanged one token");
    let (version, mut record) = store().load().await.unwrap().expect("tokens");
    assert!(record.pair.is_some() && record.claimed_by.is_none());
    record.claimed_by = Some("somebody".to_owned());
    assert_eq!(store().save(None, &record).await.unwrap(), TokenSave::Refused);
    let saved = store().save(Some(&version), &record).await.unwrap();
    assert!(matches!(saved, TokenSave::Done(_)));
    assert_eq!(store().save(Some(&version), &record).await.unwrap(), TokenSave::Refused);
    assert_eq!(store().load().await.unwrap().expect("tokens").1, record);
}
