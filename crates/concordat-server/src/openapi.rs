//! The API's description, OpenAPI 3.1, made from the handlers themselves.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Info, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa_axum::router::OpenApiRouter;

use crate::api::problem::{self, Problem};
use crate::app::Shared;
use crate::verb;

/// How the description calls the key.
const KEY: &str = "key";

/// The description of these routes, as JSON.
pub(crate) fn describe(routes: OpenApiRouter<Shared>) -> String {
    finish(routes.into_openapi()).to_json().unwrap_or_default()
}

/// An empty description to add routes to.
pub(crate) fn begin() -> OpenApi {
    let mut info = Info::new("Concordat", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Contracts in, governed work out. Send a contract, follow it, ask why, answer its reviews, and read the log \
         that proves it. OPA's REST API is served under `/opa`, A2A 1.0 under `/a2a` and MCP at `/mcp`, each in its \
         own forms."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).build()
}

fn finish(mut document: OpenApi) -> OpenApi {
    let mut paths = Paths::new();
    for (path, mut item) in std::mem::take(&mut document.paths.paths) {
        for operation in
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
        {
            operation
                .responses
                .responses
                .insert("4XX".to_owned(), refused("The request is not done; `code` says why"));
            operation
                .responses
                .responses
                .insert("5XX".to_owned(), refused("We failed, or take no work in now"));
        }
        paths.paths.insert(verb::outward(&path), item);
    }
    document.paths = paths;
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(KEY, [])]);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(KEY, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let mut schemas = vec![(
        <Problem as utoipa::ToSchema>::name().into_owned(),
        <Problem as utoipa::PartialSchema>::schema(),
    )];
    <Problem as utoipa::ToSchema>::schemas(&mut schemas);
    components.schemas.extend(schemas);
    document
}

fn refused(description: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name(<Problem as utoipa::ToSchema>::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content(problem::MEDIA_TYPE, content).build().into()
}
