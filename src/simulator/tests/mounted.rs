//! The two ways to reach a simulator: in-process and by a port.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;

use super::super::server;
use super::super::transport::SimulatedTransport;
use super::*;
use crate::clock::Clock;
use crate::zendesk::transport::{Transport as _, TransportError};

const AUDIT: &str = "https://acme.zendesk.com/api/v2/audit_logs?page[size]=100";

fn request(uri: &str) -> http::Request<Bytes> {
    http::Request::get(uri).header("authorization", "Bearer good").body(Bytes::new()).unwrap()
}

fn transport(settings: Settings) -> SimulatedTransport {
    let clock = Clock::simulated(settings.now + SignedDuration::from_hours(1));
    SimulatedTransport::new(Arc::new(Mutex::new(Simulator::new(settings))), clock)
}

fn faulty(faults: &str) -> Settings {
    Settings { faults: faults.parse().unwrap(), ..free() }
}

async fn whole(transport: &SimulatedTransport, uri: &str) -> Result<Vec<u8>, TransportError> {
    let mut body = transport.send(request(uri)).await?.body;
    let mut whole = Vec::new();
    while let Some(piece) = body.next().await {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole)
}

#[tokio::test(start_paused = true)]
async fn in_process_bodies_arrive_whole_or_cut() {
    let page = whole(&transport(free()), AUDIT).await.unwrap();
    assert!(serde_json::from_slice::<Value>(&page).unwrap()["audit_logs"][99]["id"].is_u64());
    let slow = whole(&transport(faulty("slow:1")), AUDIT).await.unwrap();
    assert_eq!(slow, page);
    let cut = whole(&transport(faulty("cut:1")), AUDIT).await;
    assert!(matches!(cut, Err(TransportError::Cut(_))));
    let truncated = whole(&transport(faulty("truncated:1")), AUDIT).await.unwrap();
    assert_eq!(truncated, page[..page.len() / 2]);
}

#[tokio::test(start_paused = true)]
async fn in_process_time_passes_as_the_answer_takes_it() {
    let started = tokio::time::Instant::now();
    let settings = Settings { latency: Duration::from_millis(250), ..free() };
    whole(&transport(settings), AUDIT).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_millis(250));

    let started = tokio::time::Instant::now();
    let silent = transport(faulty("timeout:1")).with_timeout(minutes(1));
    assert!(matches!(whole(&silent, AUDIT).await, Err(TransportError::Timeout(_))));
    assert_eq!(started.elapsed(), minutes(1));
    assert_eq!(silent.requests()[0].status, None);
}

#[tokio::test(start_paused = true)]
async fn another_account_of_zendesk_answers_that_it_is_none() {
    let transport = transport(free());
    let body = whole(&transport, "https://acne.zendesk.com/api/v2/users/me").await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("No help desk at acne.zendesk.com"));
    assert_eq!(transport.foreign_requests()[0].status, Some(404));
}

#[tokio::test(start_paused = true)]
async fn requests_to_another_host_get_nothing_and_are_written_down() {
    let transport = transport(free());
    for uri in ["https://evil.example.net/api/v2/audit_logs", "http://acme.zendesk.com/api/v2/"] {
        let refused = whole(&transport, uri).await;
        assert!(matches!(refused, Err(TransportError::Connect(_))));
    }
    assert_eq!(transport.foreign_requests().len(), 2);
    assert!(transport.foreign_requests()[0].has_credentials);
    assert!(transport.requests().is_empty());
    assert_eq!(transport.simulator().lock().unwrap().stats().requests, 0);
}

/// Serves `settings` on a port while `test` runs.
async fn on_a_port<F: Future<Output = ()>>(settings: Settings, test: impl FnOnce(String) -> F) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let clock = Clock::simulated(settings.now + SignedDuration::from_hours(1));
    let simulator = Arc::new(Mutex::new(Simulator::new(settings)));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = server::serve(listener, simulator, clock, async {
        stopped.await.unwrap();
    });
    let testing = async {
        test(base).await;
        stop.send(()).unwrap();
    };
    let (served, ()) = tokio::join!(serving, testing);
    served.unwrap();
}

async fn fetch(url: String) -> reqwest::Result<Bytes> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    client.get(url).bearer_auth("good").send().await?.bytes().await
}

#[tokio::test]
async fn a_port_answers_like_the_simulator_with_links_to_itself() {
    on_a_port(free(), |base| async move {
        let page = fetch(format!("{base}/api/v2/audit_logs?page[size]=100")).await.unwrap();
        let page: Value = serde_json::from_slice(&page).unwrap();
        assert_eq!(page["audit_logs"].as_array().unwrap().len(), 100);
        let next = page["links"]["next"].as_str().unwrap().to_owned();
        assert!(next.starts_with(&base));
        assert!(fetch(next).await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn bodies_break_on_a_port_as_they_should() {
    on_a_port(faulty("cut:1"), |base| async move {
        assert!(fetch(format!("{base}/api/v2/audit_logs")).await.is_err());
    })
    .await;
    on_a_port(faulty("truncated:1"), |base| async move {
        assert!(fetch(format!("{base}/api/v2/audit_logs")).await.is_err(), "half a gzip");
    })
    .await;
    on_a_port(faulty("slow:1"), |base| async move {
        let page = fetch(format!("{base}/api/v2/audit_logs")).await.unwrap();
        assert!(serde_json::from_slice::<Value>(&page).is_ok());
    })
    .await;
}
