use std::sync::Arc;
use std::time::Duration;

use tonic::codegen::StdError;
use tonic::transport::{Channel, Endpoint};

use crate::address::is_loopback;
use crate::caller::{Caller, Token, actor};
use crate::{Connection, Error};

/// Who is asked, and as whom.
#[must_use = "nothing is connected before `connect`"]
pub struct Builder {
    addresses: Vec<String>,
    timeout: Duration,
    token: Token,
    actor: Option<String>,
    #[cfg(feature = "tls")]
    tls: Option<tonic::transport::ClientTlsConfig>,
}

impl Builder {
    /// For one call with all its repetitions, where its request has no timeout of its own. Default: 10 s. Streams have none.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sent as `authorization: Bearer …`. Default: none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Token::Fixed(token.into());
        self
    }

    /// As `token`, but asked before each try.
    pub fn token_from<F, A>(mut self, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<String, StdError>> + Send + 'static,
    {
        self.token = Token::Asked(Arc::new(move || Box::pin(ask())));
        self
    }

    /// Who asks, for logs; printable ASCII. Default: the user of this process.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// TLS with what tonic's configuration has: `with_native_roots` for the authorities of the system, `ca_certificate` for others, `identity`
    /// for a certificate to show. Default: no TLS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: tonic::transport::ClientTlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    #[cfg(feature = "tls")]
    fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn has_tls(&self) -> bool {
        false
    }

    /// Dials nothing before the first call. Works inside a runtime of tokio only.
    ///
    /// # Errors
    /// [`Error::Options`]: no address, or one that can't be one; a token would go over a network in plain text; there is no runtime.
    pub fn connect(self) -> Result<Locum, Error> {
        if self.addresses.is_empty() {
            return Err(Error::Options("addresses: at least one host:port".into()));
        }
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Error::Options("connect works inside a runtime of tokio only".into()));
        }
        let channels = self.addresses.iter().map(|address| self.channel(address)).collect::<Result<_, _>>()?;
        let caller = Caller { token: self.token, actor: actor(self.actor) };
        Ok(Locum { connection: Connection::new(channels, caller, self.timeout) })
    }

    fn channel(&self, address: &str) -> Result<Channel, Error> {
        let wrong = |error: tonic::transport::Error| Error::Options(format!("{address}: {}", failed_because(&error)));
        if !matches!(self.token, Token::None) && !self.has_tls() && !is_loopback(address) {
            return Err(Error::Options(format!("a token would go to {address} in plain text: give tls, too")));
        }
        let scheme = if self.has_tls() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
            .map_err(wrong)?
            .connect_timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5));
        #[cfg(feature = "tls")]
        let endpoint = match &self.tls {
            Some(tls) => endpoint.tls_config(tls.clone()).map_err(wrong)?,
            None => endpoint,
        };
        Ok(endpoint.connect_lazy())
    }
}

fn failed_because(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A client per service of the API, over all controllers. Clones share their connections, which are closed with the last one.
#[derive(Debug, Clone)]
pub struct Locum {
    connection: Connection,
}

impl Locum {
    /// [`Builder::connect`] with its defaults.
    ///
    /// # Errors
    /// As there.
    pub fn connect<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Result<Locum, Error> {
        Locum::builder(addresses).connect()
    }

    /// `host:port` of each controller.
    pub fn builder<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Builder {
        Builder {
            addresses: addresses.into_iter().map(Into::into).collect(),
            timeout: Duration::from_secs(10),
            token: Token::None,
            actor: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// What the clients of all services go over: for clients of your own.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }
}
