"""Lists page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

Q = TypeVar("Q")


def each_item(method: Callable[[Q], Any], request: Q, items: str) -> Iterator[Any]:
    """`each_item(locum.runs.ListRuns, ListRunsRequest(), "runs")`: all of them, whatever the size of the pages."""
    request = _copy(request)
    while True:
        page = method(request)
        yield from getattr(page, items)
        if page.next_page_token == "":
            return
        setattr(request, "page_token", page.next_page_token)


async def each_item_async(method: Callable[[Q], Awaitable[Any]], request: Q, items: str) -> AsyncIterator[Any]:
    request = _copy(request)
    while True:
        page = await method(request)
        for item in getattr(page, items):
            yield item
        if page.next_page_token == "":
            return
        setattr(request, "page_token", page.next_page_token)


def _copy(request: Q) -> Q:
    copy: Any = type(request)()
    copy.CopyFrom(request)
    result: Q = copy
    return result
