"""The client for asyncio: the same as the one for threads; a call is given up by cancelling its task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
import grpc.aio

from ._errors import CallFailed, failure_from
from ._options import Options, Tls
from ._retry import Preference, Rounds, with_request_id
from .services import AsyncServices

M = TypeVar("M")


class AsyncTransport:
    """One transport over several controllers. A call that may not have arrived is repeated, with the same request_id."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._preference = Preference(len(options.addresses))
        self._channels = [_channel(address, options) for address in options.addresses]

    async def unary(self, path: str, request: Any, answer: type[M], timeout: float | None) -> M:
        message = with_request_id(request)
        rounds = Rounds(self._preference, self._options.timeout if timeout is None else timeout)
        while True:
            for index in self._preference.order():
                ask = self._channels[index].unary_unary(path, type(message).SerializeToString, _reader(answer))
                try:
                    found: M = await ask(message, timeout=rounds.try_seconds(), metadata=self._options.metadata())
                    self._preference.worked(index)
                    return found
                except grpc.RpcError as error:
                    rounds.failed(index, failure_from(error))
            await asyncio.sleep(rounds.pause())

    async def stream(self, path: str, request: Any, answer: type[M]) -> AsyncIterator[M]:
        """Only the opening is tried on each address; what breaks later is opened again by its reader."""
        failure: CallFailed | None = None
        for index in self._preference.order():
            open_ = self._channels[index].unary_stream(path, type(request).SerializeToString, _reader(answer))
            call = open_(request, metadata=self._options.metadata())
            begun = False
            try:
                async for message in call:
                    if not begun:
                        self._preference.worked(index)
                    begun = True
                    yield message
                return
            except grpc.RpcError as error:
                failure = failure_from(error)
                if begun or not self._preference.failed(index, failure):
                    raise failure from None
            finally:
                call.cancel()
        if failure is not None:
            raise failure

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


def _reader(answer: type[M]) -> Callable[[bytes], M]:
    parse: Callable[[bytes], M] = getattr(answer, "FromString")
    return parse


def _channel(address: str, options: Options) -> Any:
    if options.tls is None:
        return grpc.aio.insecure_channel(address, options.channel_options())
    return grpc.aio.secure_channel(address, options.tls.credentials(), options.channel_options())


class AsyncLocum(AsyncServices):
    """One member per service of the API, over all controllers."""

    def __init__(self, transport: AsyncTransport) -> None:
        super().__init__(transport)
        self.transport = transport

    async def close(self) -> None:
        await self.transport.close()

    async def __aenter__(self) -> AsyncLocum:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect_async(
    addresses: Sequence[str],
    *,
    timeout: float = 10.0,
    token: str | Callable[[], str] | None = None,
    tls: Tls | None = None,
    actor: str | None = None,
) -> AsyncLocum:
    """`connect` for asyncio. To be called where a loop runs."""
    return AsyncLocum(AsyncTransport(Options(addresses, timeout, token, tls, actor)))
