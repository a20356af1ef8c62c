//! Agents that verify us: a real server of TLS, with certificates by `openssl`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::Credentials;
use crate::egress::{Egress, Endpoint};
use crate::http::{Deadline, Http, Limits, Outgoing, Trouble};

fn openssl(folder: &Path, words: &str) {
    let made = Command::new("openssl").args(words.split(' ')).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{words}: {}", String::from_utf8_lossy(&made.stderr));
}

/// Authorities `ca` and `other`, and certificates by `ca`: `server` for this machine, `client` for us.
fn certificates() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout";
    for name in ["ca", "other"] {
        openssl(folder, &format!("req -x509 {key} {name}.key -out {name}.pem -days 30 -subj /CN={name}"));
    }
    std::fs::write(folder.join("server.ext"), "subjectAltName=IP:127.0.0.1").unwrap();
    std::fs::write(folder.join("client.ext"), "extendedKeyUsage=clientAuth").unwrap();
    for (name, by) in [("server", "ca"), ("client", "ca"), ("stranger", "other")] {
        let extensions = if name == "server" { "server" } else { "client" };
        openssl(folder, &format!("req {key} {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -out {name}.pem -days 30 -extfile {extensions}.ext"
            ),
        );
    }
    place
}

/// A server that talks to those alone that `ca` vouches for, and says who asks; its port. It answers 205 to those who say `t0ken`, too.
async fn serve(folder: &Path) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build().unwrap();
    let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let said = String::from_utf8_lossy(&request[..length]).into_owned();
            let status =
                if said.contains("authorization: Bearer t0ken\r\n") { "205 Said" } else { "204 Fine" };
            let reply = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            drop(stream.write_all(reply.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    port
}

async fn ask(port: u16, credentials: Credentials) -> Result<u16, Trouble> {
    let egress = Egress { allow_loopback: true, ..Egress::default() };
    let http = Http::known_by(Limits::default(), egress, credentials);
    let endpoint = Endpoint::parse(&format!("https://127.0.0.1:{port}/work")).unwrap();
    let outgoing = Outgoing {
        endpoint: &endpoint,
        method: Method::POST,
        url: endpoint.url().clone(),
        headers: HeaderMap::new(),
        body: b"{}".to_vec(),
        first_byte: None,
    };
    let response = http.send(outgoing, Deadline::of(Duration::from_secs(10))).await?;
    Ok(response.status().as_u16())
}

#[tokio::test]
async fn an_agent_that_verifies_us_is_shown_our_certificate() {
    let place = certificates();
    let text = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let port = serve(place.path()).await;
    let known = |origin: String, who: &str, authority: &str| {
        let one = json!([{
            "origin": origin, "type": "client_certificate", "certificate": text(&format!("{who}.pem")),
            "key": text(&format!("{who}.key")), "authority": text(authority),
        }]);
        Credentials::read(&one.to_string()).unwrap()
    };
    let here = || format!("https://127.0.0.1:{port}");
    assert_eq!(ask(port, known(here(), "client", "ca.pem")).await, Ok(204));
    // What is said goes along with what is shown.
    let both = json!([
        {"origin": here(), "type": "bearer", "token": "t0ken"},
        {
            "origin": here(), "type": "client_certificate", "certificate": text("client.pem"),
            "key": text("client.key"), "authority": text("ca.pem"),
        },
    ]);
    assert_eq!(ask(port, Credentials::read(&both.to_string()).unwrap()).await, Ok(205));
    for (name, credentials) in [
        ("a certificate of nobody's", known(here(), "stranger", "ca.pem")),
        ("an agent of another authority", known(here(), "client", "other.pem")),
        ("for another port", known("https://127.0.0.1:1".to_owned(), "client", "ca.pem")),
        ("nothing", Credentials::default()),
    ] {
        assert!(ask(port, credentials).await.is_err(), "{name}");
    }
    for (origin, certificate) in
        [(format!("http://127.0.0.1:{port}"), text("client.pem")), (here(), "t0ps3cret".to_owned())]
    {
        let one = json!([{
            "origin": origin, "type": "client_certificate", "certificate": certificate, "key": text("client.key"),
        }]);
        let said = Credentials::read(&one.to_string()).unwrap_err().to_string();
        assert!(said.contains("are texts in PEM") && !said.contains("t0ps3cret"), "{said}");
    }
}
