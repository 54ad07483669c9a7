//! A plugin of protoc that writes `v1.rs`: the messages and tonic's clients, as prost-build and tonic-prost-build make them; and `client.rs`:
//! what `locum-client` has to know of each method beyond that.

mod client;

use std::io::{Read, Write};

use prost::Message;
use prost_build::Module;
use prost_types::FileDescriptorProto;
use prost_types::compiler::code_generator_response::{Feature, File};
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};

const PACKAGE: &str = "locum.v1";

fn file(name: &str, content: String) -> File {
    File { name: Some(name.into()), content: Some(content), ..Default::default() }
}

/// Of all files: what ours import is named in them, and is in prost-types.
fn messages(files: &[FileDescriptorProto]) -> std::io::Result<String> {
    let services =
        tonic_prost_build::configure().build_server(false).build_transport(false).codec_path("crate::codec::Codec").service_generator();
    let requests = files.iter().map(|each| (Module::from_protobuf_package_name(each.package()), each.clone())).collect();
    let mut made = prost_build::Config::new().service_generator(services).generate(requests)?;
    Ok(made.remove(&Module::from_protobuf_package_name(PACKAGE)).unwrap_or_default())
}

fn generate(request: CodeGeneratorRequest) -> Result<Vec<File>, String> {
    let v1 = messages(&request.proto_file).map_err(|error| error.to_string())?;
    let own: Vec<_> = request.proto_file.into_iter().filter(|each| each.package() == PACKAGE).collect();
    Ok(vec![file("v1.rs", v1), file("client.rs", client::generate(&own)?)])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let (file, error) = match generate(CodeGeneratorRequest::decode(bytes.as_slice())?) {
        Ok(files) => (files, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    let features = Some(Feature::Proto3Optional as u64);
    let answer = CodeGeneratorResponse { file, error, supported_features: features, ..Default::default() };
    std::io::stdout().write_all(&answer.encode_to_vec())?;
    Ok(())
}
