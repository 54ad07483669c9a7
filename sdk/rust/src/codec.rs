use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{EncodeBuf, Encoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What clients send. Changes have a `request_id`.
pub trait Request: Message + 'static {
    fn request_id(&mut self) -> Option<&mut String> {
        None
    }
}

/// Protobuf, where a change gets a `request_id` when it is encoded: once, however often it is sent.
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Codec(PhantomData)
    }
}

impl<T: Request, U: Message + Default + 'static> tonic::codec::Codec for Codec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = RequestEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        RequestEncoder(ProstEncoder::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::default()
    }
}

pub struct RequestEncoder<T>(ProstEncoder<T>);

impl<T: Request> Encoder for RequestEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, mut request: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        if let Some(id) = request.request_id()
            && id.is_empty()
        {
            *id = crate::retry::request_id();
        }
        self.0.encode(request, buffer)
    }
}
