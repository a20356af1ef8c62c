//! Connections: taken in, bounded, served, and let go in order.
//!
//! The loop is our own because `axum::serve` has no limit on how long a client takes to send its headers, nor on
//! connections. Nothing binds here: whoever starts the server hands over a listener.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use concordat_engine::Engine;
use http::Uri;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::{App, Config, Shared};
use crate::refusal::Refusal;
use crate::{a2a, front, mcp, routes, verb};

/// How long the loop rests when the system gives it no connection, such as without free file descriptors.
const REST: Duration = Duration::from_millis(50);

/// The API without its connections, for tests and for embedding.
pub fn router(engine: Engine, config: &Config) -> Router {
    over(&Arc::new(App::new(engine, config)))
}

fn over(app: &Shared) -> Router {
    let (routes, _) = routes::all().split_for_parts();
    let inner = routes
        .merge(routes::opa())
        .merge(routes::tiles())
        .merge(a2a::routes())
        .merge(mcp::routes(app))
        .fallback(async |uri: Uri| front::told_at(uri.path(), Refusal::RouteUnknown))
        .method_not_allowed_fallback(async |uri: Uri| front::told_at(uri.path(), Refusal::MethodNotAllowed))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), front::guard))
        .with_state(app.clone());
    Router::new().fallback_service(inner.map_request(|request: Request| verb::inward(request)))
}

/// A panic of a handler costs its request, never the process.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let told = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let told = told.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Refusal::Internal(format!("a handler panicked: {told}")).into_response()
}

/// Serves the API on a listener until told to stop, then finishes what it began, within bounds.
///
/// # Errors
/// The listener has no address.
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mut app = App::new(engine, &config);
    let address = listener.local_addr()?;
    app.hosts.push(match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    });
    let app = Arc::new(app);
    let router = over(&app);
    tokio::spawn(a2a::keep_telling(app.clone()));
    let graceful = GracefulShutdown::new();
    let gate = Gate::new(&config);
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = gate.room() => place,
        };
        let taken = tokio::select! {
            () = &mut stop => break,
            taken = listener.accept() => taken,
        };
        match taken {
            Ok((stream, peer)) => match gate.visit(peer.ip(), place) {
                Some(visit) => connect(stream, &router, &graceful, &config, visit),
                None => gate.turn_away(stream),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken: {error}");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    app.stopping.send_replace(true);
    if tokio::time::timeout(config.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not finished in time and are cut off");
    }
    Ok(())
}

fn connect(stream: TcpStream, router: &Router, graceful: &GracefulShutdown, config: &Config, visit: Visit) {
    // Answers are small: waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(
        router
            .clone()
            .map_request(|request: http::Request<hyper::body::Incoming>| request.map(axum::body::Body::new)),
    );
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_patience)
        .max_headers(64)
        .max_buf_size(64 * 1024)
        .keep_alive(true);
    let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::spawn(async move {
        // What a client breaks off is its own business, and would fill the log.
        let _ = connection.await;
        drop(visit);
    });
}

/// What a connection gets for which there is no room.
const NO_ROOM: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// How many are turned away with an answer at a time, and how long one may take to read it.
const TURNED_AWAY: usize = 64;
const FAREWELL: Duration = Duration::from_secs(1);

/// How many are let in at a time, altogether and from one address.
struct Gate {
    all: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    visitors: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address: usize,
}

/// One connection's place; dropping it makes room.
struct Visit {
    visitors: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
    _place: OwnedSemaphorePermit,
}

impl Gate {
    fn new(config: &Config) -> Gate {
        Gate {
            all: Arc::new(Semaphore::new(config.connections)),
            farewells: Arc::new(Semaphore::new(TURNED_AWAY)),
            visitors: Arc::default(),
            per_address: config.connections_per_address,
        }
    }

    /// Waits until there is room; until then connections wait in the system's queue.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    fn visit(&self, address: IpAddr, place: Option<OwnedSemaphorePermit>) -> Option<Visit> {
        let address = address.to_canonical();
        let place = place?;
        let mut visitors = self.visitors.lock();
        let count = visitors.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Visit { visitors: self.visitors.clone(), address, _place: place })
    }
}

impl Gate {
    /// Says that there is no room. What the client has sent is read, or its system would drop the answer.
    fn turn_away(&self, mut stream: TcpStream) {
        let Ok(permit) = self.farewells.clone().try_acquire_owned() else { return };
        tokio::spawn(async move {
            let farewell = async {
                stream.write_all(NO_ROOM).await?;
                stream.shutdown().await?;
                tokio::io::copy(&mut stream.take(64 * 1024), &mut tokio::io::sink()).await
            };
            // Whoever does not listen misses the answer.
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
            drop(permit);
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut visitors = self.visitors.lock();
        if let Some(count) = visitors.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                visitors.remove(&self.address);
            }
        }
    }
}
