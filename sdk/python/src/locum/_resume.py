"""Where a watch goes on when it was opened again. No I/O: shared by the clients for threads and for asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._errors import CallFailed, LocumError
from ._retry import backoff_seconds, may_repeat
from .v1.event_service_pb2 import WatchEventsRequest, WatchEventsResponse


class Patience:
    """Which broken streams are opened again, and after how long."""

    def __init__(self) -> None:
        self._failures = 0

    def worked(self) -> None:
        self._failures = 0

    def too_old(self, failure: CallFailed) -> bool:
        """Raises what repeating can't mend. True: what follows is not kept, or was not when this reader had time for it."""
        if isinstance(failure, LocumError) and failure.reason in ("REVISION_TOO_OLD", "SLOW_READER"):
            return True
        if not may_repeat(failure):
            raise failure
        return False

    def pause(self) -> float:
        self._failures += 1
        return backoff_seconds(0.2, 2.0, self._failures - 1)


class EventCursor:
    def __init__(self, about: str, after: int) -> None:
        self._about = about
        self._after = after
        self._allow_gap = False

    def request(self) -> WatchEventsRequest:
        return WatchEventsRequest(about=self._about, after=self._after, allow_gap=self._allow_gap)

    def saw(self, message: WatchEventsResponse) -> None:
        if message.position > 0:
            self._after, self._allow_gap = message.position, False

    def too_old(self) -> None:
        self._allow_gap = True


class ResourceCursor:
    """When a watch has to begin anew, what the new snapshot does not have was deleted meanwhile, and is told as deleted."""

    def __init__(self) -> None:
        self.revision = 0
        self._complete = False
        self._known: set[str] = set()
        self._in_snapshot: set[str] = set()

    def opening(self) -> int:
        if self.revision == 0:
            self._in_snapshot = set()
        return self.revision

    def saw(self, message: Any) -> Iterator[Any]:
        """What is to be told: the message, before it what is gone."""
        change = message.WhichOneof("change")
        if change == "deleted":
            self._known.discard(message.deleted)
        elif change is not None:
            (self._in_snapshot if message.revision == 0 else self._known).add(getattr(message, change).name)
        if message.snapshot_end:
            for name in self._known - self._in_snapshot:
                yield type(message)(revision=message.revision, deleted=name)
            self._known = self._in_snapshot
        # A snapshot that was cut off is taken again from its start.
        self._complete = self._complete or message.snapshot_end
        if self._complete:
            self.revision = message.revision
        yield message

    def too_old(self) -> None:
        self.revision = 0
        self._complete = False
