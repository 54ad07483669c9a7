//! `client.rs` of the crate: a member per service, and what its layer has to know of requests and answers.

use std::collections::HashMap;
use std::fmt::Write;

use heck::{ToSnakeCase, ToUpperCamelCase};
use prost_types::field_descriptor_proto::Label;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

type Messages<'a> = HashMap<&'a str, &'a DescriptorProto>;

/// The last part of a name such as `.locum.v1.Run`.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn rust_type(name: &str) -> String {
    format!("v1::{}", short(name).to_upper_camel_case())
}

fn field<'a>(message: &'a DescriptorProto, name: &str) -> Option<&'a FieldDescriptorProto> {
    message.field.iter().find(|each| each.name() == name)
}

/// The name under which `Locum` has the client of a service.
fn member(service: &ServiceDescriptorProto) -> String {
    match service.name() {
        "PolicyService" => "policies".into(),
        "RunService" => "runs".into(),
        "ServerService" => "servers".into(),
        "PoolService" => "pools".into(),
        "EventService" => "events".into(),
        "FenceService" => "fences".into(),
        other => other.trim_end_matches("Service").to_snake_case(),
    }
}

fn accessor(service: &ServiceDescriptorProto) -> String {
    let name = service.name();
    let (module, client) = (format!("{}_client", name.to_snake_case()), format!("{}Client", name.to_upper_camel_case()));
    format!(
        "    /// {name}.\n    pub fn {}(&self) -> v1::{module}::{client}<Connection> {{\n        \
         v1::{module}::{client}::new(self.connection()).max_decoding_message_size(crate::call::ANSWER_LIMIT)\n    }}\n",
        member(service)
    )
}

fn request(input: &str, message: &DescriptorProto) -> String {
    let body = match field(message, "request_id") {
        Some(_) => "    fn request_id(&mut self) -> Option<&mut String> {\n        Some(&mut self.request_id)\n    }\n",
        None => "",
    };
    format!("impl Request for {input} {{\n{body}}}\n")
}

/// Lists that come page by page.
fn list(call: &str, input: &str, answer: &DescriptorProto) -> Option<String> {
    field(answer, "next_page_token")?;
    let items = answer.field.iter().find(|each| each.label() == Label::Repeated)?;
    Some(format!(
        "impl List for {input} {{\n    type Item = {};\n    fn turn_to(&mut self, page_token: String) {{\n        \
         self.page_token = page_token;\n    }}\n    async fn page(self, locum: &Locum) -> Result<Page<Self::Item>, tonic::Status> {{\n        \
         let answer = {call}.await?.into_inner();\n        \
         Ok(Page {{ items: answer.{}, next: answer.next_page_token }})\n    }}\n}}\n",
        rust_type(items.type_name()),
        items.name()
    ))
}

/// Watches of resources: a snapshot first, then each change, by revision.
fn watch(call: &str, input: &str, output: &str, answer: &DescriptorProto) -> Option<String> {
    field(answer, "snapshot_end")?;
    let resource = answer.field.iter().find(|each| each.oneof_index.is_some() && each.name() != "deleted")?;
    let change = format!("v1::{}::Change", output.trim_start_matches("v1::").to_snake_case());
    let variant = resource.name().to_upper_camel_case();
    Some(format!(
        "impl Watch for {input} {{\n    type Answer = {output};\n    fn begin_at(&mut self, revision: u64) {{\n        \
         self.revision = revision;\n    }}\n    \
         async fn open(self, locum: &Locum) -> Result<tonic::Streaming<Self::Answer>, tonic::Status> {{\n        \
         Ok({call}.await?.into_inner())\n    }}\n}}\n\
         impl ChangeMessage for {output} {{\n    fn revision(&self) -> u64 {{\n        self.revision\n    }}\n    \
         fn snapshot_end(&self) -> bool {{\n        self.snapshot_end\n    }}\n    \
         fn change(&self) -> Change<'_> {{\n        match &self.change {{\n            \
         Some({change}::{variant}(resource)) => Change::Of(&resource.name),\n            \
         Some({change}::Deleted(name)) => Change::Deleted(name),\n            None => Change::None,\n        }}\n    }}\n    \
         fn deleted(revision: u64, name: String) -> Self {{\n        \
         Self {{ revision, change: Some({change}::Deleted(name)), ..Default::default() }}\n    }}\n}}\n"
    ))
}

fn method(service: &ServiceDescriptorProto, method: &MethodDescriptorProto, messages: &Messages) -> Result<String, String> {
    let known = |name: &str| messages.get(short(name)).copied().ok_or(format!("{} is not in the package", short(name)));
    let (takes, gives) = (known(method.input_type())?, known(method.output_type())?);
    let (input, output) = (rust_type(method.input_type()), rust_type(method.output_type()));
    let call = format!("locum.{}().{}(self)", member(service), method.name().to_snake_case());
    let more = match method.server_streaming() {
        true => watch(&call, &input, &output, gives),
        false => list(&call, &input, gives),
    };
    Ok(request(&input, takes) + &more.unwrap_or_default())
}

pub fn generate(files: &[FileDescriptorProto]) -> Result<String, String> {
    let messages: Messages = files.iter().flat_map(|each| &each.message_type).map(|each| (each.name(), each)).collect();
    let services: Vec<_> = files.iter().flat_map(|each| &each.service).collect();
    let mut text = String::from("// Generated from the protos.\n");
    text += "use crate::codec::Request;\nuse crate::pages::{List, Page};\nuse crate::resources::{Change, ChangeMessage, Watch};\n";
    text += "use crate::{Connection, Locum, v1};\n\n/// A client per service: tonic's, over all controllers.\nimpl Locum {\n";
    text.extend(services.iter().map(|each| accessor(each)));
    text += "}\n";
    let mut streams = Vec::new();
    for service in services {
        for each in &service.method {
            text += &method(service, each, &messages)?;
            if each.server_streaming() {
                streams.push(format!("\"/locum.v1.{}/{}\"", service.name(), each.name()));
            }
        }
    }
    let _ = write!(text, "pub(crate) const STREAMS: &[&str] = &[{}];\n", streams.join(", "));
    Ok(text)
}
