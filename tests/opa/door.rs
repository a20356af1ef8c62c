//! A whole Concordat whose OPA API is reached over HTTP.

use concordat_engine::Engine;
use concordat_model::principal::Role;
use concordat_server::{Config, serve};
use concordat_tests::{House, Storage};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Somebody who writes modules and asks questions.
pub(crate) struct Door {
    house: House,
    client: reqwest::Client,
    url: String,
    key: String,
    _stop: oneshot::Sender<()>,
}

async fn listen(engine: Engine) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/opa", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(engine, listener, Config::default(), async move { drop(stopped.await) }));
    (url, stop)
}

impl Door {
    pub(crate) async fn open() -> Door {
        Door::open_on(Storage::Sqlite).await
    }

    pub(crate) async fn open_on(storage: Storage) -> Door {
        let house = House::open_on(storage).await;
        let key = house.key_text("ann", "acme", Role::PolicyAuthor).await;
        let (url, stop) = listen(house.engine.clone()).await;
        Door { house, client: reqwest::Client::new(), url, key, _stop: stop }
    }

    /// The same house after a restart.
    pub(crate) async fn reopen(self) -> Door {
        let Door { house, client, key, .. } = self;
        let house = house.reopen().await;
        let (url, stop) = listen(house.engine.clone()).await;
        Door { house, client, url, key, _stop: stop }
    }

    /// A key of somebody else.
    pub(crate) async fn key(&self, name: &str, role: Role) -> String {
        self.house.key_text(name, "acme", role).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.text(&self.key, method, path, body.to_string()).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn text(&self, key: &str, method: &str, path: &str, body: String) -> (u16, String) {
        let request = self.client.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let response = request.bearer_auth(key).body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    }
}
