//! From actix's `http` 0.2 to the engine's `http` 1 and back, byte by byte.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName as ActixName, HeaderValue as ActixValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};

/// Without its body. `None` where the newer `http` refuses what the older one took.
pub(crate) fn request(head: &HttpRequest) -> Option<Request<Bytes>> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::from_bytes(head.method().as_str().as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(head.uri().to_string()).ok()?;
    // Each value of a repeated header, in the order in which it came.
    for (name, value) in head.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(request)
}

/// The engine's answer. What it consists of is valid in either version; a host's page that were not would be a bare 500.
pub(crate) fn answer(answer: Response<Bytes>) -> HttpResponse {
    let (head, body) = answer.into_parts();
    let status = StatusCode::from_u16(head.status.as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::new(status);
    for (name, value) in &head.headers {
        let name = ActixName::from_bytes(name.as_str().as_bytes());
        let value = ActixValue::from_bytes(value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else {
            return HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR);
        };
        response.headers_mut().append(name, value);
    }
    response.set_body(body).map_into_boxed_body()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_leaves_repeated() {
        let engine = Response::builder().status(303).header("set-cookie", "a=1").header("set-cookie", "b=2");
        let actix = answer(engine.body(Bytes::new()).unwrap());
        let cookies: Vec<_> =
            actix.headers().get_all("set-cookie").map(|value| value.to_str().unwrap()).collect();
        assert_eq!((actix.status().as_u16(), cookies), (303, vec!["a=1", "b=2"]));
    }
}
