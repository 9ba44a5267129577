//! WebSocket under axum, or anything else over hyper: the library does the HTTP and the upgrade, the crate the rest.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use hyper_util::rt::TokioIo;
use websocket_component::handshake::offered_subprotocols;
use websocket_component::http::from_header_map;
use websocket_component::{ServerHandshake, ServerOptions};
use websocket_component_tokio::{Socket, echo};

/// An application with an echo at `/ws`, and something else beside it.
pub fn app() -> Router {
    Router::new()
        .route("/", get(|| async { "a page" }))
        .route("/ws", get(upgrade))
}

/// Answers a request for a WebSocket, and serves the connection once hyper hands the stream over. Any other request
/// gets the response that HTTP asks for.
async fn upgrade(mut request: Request) -> Response {
    let offered = from_header_map(request.headers());
    let chat = offered_subprotocols(&offered).is_ok_and(|offered| offered.contains(&"chat"));
    let answer = ServerHandshake::answer_http(&request, chat.then_some("chat"), ServerOptions::default());
    let response = match answer {
        Ok((response, connection)) => {
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                // if the client is gone before the upgrade, or fails later, there is nothing to report
                if let Ok(stream) = upgraded.await {
                    let _ = echo(Socket::new(TokioIo::new(stream), connection)).await;
                }
            });
            response
        }
        Err(error) => error.into(),
    };
    response.map(|()| Body::empty())
}
