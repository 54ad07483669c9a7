//! Does what sdk/conformance says, one line of JSON a command. Its argument is a file with the descriptors of the protos.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use locum_client::tonic::{Code, Request, Status};
use locum_client::v1::*;
use locum_client::{Certificate, Change, ChangeMessage, ClientTlsConfig, Error, Identity};
use locum_client::{Fence, FenceError, Items, Locum, PolicyContext, StreamExt};
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch::Sender;

#[derive(Clone)]
struct Session {
    locum: Locum,
    ended: Sender<bool>,
}

struct Player {
    protos: DescriptorPool,
    clients: Mutex<HashMap<u64, Session>>,
}

fn tell(id: &Value, mut answer: Value) {
    answer["id"] = id.clone();
    println!("{answer}");
}

fn failure(error: Error) -> Value {
    match error {
        Error::Refused(refusal) => {
            let violations = refusal.field_violations.iter();
            let violations: Vec<_> = violations.map(|each| json!({"field": each.field, "description": each.description})).collect();
            json!({"refused": {"reason": refusal.reason, "resource": refusal.resource, "fieldViolations": violations}})
        }
        Error::Unreachable(_) => json!({"failed": "UNREACHABLE"}),
        Error::Failed(status) => {
            let code = match status.code() {
                Code::DeadlineExceeded => "DEADLINE_EXCEEDED".into(),
                Code::Cancelled => "CANCELLED".into(),
                other => format!("{other:?}"),
            };
            json!({"failed": code, "message": status.message()})
        }
        other => json!({"failed": other.to_string()}),
    }
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::Options(error.to_string())
}

fn decoded<M: Message + Default>(bytes: &[u8]) -> Result<M, Error> {
    M::decode(bytes).map_err(wrong)
}

fn binary(message: MessageDescriptor, json: &Value) -> Result<Vec<u8>, Error> {
    Ok(DynamicMessage::deserialize(message, json).map_err(wrong)?.encode_to_vec())
}

/// One call of a generated client: bytes of its request, bytes of its answer.
macro_rules! calls {
    ($locum:ident, $bytes:ident, $timeout:ident, $method:expr; $($name:literal => $service:ident $call:ident,)*) => {
        match $method {
            $($name => {
                let mut request = Request::new(decoded($bytes)?);
                if let Some(timeout) = $timeout {
                    request.set_timeout(timeout);
                }
                Ok($locum.$service().$call(request).await?.into_inner().encode_to_vec())
            })*
            other => Err(wrong(format!("the player for Rust has no {other}: give it one"))),
        }
    };
}

async fn call(locum: &Locum, method: &str, bytes: &[u8], timeout: Option<Duration>) -> Result<Vec<u8>, Error> {
    calls!(locum, bytes, timeout, method;
        "CheckFence" => fences check_fence,
        "CreatePolicy" => policies create_policy,
        "DeletePolicy" => policies delete_policy,
        "GetPolicy" => policies get_policy,
        "GetRun" => runs get_run,
        "GetStatus" => cluster get_status,
        "ListEvents" => events list_events,
        "ListPolicies" => policies list_policies,
        "ListRuns" => runs list_runs,
        "ListServers" => servers list_servers,
        "PausePolicy" => policies pause_policy,
        "ResumePolicy" => policies resume_policy,
        "StartPolicy" => policies start_policy,
        "StopPolicy" => policies stop_policy,
        "StopRun" => runs stop_run,
        "UpdatePolicy" => policies update_policy,
        "WhoAmI" => access who_am_i,
    )
}

macro_rules! lists {
    ($locum:ident, $bytes:ident, $method:expr; $($name:literal => $request:ty,)*) => {
        match $method {
            $($name => {
                let mut items = $locum.each(decoded::<$request>($bytes)?);
                let mut names = Vec::new();
                while let Some(item) = items.next().await {
                    names.push(item?.name);
                }
                Ok(names)
            })*
            other => Err(wrong(format!("the player for Rust has no {other}: give it one"))),
        }
    };
}

async fn list(locum: &Locum, method: &str, bytes: &[u8]) -> Result<Vec<String>, Error> {
    lists!(locum, bytes, method;
        "ListEvents" => ListEventsRequest,
        "ListPolicies" => ListPoliciesRequest,
        "ListPools" => ListPoolsRequest,
        "ListRuns" => ListRunsRequest,
        "ListServers" => ListServersRequest,
    )
}

/// A watch as its generated request gives it: the names of what is there, and of what is gone.
macro_rules! watches {
    ($locum:ident, $method:expr; $($name:literal => $request:ty,)*) => {
        match $method {
            $($name => {
                let messages = $locum.watch(<$request>::default());
                Ok(Box::pin(messages.map(|message| message.map(|message| told(&message)))) as Items<Option<Value>>)
            })*
            other => Err(wrong(format!("the player for Rust has no {other}: give it one"))),
        }
    };
}

fn told(message: &impl ChangeMessage) -> Option<Value> {
    match message.change() {
        Change::Of(name) => Some(json!({"changed": name})),
        Change::Deleted(name) => Some(json!({"deleted": name})),
        Change::None => None,
    }
}

fn watch(locum: &Locum, method: &str) -> Result<Items<Option<Value>>, Error> {
    watches!(locum, method;
        "WatchPolicies" => WatchPoliciesRequest,
        "WatchPools" => WatchPoolsRequest,
        "WatchRuns" => WatchRunsRequest,
        "WatchServers" => WatchServersRequest,
    )
}

fn text(command: &Value, key: &str) -> String {
    command[key].as_str().unwrap_or_default().into()
}

fn milliseconds(command: &Value, key: &str) -> Option<Duration> {
    command[key].as_u64().map(Duration::from_millis)
}

fn tls(command: &Value) -> ClientTlsConfig {
    let [ca, cert, key] = ["ca", "cert", "key"].map(|name| text(command, name));
    let config = ClientTlsConfig::new();
    let config = if ca.is_empty() { config.with_native_roots() } else { config.ca_certificate(Certificate::from_pem(ca)) };
    if cert.is_empty() { config } else { config.identity(Identity::from_pem(cert, key)) }
}

impl Player {
    fn session(&self, command: &Value) -> Result<Session, Error> {
        let clients = self.clients.lock().map_err(wrong)?;
        command["client"].as_u64().and_then(|id| clients.get(&id)).cloned().ok_or_else(|| wrong("no such client"))
    }

    fn method(&self, command: &Value) -> Result<MethodDescriptor, Error> {
        let service = self.protos.get_service_by_name(&format!("locum.v1.{}", text(command, "service")));
        let found = service.and_then(|service| service.methods().find(|each| each.name() == text(command, "method")));
        found.ok_or_else(|| wrong("no such method"))
    }

    fn connect(&self, command: &Value) -> Result<Value, Error> {
        let addresses = command["addresses"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut builder = Locum::builder(addresses);
        if let Some(timeout) = milliseconds(command, "timeoutMs") {
            builder = builder.timeout(timeout);
        }
        if command["tls"] == true {
            builder = builder.tls(tls(command));
        }
        if !text(command, "token").is_empty() {
            builder = builder.token(text(command, "token"));
        }
        let session = Session { locum: builder.connect()?, ended: Sender::new(false) };
        self.clients.lock().map_err(wrong)?.insert(command["id"].as_u64().unwrap_or_default(), session);
        Ok(json!({"client": command["id"]}))
    }

    async fn call(&self, command: &Value) -> Result<Value, Error> {
        let (session, method) = (self.session(command)?, self.method(command)?);
        let request = binary(method.input(), &command["request"])?;
        let call = call(&session.locum, method.name(), &request, milliseconds(command, "timeoutMs"));
        let answer = match milliseconds(command, "cancelAfterMs") {
            // A call is given up by dropping it.
            Some(wait) => tokio::time::timeout(wait, call).await.map_err(|_| Error::Failed(Status::cancelled("given up")))?,
            None => call.await,
        };
        let answer = DynamicMessage::decode(method.output(), answer?.as_slice()).map_err(wrong)?;
        Ok(json!({"answer": serde_json::to_value(answer).map_err(wrong)?}))
    }

    async fn list(&self, command: &Value) -> Result<Value, Error> {
        let (session, method) = (self.session(command)?, self.method(command)?);
        let request = binary(method.input(), &command["request"])?;
        Ok(json!({"names": list(&session.locum, method.name(), &request).await?}))
    }

    fn follow(&self, command: &Value) -> Result<Items<Option<Value>>, Error> {
        let after = text(command, "after").parse().map_err(wrong)?;
        let messages = self.session(command)?.locum.follow_events(text(command, "about"), after);
        let event = |message: WatchEventsResponse| message.event.map(|event| json!({"event": event.name}));
        Ok(Box::pin(messages.map(move |message| message.map(event))))
    }

    fn watch(&self, command: &Value) -> Result<Items<Option<Value>>, Error> {
        watch(&self.session(command)?.locum, &text(command, "method"))
    }

    /// Tells what comes until the session ends.
    async fn stream(&self, command: &Value, messages: Result<Items<Option<Value>>, Error>) -> Result<Value, Error> {
        let (mut messages, mut ended) = (messages?, self.session(command)?.ended.subscribe());
        loop {
            let message = tokio::select! {
                _ = ended.wait_for(|&ended| ended) => break,
                message = messages.next() => message,
            };
            let Some(message) = message else { break };
            if let Some(answer) = message? {
                tell(&command["id"], answer);
            }
        }
        Ok(json!({"ended": true}))
    }

    async fn fence(&self, command: &Value) -> Result<Value, Error> {
        let Ok(attempt) = PolicyContext::from_vars(|name| command["env"][name].as_str().map(Into::into)) else {
            return Ok(json!({"outside": true}));
        };
        let told = json!({"policy": attempt.policy, "run": attempt.run, "epoch": attempt.epoch.to_string()});
        let verdict = match Fence::new(&self.session(command)?.locum, attempt).assert_current().await {
            Ok(()) => "current",
            Err(FenceError::Fenced(_)) => "fenced",
            Err(FenceError::Unknown(error)) => return Err(error),
            Err(other) => return Err(wrong(other)),
        };
        Ok(json!({"context": told, "verdict": verdict}))
    }

    fn close(&self, command: &Value) -> Result<Value, Error> {
        self.session(command)?.ended.send_replace(true);
        self.clients.lock().map_err(wrong)?.remove(&command["client"].as_u64().unwrap_or_default());
        Ok(json!({"closed": true}))
    }

    async fn play(&self, command: Value) {
        let answer = match command["do"].as_str().unwrap_or_default() {
            "connect" => self.connect(&command),
            "call" => self.call(&command).await,
            "list" => self.list(&command).await,
            "follow" => self.stream(&command, self.follow(&command)).await,
            "watch" => self.stream(&command, self.watch(&command)).await,
            "fence" => self.fence(&command).await,
            "close" => self.close(&command),
            "end" => {
                if let Ok(session) = self.session(&command) {
                    session.ended.send_replace(true);
                }
                return;
            }
            other => Err(wrong(format!("no such command: {other}"))),
        };
        tell(&command["id"], answer.unwrap_or_else(failure));
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("player DESCRIPTORS")?;
    let protos = DescriptorPool::decode(std::fs::read(file)?.as_slice())?;
    let player = Arc::new(Player { protos, clients: Mutex::default() });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command = serde_json::from_str(&line)?;
        let player = player.clone();
        tokio::spawn(async move { player.play(command).await });
    }
    Ok(())
}
