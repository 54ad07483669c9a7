"""Watches that go on over restarts and new leaders, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from ._client_async import AsyncLocum
from ._errors import CallFailed
from ._resume import EventCursor, Patience, ResourceCursor
from .v1.event_service_pb2 import WatchEventsResponse


async def follow_events_async(
    locum: AsyncLocum, *, about: str = "", after: int = 0
) -> AsyncIterator[WatchEventsResponse]:
    """`follow_events` for asyncio; ends when its task is cancelled."""
    cursor, patience = EventCursor(about, after), Patience()
    while True:
        try:
            async for message in locum.events.WatchEvents(cursor.request()):
                patience.worked()
                cursor.saw(message)
                yield message
        except CallFailed as failure:
            if patience.too_old(failure):
                cursor.too_old()
        await asyncio.sleep(patience.pause())


async def follow_resources_async(open_watch: Callable[[int], AsyncIterator[Any]]) -> AsyncIterator[Any]:
    """`follow_resources` for asyncio."""
    cursor, patience = ResourceCursor(), Patience()
    while True:
        try:
            async for message in open_watch(cursor.opening()):
                patience.worked()
                for told in cursor.saw(message):
                    yield told
        except CallFailed as failure:
            if patience.too_old(failure):
                cursor.too_old()
        await asyncio.sleep(patience.pause())
