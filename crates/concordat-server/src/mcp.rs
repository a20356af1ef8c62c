//! Concordat as a server of tools by the Model Context Protocol, so that assistants can look at contracts and try what
//! policy would say.
//!
//! A third door to the same house, and a narrow one: it looks, plans, and submits only when told in so many words. Who
//! approves, publishes policy or runs agents does not do so through a model: those tools do not exist. Everything goes
//! through the same engine calls and the same access gate as over `/v1`.
//!
//! The protocol itself is spoken by the official library, and this is the only room that knows it. No sessions are
//! kept: every request carries its key, which `front` has recognised before.

mod tools;

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use concordat_engine::Caller;
use concordat_model::document::{self, Notation};
use http::StatusCode;
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use crate::app::Shared;
use crate::body;
use crate::refusal::Refusal;

/// What an assistant is told before it begins.
const INSTRUCTIONS: &str = "Concordat carries out contracts: each is put before policy and done by agents that policy \
permits, with everything recorded. Look with `search_contracts`, `get_contract` and `why`; see what would happen to a \
contract with `plan`. `submit` only plans, unless `dryRun` is false. Reviews are answered by people, elsewhere.";

/// Where the protocol is spoken.
pub(crate) fn routes(app: &Shared) -> Router<Shared> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(body::MAX_BYTES)
        // `front` has looked at `Host` and `Origin` before, and knows the names that the operator set.
        .disable_allowed_hosts();
    let app = app.clone();
    let make = move || Ok(Door { app: app.clone() });
    let service = StreamableHttpService::new(make, Arc::new(NeverSessionManager::default()), config);
    Router::new().route_service("/mcp", service).layer(middleware::from_fn(strictly))
}

/// Bodies arrive in time and are read strictly before the library has them: of two members of one name it would take the
/// last, where others take the first.
async fn strictly(request: Request, next: Next) -> Response {
    if body::media(request.headers()).as_deref() != Some("application/json") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match body::bounded(Request::from_parts(parts.clone(), body), body::MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(refusal) => return refusal.into_response(),
    };
    match document::read_value(&bytes, Notation::Json) {
        Ok(_) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(problems) => {
            let error = ErrorData::parse_error(format!("the body is not valid JSON: {problems}"), None);
            let told = json!({"jsonrpc": "2.0", "id": null, "error": error});
            (StatusCode::BAD_REQUEST, Json(told)).into_response()
        }
    }
}

/// What one request meets.
struct Door {
    app: Shared,
}

impl ServerHandler for Door {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("concordat", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::all().into_iter().find(|tool| tool.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(who) = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>())
        else {
            return Err(ErrorData::invalid_request("this needs a valid API key", None));
        };
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let Some(call) = tools::read(&request.name, arguments) else {
            let message = format!("there is no tool `{}`", request.name.chars().take(80).collect::<String>());
            return Err(ErrorData::invalid_params(message, None));
        };
        let result = match call {
            Ok(call) => tools::answer(&self.app, who, call).await,
            Err(refusal) => Err(refusal),
        };
        Ok(result.map_or_else(|refusal| self.refused(&refusal), CallToolResult::structured).into())
    }
}

impl Door {
    /// A refusal is a result, so that the model reads what is wrong and what the way out is.
    fn refused(&self, refusal: &Refusal) -> CallToolResult {
        if refusal.is_forbidden() {
            self.app.metrics.forbidden();
        }
        CallToolResult::structured_error(json!(refusal.problem()))
    }
}
