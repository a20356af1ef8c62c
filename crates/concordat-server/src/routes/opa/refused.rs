//! Every way in which OPA's doors say no: OPA's status, code and form.

use axum::Json;
use axum::response::{IntoResponse, Response};
use concordat_engine::EngineError;
use concordat_engine::opa::OpaError;
use concordat_policy::opa::Refused;
use http::StatusCode;

use crate::api::opa::Failure;
use crate::refusal::Refusal;

/// Why a request is not done.
#[derive(Debug)]
pub(super) enum No {
    /// What OPA would refuse too.
    Opa(StatusCode, Failure),
    /// What any route of ours would refuse.
    Ours(Refusal),
}

impl No {
    /// A refusal in OPA's words.
    pub(super) fn with(status: StatusCode, code: &str, message: impl Into<String>) -> No {
        No::Opa(status, Failure { code: code.to_owned(), message: message.into(), errors: Vec::new() })
    }

    /// A parameter that is wrong.
    pub(super) fn parameter(message: impl Into<String>) -> No {
        No::with(StatusCode::BAD_REQUEST, "invalid_parameter", message)
    }
}

impl From<Refused> for No {
    fn from(refused: Refused) -> No {
        let status = match &refused {
            Refused::Parameter(_) | Refused::Modules(_) | Refused::Needed(_) | Refused::Query(_) => {
                StatusCode::BAD_REQUEST
            }
            Refused::NotFound(_) | Refused::Conflict(_) => StatusCode::NOT_FOUND,
            Refused::Evaluation(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Refused::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        };
        let errors = refused.faults().iter().filter_map(|fault| serde_json::to_value(fault).ok());
        let errors = errors.collect();
        No::Opa(status, Failure { code: refused.code().to_owned(), message: refused.to_string(), errors })
    }
}

impl From<OpaError> for No {
    fn from(error: OpaError) -> No {
        match error {
            OpaError::Refused(refused) => refused.into(),
            OpaError::Engine(error) => error.into(),
        }
    }
}

impl From<EngineError> for No {
    fn from(error: EngineError) -> No {
        No::Ours(error.into())
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> No {
        No::Ours(refusal)
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        match self {
            No::Opa(status, failure) => (status, Json(failure)).into_response(),
            No::Ours(refusal) => refusal.told("application/json", |problem| Failure {
                code: match problem.status {
                    401 | 403 => "unauthorized".to_owned(),
                    500 => "internal_error".to_owned(),
                    413 => "invalid_parameter".to_owned(),
                    _ => problem.code,
                },
                message: problem.detail,
                errors: Vec::new(),
            }),
        }
    }
}
