"""A client of Locum: changes that happen once, watches that go on, errors by reason, a fence for code inside a policy.

`connect` is for threads, `connect_async` for asyncio. The messages are in `locum.v1`; their comments are the reference.
"""

from ._client import Locum, connect
from ._client_async import AsyncLocum, connect_async
from ._errors import CallFailed, FencedError, FieldViolation, LocumError, UnreachableError
from ._fence import AsyncFence, Fence, PolicyContext
from ._options import Tls
from ._pages import each_item, each_item_async
from ._watch import follow_events, follow_resources
from ._watch_async import follow_events_async, follow_resources_async

__all__ = [
    "AsyncFence",
    "AsyncLocum",
    "CallFailed",
    "Fence",
    "FencedError",
    "FieldViolation",
    "Locum",
    "LocumError",
    "PolicyContext",
    "Tls",
    "UnreachableError",
    "connect",
    "connect_async",
    "each_item",
    "each_item_async",
    "follow_events",
    "follow_events_async",
    "follow_resources",
    "follow_resources_async",
]
