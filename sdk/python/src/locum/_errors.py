"""What a call can fail with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from .v1 import fence_service_pb2


@dataclass(frozen=True)
class FieldViolation:
    field: str
    description: str


class CallFailed(Exception):
    """No controller answered: time ran out, the call was given up, or the connection broke. A change may have happened."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


class UnreachableError(CallFailed):
    """No connection to any address, so nothing was sent: nobody listens, or TLS was refused."""


class LocumError(CallFailed):
    """What a controller answered instead of doing it. Tell errors apart by `reason` (docs/errors.md), never by their text."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str],
        resource: str,
        field_violations: Sequence[FieldViolation],
        retry_after: float | None,
    ) -> None:
        super().__init__(code, message)
        self.reason = reason
        self.metadata = metadata
        self.resource = resource
        """Name of what the error is about, such as `policies/web`. Empty: nothing in particular."""
        self.field_violations = field_violations
        self.retry_after = retry_after
        """Seconds after which to try again. None: the controller does not say."""


class FencedError(Exception):
    """Another attempt may be running: what is left undone must stay undone here."""

    def __init__(self, answer: fence_service_pb2.CheckFenceResponse) -> None:
        super().__init__(answer.message)
        self.answer = answer


# What grpc says when it could not even connect: nothing was sent.
_NEVER_ARRIVED = ("failed to connect to all addresses", "DNS resolution failed", "name resolution failure")


def failure_from(error: Any) -> CallFailed:
    """Takes a grpc.RpcError of either kind, threads or asyncio."""
    code: grpc.StatusCode = error.code()
    message: str = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            found = _answer(code, message, status_pb2.Status.FromString(value))
            if found is not None:
                return found
    if code == grpc.StatusCode.UNAVAILABLE and any(text in message for text in _NEVER_ARRIVED):
        return UnreachableError(code, message)
    return CallFailed(code, message)


def _answer(code: grpc.StatusCode, message: str, status: Any) -> LocumError | None:
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    resource = error_details_pb2.ResourceInfo()
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        for kind in (info, bad, resource, retry):
            if detail.Is(kind.DESCRIPTOR):
                detail.Unpack(kind)
    if info.domain != "locum":
        return None
    return LocumError(
        code,
        message,
        reason=info.reason,
        metadata=dict(info.metadata),
        resource=resource.resource_name,
        field_violations=[FieldViolation(v.field, v.description) for v in bad.field_violations],
        retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
    )
