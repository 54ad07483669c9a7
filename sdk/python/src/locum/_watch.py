"""Watches that go on over restarts and new leaders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ._client import Locum
from ._errors import CallFailed
from ._resume import EventCursor, Patience, ResourceCursor
from .v1.event_service_pb2 import WatchEventsResponse


def follow_events(locum: Locum, *, about: str = "", after: int = 0) -> Iterator[WatchEventsResponse]:
    """The event log as it grows. Nothing is left out without a word.

    What is no longer kept is in `dropped_up_to`; after a restore of the store `restored` says from where it was undone. A
    message without `event` only shows that the stream is alive. `after`: number of the event to begin after; 0: only new ones.
    """
    cursor, patience = EventCursor(about, after), Patience()
    while True:
        try:
            for message in locum.events.WatchEvents(cursor.request()):
                patience.worked()
                cursor.saw(message)
                yield message
        except CallFailed as failure:
            _stop_if_closed(locum, failure)
            if patience.too_old(failure):
                cursor.too_old()
        locum.transport.pause(patience.pause())


def follow_resources(locum: Locum, open_watch: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
    """`follow_resources(locum, lambda revision: locum.runs.WatchRuns(WatchRunsRequest(revision=revision)))`."""
    cursor, patience = ResourceCursor(), Patience()
    while True:
        try:
            for message in open_watch(cursor.opening()):
                patience.worked()
                yield from cursor.saw(message)
        except CallFailed as failure:
            _stop_if_closed(locum, failure)
            if patience.too_old(failure):
                cursor.too_old()
        locum.transport.pause(patience.pause())


def _stop_if_closed(locum: Locum, failure: CallFailed) -> None:
    if locum.transport.closed:
        raise failure
