"""The client for threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc

from ._errors import CallFailed, failure_from
from ._options import Options, Tls
from ._retry import Preference, Rounds, with_request_id
from .services import Services

M = TypeVar("M")


class Transport:
    """One transport over several controllers. A call that may not have arrived is repeated, with the same request_id."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._preference = Preference(len(options.addresses))
        self._channels = [_channel(address, options) for address in options.addresses]
        self._closed = threading.Event()

    def unary(self, path: str, request: Any, answer: type[M], timeout: float | None) -> M:
        message = with_request_id(request)
        rounds = Rounds(self._preference, self._options.timeout if timeout is None else timeout)
        while True:
            for index in self._preference.order():
                ask = self._channels[index].unary_unary(path, type(message).SerializeToString, _reader(answer))
                try:
                    found: M = ask(message, timeout=rounds.try_seconds(), metadata=self._options.metadata())
                    self._preference.worked(index)
                    return found
                except (grpc.RpcError, ValueError) as error:
                    rounds.failed(index, self._failure(error))
            if self._closed.wait(rounds.pause()):
                raise _gone()

    def stream(self, path: str, request: Any, answer: type[M]) -> Iterator[M]:
        """Only the opening is tried on each address; what breaks later is opened again by its reader (follow_events)."""
        failure: CallFailed | None = None
        for index in self._preference.order():
            open_ = self._channels[index].unary_stream(path, type(request).SerializeToString, _reader(answer))
            call: Any = None
            begun = False
            try:
                call = open_(request, metadata=self._options.metadata())
                for message in call:
                    if not begun:
                        self._preference.worked(index)
                    begun = True
                    yield message
                return
            except (grpc.RpcError, ValueError) as error:
                failure = self._failure(error)
                if begun or self._closed.is_set() or not self._preference.failed(index, failure):
                    raise failure from None
            finally:
                if call is not None:
                    call.cancel()
        if failure is not None:
            raise failure

    def _failure(self, error: BaseException) -> CallFailed:
        # A closed channel says so by ValueError.
        if self._closed.is_set():
            raise _gone() from None
        if isinstance(error, ValueError):
            raise error
        return failure_from(error)

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    def pause(self, seconds: float) -> None:
        """Waits, unless the client is closed meanwhile; raises then."""
        if self._closed.wait(seconds):
            raise _gone()

    def close(self) -> None:
        self._closed.set()
        for channel in self._channels:
            channel.close()


def _gone() -> CallFailed:
    return CallFailed(grpc.StatusCode.CANCELLED, "the client was closed")


def _reader(answer: type[M]) -> Callable[[bytes], M]:
    parse: Callable[[bytes], M] = getattr(answer, "FromString")
    return parse


def _channel(address: str, options: Options) -> grpc.Channel:
    if options.tls is None:
        return grpc.insecure_channel(address, options.channel_options())
    return grpc.secure_channel(address, options.tls.credentials(), options.channel_options())


class Locum(Services):
    """One member per service of the API, over all controllers. Safe for use by several threads."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.transport = transport

    def close(self) -> None:
        """Gives up what is under way, with `CallFailed` of CANCELLED, and closes all connections."""
        self.transport.close()

    def __enter__(self) -> Locum:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    addresses: Sequence[str],
    *,
    timeout: float = 10.0,
    token: str | Callable[[], str] | None = None,
    tls: Tls | None = None,
    actor: str | None = None,
) -> Locum:
    """Dials nothing before the first call.

    addresses: `host:port`, at least one. timeout: seconds for one call with all its repetitions. token: sent as
    `authorization: Bearer …`; a function is asked before each try. actor: who asks, for the event log; default: the user of
    this process. Raises ValueError for a token that would go over a network in plain text.
    """
    return Locum(Transport(Options(addresses, timeout, token, tls, actor)))
