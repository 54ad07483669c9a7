//! Client of Locum: changes that happen once, watches that go on, errors by reason, a fence for code inside a policy.
//!
//! The clients are tonic's ([`Locum::policies`] and its like), the messages are in [`v1`]; their comments are the reference.

mod address;
mod builder;
mod call;
mod caller;
mod codec;
mod connection;
mod cursor;
mod error;
mod events;
mod fence;
mod pages;
mod preference;
mod resources;
mod retry;

#[allow(clippy::all, rustdoc::all)]
#[rustfmt::skip]
#[path = "generated/v1.rs"]
pub mod v1;

#[allow(clippy::all)]
#[rustfmt::skip]
#[path = "generated/client.rs"]
mod client;

pub use builder::{Builder, Locum};
pub use connection::Connection;
pub use cursor::Items;
pub use error::{Error, FieldViolation, Refusal};
pub use fence::{Fence, FenceError, OutsidePolicy, PolicyContext};
pub use pages::{List, Page};
pub use resources::{Change, ChangeMessage, Watch};
pub use tokio_stream::StreamExt;
#[cfg(feature = "tls")]
pub use tonic::transport::{Certificate, ClientTlsConfig, Identity};
pub use {prost_types, tonic};
