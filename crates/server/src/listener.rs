//! The accept loop: plain HTTP/1.1, so that an upgraded socket is the TCP stream itself.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use unionflow_api::PeerAddress;
use unionflow_gateway::HttpStream;

use self::{lingering::Lingering, seats::Seat};

mod lingering;
mod seats;

pub(crate) use seats::Seats;

/// How long a client may take to send the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// How long a client may take nothing of an answer before it is given up.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// How long answers under way may take once the server stops.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;

/// Accepts until told to stop, then waits for answers under way. A socket that was upgraded is the gateway's from then on.
pub(crate) async fn run(listener: TcpListener, router: Router, seats: Arc<Seats>, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, most likely: others may close soon.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        match seats.take(peer.ip()) {
            Some(seat) => drop(tasks.spawn(serve(stream, peer, router.clone(), stop.clone(), seat))),
            None => metrics::counter!("unionflow_connections_refused_total").increment(1),
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(ANSWERS_WITHIN, tasks.wait()).await.is_err() {
        tracing::warn!("some answers were still under way and are cut off");
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken, _seat: Seat) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        let mut request = request.map(|body| Body::new(Lingering::new(Body::new(body))));
        request.extensions_mut().insert(PeerAddress(peer));
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(HttpStream::new(stream, TAKEN_WITHIN)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}
