//! Certificates that we show: TLS where the agent verifies us, too.
//!
//! Connections that were made with a certificate are kept apart from all others, under the origin that it is for.

use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder, Identity};

/// A certificate with its key, and perhaps the one authority that the agent's own certificate may come from.
#[derive(Clone)]
pub(crate) struct Shown(Arc<Parts>);

struct Parts {
    /// The name under which connections that show it are kept.
    origin: String,
    identity: Identity,
    authority: Option<Vec<Certificate>>,
}

impl Shown {
    /// None when the texts are not PEM of a certificate, of its key, and of certificates.
    pub(super) fn read(origin: &str, certificate: &str, key: &str, authority: Option<&str>) -> Option<Shown> {
        let identity = Identity::from_pem(format!("{certificate}\n{key}\n").as_bytes()).ok()?;
        let bundle =
            |text: &str| Certificate::from_pem_bundle(text.as_bytes()).ok().filter(|read| !read.is_empty());
        let authority = match authority {
            Some(text) => Some(bundle(text)?),
            None => None,
        };
        Some(Shown(Arc::new(Parts { origin: origin.to_owned(), identity, authority })))
    }

    pub(crate) fn origin(&self) -> &str {
        &self.0.origin
    }

    /// A client that shows it.
    pub(crate) fn by(&self, client: ClientBuilder) -> ClientBuilder {
        let client = client.identity(self.0.identity.clone());
        match &self.0.authority {
            Some(authority) => client.tls_certs_only(authority.iter().cloned()),
            None => client,
        }
    }
}
