use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use tonic::Status;
use tonic::codegen::StdError;

use crate::Error;

pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<String, StdError>> + Send>>;

#[derive(Clone)]
pub(crate) enum Token {
    None,
    Fixed(String),
    Asked(Arc<dyn Fn() -> Asked + Send + Sync>),
}

/// Who asks.
pub(crate) struct Caller {
    pub(crate) token: Token,
    pub(crate) actor: HeaderValue,
}

impl Caller {
    /// Asks for a token before each try.
    pub(crate) async fn sign(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        headers.insert("x-locum-actor", self.actor.clone());
        let token = match &self.token {
            Token::None => return Ok(()),
            Token::Fixed(token) => token.clone(),
            Token::Asked(ask) => ask().await.map_err(|error| unsigned(&*error))?,
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| unsigned(&error))?;
        value.set_sensitive(true);
        headers.insert(http::header::AUTHORIZATION, value);
        Ok(())
    }
}

fn unsigned(error: &dyn std::error::Error) -> Error {
    Error::Failed(Status::unauthenticated(format!("no token: {error}")))
}

const ACTOR_LIMIT: usize = 128;

/// Printable ASCII of a name; without one, the user of this process.
pub(crate) fn actor(given: Option<String>) -> HeaderValue {
    let of_process = || ["LOGNAME", "USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    let name = given.or_else(of_process).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".into());
    let printable: String = name.chars().take(ACTOR_LIMIT).map(|each| if (' '..='~').contains(&each) { each } else { '?' }).collect();
    HeaderValue::from_str(&printable).expect("printable ASCII")
}
