//! Bodies: bounded before they are read, while they are read, and when they are parsed.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use concordat_engine::Caller;
use concordat_model::cloud_event::CloudEvent;
use concordat_model::document::{self, Notation};
use concordat_model::problem::Problems;
use concordat_policy::bundle::MOST_DOCUMENT;
use concordat_policy::bundle::archive;
use concordat_policy::finding::Code;
use concordat_policy::{Bundle, BundleError, Finding};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::Shared;
use crate::extract::idempotency_key;
use crate::intake::Entry;
use crate::refusal::Refusal;

/// The most bytes of a body: as many as a document may have.
pub(crate) const MAX_BYTES: usize = document::MAX_BYTES;
/// The media type of one event in structured mode.
const STRUCTURED: &str = "application/cloudevents+json";
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// A document that somebody sent: read strictly into a plain value, with its text kept for lines and columns.
pub(crate) struct Document {
    pub(crate) value: Value,
    text: Bytes,
}

impl Document {
    /// Takes the value out; the text remains, to say where something is wrong with it.
    pub(crate) fn take(self) -> (Value, Place) {
        (self.value, Place(self.text))
    }
}

impl Document {
    async fn read(request: Request, notation: Notation) -> Result<Document, Refusal> {
        let text = whole(request).await?;
        match document::read_value(&text, notation) {
            Ok(value) => Ok(Document { value, text }),
            Err(problems) => Err(Refusal::Document(problems)),
        }
    }
}

/// The text of a document, for saying where in it something is wrong.
pub(crate) struct Place(Bytes);

impl Place {
    /// The same refusal, with lines and columns where it is about the document.
    pub(crate) fn find(&self, refusal: impl Into<Refusal>) -> Refusal {
        match refusal.into() {
            Refusal::Document(problems) => Refusal::Document(document::locate(&self.0, problems)),
            other => other,
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Document, Refusal> {
        let notation = notation(request.headers()).ok_or(Refusal::MediaType)?;
        Document::read(request, notation).await
    }
}

/// An event of CloudEvents 1.0, in structured mode or as plain JSON.
pub(crate) struct Event(pub(crate) CloudEvent, pub(crate) Place);

impl<S: Send + Sync> FromRequest<S> for Event {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Event, Refusal> {
        let structured = media(request.headers()).is_some_and(|media| media == STRUCTURED);
        let notation = if structured { Some(Notation::Json) } else { notation(request.headers()) };
        let (value, place) = Document::read(request, notation.ok_or(Refusal::MediaType)?).await?.take();
        match document::typed(value) {
            Ok(event) => Ok(Event(event, place)),
            Err(problem) => Err(place.find(Refusal::Document(Problems::from(problem)))),
        }
    }
}

/// A document that is to be taken in. Where there is no room for one, nobody looks at it; it is read all the same,
/// because a client that is still sending would not hear the refusal.
pub(crate) struct Submitted(pub(crate) Entry, pub(crate) Document);

impl FromRequest<Shared> for Submitted {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Submitted, Refusal> {
        let who = request.extensions().get::<Caller>().ok_or(Refusal::Unauthenticated)?;
        let key = idempotency_key(request.headers())?;
        match Entry::open(app, who, key) {
            Ok(entry) => Ok(Submitted(entry, Document::from_request(request, app).await?)),
            Err(full) => {
                whole(request).await?;
                Err(full.into())
            }
        }
    }
}

/// A body of one form.
pub(crate) struct Typed<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Typed<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Typed<T>, Refusal> {
        let (value, place) = Document::from_request(request, state).await?.take();
        let typed = document::typed(value);
        typed.map(Typed).map_err(|problem| place.find(Refusal::Document(Problems::from(problem))))
    }
}

fn unsigned() -> Finding {
    Finding::whole(Code::Signature, "this server takes only signed policies, and a document has no signature")
        .fix("publish an archive with `.signatures.json`, as `opa build --signing-key` makes it")
}

/// A policy bundle, as a document or as an archive.
pub(crate) struct Bundled(pub(crate) Bundle);

impl FromRequest<Shared> for Bundled {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Shared) -> Result<Bundled, Refusal> {
        let media = media(request.headers()).ok_or(Refusal::MediaType)?;
        let text = bounded(request, MOST_DOCUMENT).await?;
        let refused = |error: &BundleError| Refusal::Bundle(Box::new(Finding::from(error)));
        match media.as_str() {
            // A document has no place for a signature.
            "application/json" if app.bundles.required => Err(Refusal::Bundle(Box::new(unsigned()))),
            "application/json" => Bundle::from_json(&text).map(Bundled).map_err(|error| refused(&error)),
            "application/gzip" => archive::read(&text, &app.bundles)
                .map(Bundled)
                .map_err(|error| Refusal::Bundle(Box::new(Finding::from(&error)))),
            _ => Err(Refusal::MediaType),
        }
    }
}

fn notation(headers: &HeaderMap) -> Option<Notation> {
    match media(headers)?.as_str() {
        "application/json" => Some(Notation::Json),
        "application/yaml" | "application/x-yaml" | "text/yaml" => Some(Notation::Yaml),
        _ => None,
    }
}

/// The media type, unless the text is in another charset than UTF-8.
pub(crate) fn media(headers: &HeaderMap) -> Option<String> {
    let sent = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (media, rest) = sent.split_once(';').unwrap_or((sent, ""));
    let charset = rest.trim();
    let utf8 = charset.is_empty() || charset.eq_ignore_ascii_case("charset=utf-8");
    utf8.then(|| media.trim().to_ascii_lowercase())
}

async fn whole(request: Request) -> Result<Bytes, Refusal> {
    bounded(request, MAX_BYTES).await
}

/// A body of at most so many bytes.
pub(crate) async fn bounded(request: Request, most: usize) -> Result<Bytes, Refusal> {
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(Refusal::TooLarge);
    }
    let body: Body = request.into_body();
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::TooLarge);
    }
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if too_large(&error) => Err(Refusal::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Refusal::Incomplete),
    }
}

fn too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        if one.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = one.source();
    }
    false
}
