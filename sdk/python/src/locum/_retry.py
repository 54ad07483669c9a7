"""Which call is tried again, where, and when. No I/O: shared by the clients for threads and for asyncio."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any, TypeVar

import grpc

from ._errors import CallFailed, LocumError, UnreachableError

M = TypeVar("M")

# How long one of several addresses may take: one that hangs must not use up the time in which the next one answers.
TRY_SECONDS = 3.0

# Codes that grpc makes itself when a connection breaks under a call. An answer of a controller has a reason.
_BROKEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
}


def may_repeat(failure: CallFailed) -> bool:
    """Whether the same call may do better later or elsewhere: no answer, or one that says "not now, not here"."""
    if isinstance(failure, LocumError):
        return failure.code == grpc.StatusCode.UNAVAILABLE and failure.reason != "AGENT_UNREACHABLE"
    return failure.code in _BROKEN


def with_request_id(request: M) -> M:
    """A copy with a request_id of its own, where it takes one and has none."""
    fields: Any = request
    if "request_id" not in fields.DESCRIPTOR.fields_by_name or fields.request_id != "":
        return request
    copy = type(request)()
    fields = copy
    fields.CopyFrom(request)
    fields.request_id = str(uuid.uuid4())
    return copy


def backoff_seconds(base: float, cap: float, failures: int) -> float:
    """Doubles from `base` to `cap`; the half of it is chance, so that clients that failed together do not come back together."""
    doubled: float = base * 2 ** min(failures, 16)
    return min(cap, doubled) * (0.5 + random.random() / 2)


class Preference:
    """The addresses in the order in which they are asked: the one that answered last comes first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first = 0
        # Whether one ever answered: then nobody who listens is a controller that restarts, and no wrong address.
        self.answered = False

    def order(self) -> list[int]:
        first = self._first
        return [(first + i) % self._count for i in range(self._count)]

    def try_seconds(self, left: float) -> float:
        return min(left, TRY_SECONDS) if self._count > 1 else left

    def worked(self, index: int) -> None:
        self._first, self.answered = index, True

    def failed(self, index: int, failure: CallFailed) -> bool:
        """Whether the next address is worth a try."""
        if isinstance(failure, LocumError):
            self.answered = True
        hangs = failure.code == grpc.StatusCode.DEADLINE_EXCEEDED and self._count > 1
        if hangs and self._first == index:
            self._first = (index + 1) % self._count
        return hangs or may_repeat(failure)


class Rounds:
    """One call with all its repetitions; each round asks every address once."""

    def __init__(self, preference: Preference, timeout: float) -> None:
        self._preference = preference
        self._deadline = time.monotonic() + timeout
        self._failures = 0
        self._round: list[CallFailed] = []

    def try_seconds(self) -> float:
        return self._preference.try_seconds(max(0.001, self._deadline - time.monotonic()))

    def failed(self, index: int, failure: CallFailed) -> None:
        """Raises the failure where no other address could do better, or no time is left for one."""
        self._round.append(failure)
        if not self._preference.failed(index, failure) or time.monotonic() >= self._deadline:
            raise failure

    def pause(self) -> float:
        """Seconds to wait after a round in which all failed; raises when the call has failed for good."""
        unreachable = all(isinstance(failure, UnreachableError) for failure in self._round)
        # Of several failures, one that may have arrived somewhere tells more than one that did not.
        last = next((f for f in reversed(self._round) if not isinstance(f, UnreachableError)), self._round[-1])
        # Nobody listens, or TLS is refused. At the first try that is the answer.
        if unreachable and self._failures == 0 and not self._preference.answered:
            raise last
        after = last.retry_after if isinstance(last, LocumError) else None
        wait = after if after is not None else backoff_seconds(0.1, 1.0, self._failures)
        if time.monotonic() + wait >= self._deadline:
            raise last
        self._failures += 1
        self._round = []
        return wait
