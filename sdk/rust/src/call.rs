use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, Limited};
use tonic::Status;
use tonic::body::Body;

use crate::Error;
use crate::client::STREAMS;
use crate::error::failure_of;

pub(crate) const ANSWER_LIMIT: usize = 64 << 20;
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// What one of tonic's clients wants to send, so that it can be sent more than once.
pub(crate) struct Call {
    uri: Uri,
    headers: HeaderMap,
    message: Bytes,
}

impl Call {
    pub(crate) async fn of(request: Request<Body>) -> Result<Call, Error> {
        let (parts, body) = request.into_parts();
        let message = body.collect().await.map_err(failure_of)?.to_bytes();
        Ok(Call { uri: parts.uri, headers: parts.headers, message })
    }

    pub(crate) fn streams(&self) -> bool {
        STREAMS.contains(&self.uri.path())
    }

    /// The one that its caller gave.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        let text = self.headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let count: u64 = digits.parse().ok()?;
        match unit {
            "H" => Some(Duration::from_secs(count * 3600)),
            "M" => Some(Duration::from_secs(count * 60)),
            "S" => Some(Duration::from_secs(count)),
            "m" => Some(Duration::from_millis(count)),
            "u" => Some(Duration::from_micros(count)),
            "n" => Some(Duration::from_nanos(count)),
            _ => None,
        }
    }

    pub(crate) fn request(&self, limit: Option<Duration>) -> Request<Body> {
        let mut request = Request::new(Body::new(Full::new(self.message.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = self.headers.clone();
        if let Some(limit) = limit {
            request.headers_mut().insert(GRPC_TIMEOUT, grpc_timeout(limit));
        }
        request
    }
}

/// At most eight digits: the protocol's limit.
fn grpc_timeout(limit: Duration) -> HeaderValue {
    let milliseconds = limit.as_millis().max(1);
    let text = if milliseconds < 100_000_000 { format!("{milliseconds}m") } else { format!("{}S", limit.as_secs().min(99_999_999)) };
    HeaderValue::from_str(&text).expect("digits and a letter")
}

fn cut_off() -> Error {
    Error::Failed(Status::unknown("the answer was cut off"))
}

/// An answer without a status of gRPC: of a proxy, or of something that is no controller.
fn of_http(status: StatusCode) -> Error {
    let text = format!("HTTP {status} instead of an answer");
    Error::Failed(match status {
        StatusCode::UNAUTHORIZED => Status::unauthenticated(text),
        StatusCode::FORBIDDEN => Status::permission_denied(text),
        StatusCode::NOT_FOUND => Status::unimplemented(text),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Status::unavailable(text)
        }
        _ => Status::unknown(text),
    })
}

/// None: they have no status.
fn told(headers: &HeaderMap) -> Option<Result<(), Error>> {
    let status = Status::from_header_map(headers)?;
    Some(if status.code() == tonic::Code::Ok { Ok(()) } else { Err(status.into()) })
}

/// The whole answer of a call, once it is there and says that the call was done.
pub(crate) async fn whole(response: Response<Body>) -> Result<Response<Body>, Error> {
    let (parts, body) = response.into_parts();
    if let Some(outcome) = told(&parts.headers) {
        outcome?;
        return Ok(Response::from_parts(parts, body));
    }
    if !parts.status.is_success() {
        return Err(of_http(parts.status));
    }
    let answer = Limited::new(body, ANSWER_LIMIT + 1024).collect().await.map_err(failure_of)?;
    answer.trailers().and_then(told).unwrap_or_else(|| Err(cut_off()))?;
    Ok(Response::from_parts(parts, Body::new(answer)))
}

/// A stream, once something came from it.
pub(crate) async fn begun(response: Response<Body>) -> Result<Response<Body>, Error> {
    let (parts, mut body) = response.into_parts();
    if let Some(outcome) = told(&parts.headers) {
        outcome?;
        return Ok(Response::from_parts(parts, body));
    }
    if !parts.status.is_success() {
        return Err(of_http(parts.status));
    }
    let first = body.frame().await.ok_or_else(cut_off)?.map_err(failure_of)?;
    if let Some(trailers) = first.trailers_ref() {
        told(trailers).unwrap_or_else(|| Err(cut_off()))?;
    }
    Ok(Response::from_parts(parts, Body::new(Begun { first: Some(first), rest: body })))
}

struct Begun {
    first: Option<Frame<Bytes>>,
    rest: Body,
}

impl http_body::Body for Begun {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}
