//! `grpc.reflection.v1.ServerReflection`: what there is to be called, for tools that have no `proto/`.

use doorward_users::grpc::code::Code;
use doorward_users::grpc::refusal::Refusal;
use futures::stream::TryStreamExt as _;

use crate::pb::reflection::server_reflection_request::MessageRequest;
use crate::pb::reflection::server_reflection_response::MessageResponse;
use crate::pb::reflection::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use crate::wire::{Incoming, Messages, framed};

include!("generated/files.rs");

/// A file of `proto/`, or one that it imports.
struct File {
    /// Its name, by which others import it.
    name: &'static str,
    /// Its `google.protobuf.FileDescriptorProto`.
    descriptor: &'static [u8],
    /// The full names of what it declares: messages, enums, services and their methods.
    symbols: &'static [&'static str],
}

/// How it is called.
pub const SERVICE: &str = "grpc.reflection.v1.ServerReflection";

/// Answers a call of a method: a message for each that comes.
pub fn answer(method: &str, incoming: Incoming) -> Result<Messages, Refusal> {
    match method {
        "ServerReflectionInfo" => {
            let answers = incoming.all().map_ok(|asked| framed(&[told(asked)]));
            Ok(Messages::many(answers))
        }
        _ => Err(Refusal::NoMethod),
    }
}

fn told(asked: ServerReflectionRequest) -> ServerReflectionResponse {
    let message = match &asked.message_request {
        Some(MessageRequest::FileByFilename(name)) => file(|file| file.name == name),
        Some(MessageRequest::FileContainingSymbol(symbol)) => {
            file(|file| file.symbols.contains(&symbol.as_str()))
        }
        Some(MessageRequest::ListServices(_)) => {
            let service = SERVICES.iter().map(|name| ServiceResponse {
                name: (*name).to_owned(),
            });
            MessageResponse::ListServicesResponse(ListServiceResponse {
                service: service.collect(),
            })
        }
        // No file has extensions.
        Some(
            MessageRequest::FileContainingExtension(_)
            | MessageRequest::AllExtensionNumbersOfType(_),
        ) => error(Code::NotFound, "There are no extensions."),
        None => error(Code::InvalidArgument, "Nothing is asked for."),
    };
    ServerReflectionResponse {
        valid_host: asked.host.clone(),
        original_request: Some(asked),
        message_response: Some(message),
    }
}

fn file(is_meant: impl Fn(&File) -> bool) -> MessageResponse {
    match FILES.iter().find(|file| is_meant(file)) {
        Some(file) => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: vec![file.descriptor.to_vec()],
        }),
        None => error(Code::NotFound, "There is no such file or symbol."),
    }
}

fn error(code: Code, message: &str) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse {
        error_code: code as i32,
        error_message: message.to_owned(),
    })
}
