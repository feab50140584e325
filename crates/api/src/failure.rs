//! What is refused, and how it is said: RFC 9457, in the caller's language, never with the inside of the server.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use unionflow_domain::Refusal;
use unionflow_protocol::{
    Language,
    problem::{ErrorCode, FieldProblem, Problem},
};
use unionflow_storage::{StoreFault, Undo};

use crate::context::Context;

/// Why a request is not answered as asked. Rendered once the language is known.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    refusal: Refusal,
    replayed: bool,
    /// For the log of the operator; never for the caller.
    inside: Option<Box<str>>,
}

impl Failure {
    /// A refusal that was kept from an earlier call with the same key.
    pub(crate) fn replayed(refusal: Refusal) -> Self {
        Self { replayed: true, ..refusal.into() }
    }

    /// The problem, in this language.
    pub(crate) fn problem(&self, language: Language, trace_id: &str) -> Problem {
        let refusal = &self.refusal;
        let mut problem = Problem::new(refusal.code, language);
        problem.errors = refusal
            .faults
            .iter()
            .map(|fault| FieldProblem {
                pointer: fault.pointer.clone(),
                code: fault.code,
                detail: fault.hint.text(language),
            })
            .collect();
        problem.detail = (!problem.errors.is_empty()).then(|| {
            let said = problem.errors.iter().map(|error| match error.pointer.as_str() {
                // The body as a whole.
                "" => error.detail.clone(),
                pointer => format!("{pointer}: {}", error.detail),
            });
            said.collect::<Vec<_>>().join("; ")
        });
        if let Some(detail) = refusal.detail {
            problem.detail.get_or_insert_with(|| detail.text(language));
        }
        problem.current = refusal.current.clone();
        problem.approval_id = refusal.approval_id;
        problem.trace_id = (problem.status >= 500).then(|| trace_id.to_owned());
        problem
    }

    /// The answer, with the headers that the handler had set.
    pub(crate) fn render(self, context: &Context, bare: Response) -> Response {
        let language = context.language();
        let problem = self.problem(language, context.trace_id());
        match &self.inside {
            Some(inside) => {
                tracing::error!(trace = context.trace_id(), code = %self.refusal.code, inside, "a request failed");
            }
            None if problem.trace_id.is_some() => {
                tracing::warn!(trace = context.trace_id(), code = %self.refusal.code, "a request was not served");
            }
            None => {}
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, body).into_response();
        response
            .headers_mut()
            .extend(bare.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.as_str()));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.replayed {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        let retry_after = self.refusal.retry_after.or((problem.status == 503).then_some(2));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A failure travels in the answer's extensions to where the language is known.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, replayed: false, inside: None }
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Refusal::from(code).into()
    }
}

impl From<StoreFault> for Failure {
    fn from(fault: StoreFault) -> Self {
        let inside = (!matches!(fault, StoreFault::Busy)).then(|| fault.to_string().into());
        Self { inside, ..fault.code().into() }
    }
}

impl From<Undo> for Failure {
    fn from(undo: Undo) -> Self {
        match undo {
            Undo::Refused(refusal) => (*refusal).into(),
            Undo::Fault(fault) => fault.into(),
        }
    }
}

impl From<axum::Error> for Failure {
    fn from(error: axum::Error) -> Self {
        // The client went away in the middle of a body: nobody's fault here.
        tracing::debug!(%error, "a body did not arrive");
        ErrorCode::InvalidRequest.into()
    }
}
