//! The adapters behind sockets, each on a thread with a runtime of its own, which logs to where the test logs.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::{App, HttpServer};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::oneshot;
use tracing::dispatcher;
use vestibule::AuthorizationServer;
use vestibule_tower::VestibuleService;

use crate::wire::Socket;

/// `vestibule-tower` in hyper.
pub(crate) fn tower(server: AuthorizationServer) -> Socket {
    let (listener, address) = listen();
    let (stop, mut stopped) = oneshot::channel::<()>();
    let log = dispatcher::get_default(Clone::clone);
    std::thread::spawn(move || {
        let _log = dispatcher::set_default(&log);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let service = VestibuleService::new(server);
            loop {
                let (socket, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    _ = &mut stopped => return,
                };
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(10))
                    .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service.clone()));
                tokio::spawn(connection);
            }
        });
    });
    Socket::new(address, stop)
}

/// `vestibule-actix` in actix-web, with one worker: its own `App`, and nothing else in it.
pub(crate) fn actix(server: AuthorizationServer) -> Socket {
    let (listener, address) = listen();
    let (stop, stopped) = oneshot::channel::<()>();
    let log = dispatcher::get_default(Clone::clone);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let service = vestibule_actix::VestibuleService::new(server);
            let serving = HttpServer::new(move || {
                // Called once in the worker's thread, which ends with the server.
                std::mem::forget(dispatcher::set_default(&log));
                App::new().default_service(service.clone())
            })
            .workers(1)
            .disable_signals()
            .client_request_timeout(Duration::from_secs(10))
            // How long it reads on after an answer to a body that it has not read.
            .client_disconnect_timeout(Duration::from_millis(200))
            .shutdown_timeout(0)
            .listen(listener)
            .unwrap()
            .run();
            let handle = serving.handle();
            tokio::select! {
                ended = serving => ended.unwrap(),
                _ = stopped => handle.stop(false).await,
            }
        });
    });
    Socket::new(address, stop)
}

fn listen() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
