//! One call, one request, one answer.

use std::sync::Arc;

use reqwest::Method;

use super::answer::Answer;
use super::call::Call;
use super::reply::Reply;
use crate::egress::Egress;
use crate::http::{Deadline, Http, Limits, Outgoing};

/// Calls agents by the `execute` binding. Made once; calls may run side by side.
#[derive(Debug)]
pub struct ExecuteClient {
    http: Arc<Http>,
}

impl ExecuteClient {
    /// A client that keeps to `limits` and goes only where `egress` allows.
    #[must_use]
    pub fn new(limits: Limits, egress: Egress) -> ExecuteClient {
        ExecuteClient::over(Arc::new(Http::new(limits, egress)))
    }

    /// A client that shares its connections with others.
    pub(crate) fn over(http: Arc<Http>) -> ExecuteClient {
        ExecuteClient { http }
    }

    /// Sends `call` once and says what is known afterwards. Returns within the call's deadline.
    pub async fn call(&self, call: &Call) -> Answer {
        match self.exchange(call).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Answer> {
        let deadline = Deadline::of(call.deadline);
        let outgoing = Outgoing {
            endpoint: &call.endpoint,
            method: Method::POST,
            url: call.endpoint.below("execute"),
            headers: call.headers()?,
            body: call.body(),
            first_byte: call.first_byte,
        };
        let response = self.http.send(outgoing, deadline).await?;
        let reply = Reply::read(response.status(), response.headers(), self.http.limits())?;
        let error_status = reply.is_error();
        match self.http.body(response, deadline).await {
            Ok(body) => Ok(reply.answer(&body, &call.id, self.http.limits())),
            // What an error status means does not depend on a body that could not be read.
            Err(_) if error_status => Ok(reply.status_alone()),
            Err(trouble) => Err(trouble.into()),
        }
    }
}
