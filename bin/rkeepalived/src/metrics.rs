//! The metrics listener: `GET /metrics` of HTTP/1 and nothing else (hyper; RFC 9112).
//!
//! It runs inside the worker, which hands it the questions' way in: everything it tells is asked for there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use rha_failover::control::{Ask, Question, answer};
use rha_failover::log::Log;
use rha_failover::worker::Served;

/// How long a client may take from its connection to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most connections at once; further ones wait.
const SCRAPERS: usize = 8;
/// Most headers of a request.
const HEADERS: usize = 64;
/// Longest head of a request, bytes: the library's least.
const BUFFER: usize = 8192;

/// The listener at an address, for the worker to run.
#[must_use]
pub fn at(address: String, log: Log) -> Served {
    Box::new(move |ask| {
        Box::pin(async move {
            match TcpListener::bind(&address).await {
                Ok(listener) => serve(listener, move |a| ask(a)).await,
                Err(e) => log.info(format_args!("Metrics listener {address}: {e}")),
            }
        })
    })
}

async fn serve(listener: TcpListener, ask: impl Fn(Ask) + Clone + 'static) {
    let room = Arc::new(Semaphore::new(SCRAPERS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ask = ask.clone();
        tokio::task::spawn_local(async move {
            let _ = tokio::time::timeout(PATIENCE, scrape(stream, ask)).await;
            drop(place);
        });
    }
}

/// One request of HTTP/1 and its answer.
async fn scrape(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    ask: impl Fn(Ask),
) -> hyper::Result<()> {
    let serve = service_fn(|request: Request<Incoming>| respond(request, &ask));
    http1::Builder::new()
        .keep_alive(false)
        .max_headers(HEADERS)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), serve)
        .await
}

async fn respond(
    request: Request<Incoming>,
    ask: &impl Fn(Ask),
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match answer(Question::Metrics, ask).await {
            Ok(text) => Response::new(text.into()),
            Err(text) => refusal(StatusCode::SERVICE_UNAVAILABLE, text),
        },
        (_, "/metrics") => {
            let mut r = refusal(StatusCode::METHOD_NOT_ALLOWED, "GET only\n".to_owned());
            r.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            r
        }
        _ => refusal(StatusCode::NOT_FOUND, "metrics are at /metrics\n".to_owned()),
    };
    let form = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(CONTENT_TYPE, form);
    Ok(response)
}

fn refusal(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What a scraper gets for these bytes, with `up 1` as the metrics.
    async fn scraped(request: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let ask = |a: Ask| {
            assert_eq!(a.question, Question::Metrics);
            a.reply.send(Ok("up 1\n".to_owned())).unwrap();
        };
        let mut text = String::new();
        let talk = async {
            client.write_all(request).await.unwrap();
            let _ = client.read_to_string(&mut text).await;
        };
        let _ = tokio::join!(talk, scrape(server, ask));
        text
    }

    #[test]
    fn metrics_are_served_and_nothing_else() {
        rha_net::run_local(async {
            let good = scraped(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert!(good.starts_with("HTTP/1.1 200 OK\r\n") && good.ends_with("\r\n\r\nup 1\n"), "{good}");
            assert!(good.contains("content-type: text/plain; version=0.0.4\r\n"), "{good}");
            assert!(good.contains("connection: close\r\n"), "{good}");
            let head = scraped(b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
            assert!(head.contains("content-length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
            let long = [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 10_000], b"\r\n\r\n"].concat();
            let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100));
            for (request, code) in [
                (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), "404"),
                (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "405"),
                (b"nonsense\r\n\r\n", "400"),
                (&long, "431"),
                (many.as_bytes(), "431"),
            ] {
                let got = scraped(request).await;
                assert!(got.starts_with(&format!("HTTP/1.1 {code} ")), "{code}: {got}");
            }
        })
        .unwrap();
    }
}
