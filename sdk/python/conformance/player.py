"""Does what sdk/conformance says, one line of JSON a command, with the client for threads or (`--aio`) for asyncio."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Coroutine
from typing import Any

import locum
from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

MEMBERS = {
    "PolicyService": "policies",
    "RunService": "runs",
    "ServerService": "servers",
    "PoolService": "pools",
    "EventService": "events",
    "FenceService": "fences",
    "ClusterService": "cluster",
    "AccessService": "access",
}
_writing = threading.Lock()


def tell(command: dict[str, Any], **what: Any) -> None:
    with _writing:
        print(json.dumps({"id": command["id"], **what}), flush=True)


def tell_failure(command: dict[str, Any], error: BaseException) -> None:
    if isinstance(error, locum.LocumError):
        violations = [{"field": v.field, "description": v.description} for v in error.field_violations]
        refused = {"reason": error.reason, "resource": error.resource, "fieldViolations": violations}
        tell(command, refused=refused)
    elif isinstance(error, locum.UnreachableError):
        tell(command, failed="UNREACHABLE")
    elif isinstance(error, locum.CallFailed):
        tell(command, failed=error.code.name)
    elif isinstance(error, asyncio.CancelledError):
        tell(command, failed="CANCELLED")
    else:
        tell(command, failed=repr(error))


def found(client: Any, command: dict[str, Any]) -> tuple[Any, Any]:
    """The method that a command names, and its request."""
    service = Default().FindServiceByName(f"locum.v1.{command['service']}")
    kind = GetMessageClass(service.methods_by_name[command["method"]].input_type)
    method = getattr(getattr(client, MEMBERS[command["service"]]), command["method"])
    return method, ParseDict(command["request"], kind())


def connecting(command: dict[str, Any]) -> dict[str, Any]:
    pem = {name: command[name].encode() for name in ("ca", "cert", "key") if name in command}
    return {
        "addresses": command["addresses"],
        "timeout": command["timeoutMs"] / 1000,
        "tls": locum.Tls(**pem) if command.get("tls") else None,
        "token": command.get("token"),
    }


def watched(client: Any, command: dict[str, Any]) -> Any:
    """The method that a command names, as a watch from a revision on."""

    def open_watch(revision: int) -> Any:
        method, request = found(client, {**command, "request": {"revision": str(revision)}})
        return method(request)

    return open_watch


def tell_change(command: dict[str, Any], message: Any) -> None:
    change = message.WhichOneof("change")
    if change == "deleted":
        tell(command, deleted=message.deleted)
    elif change is not None:
        tell(command, changed=getattr(message, change).name)


def seconds(command: dict[str, Any], name: str) -> float | None:
    return command[name] / 1000 if name in command else None


def context_of(command: dict[str, Any]) -> locum.PolicyContext | None:
    try:
        return locum.PolicyContext.from_env(command["env"])
    except ValueError:
        tell(command, outside=True)
        return None


def tell_context(command: dict[str, Any], context: locum.PolicyContext, verdict: str) -> None:
    told = {"policy": context.policy, "run": context.run, "epoch": str(context.epoch)}
    tell(command, context=told, verdict=verdict)


class Threads:
    def __init__(self) -> None:
        self.clients: dict[int, locum.Locum] = {}

    def play(self, command: dict[str, Any]) -> None:
        try:
            getattr(self, command["do"])(command)
        except Exception as error:
            tell_failure(command, error)

    def connect(self, command: dict[str, Any]) -> None:
        self.clients[command["id"]] = locum.connect(**connecting(command))
        tell(command, client=command["id"])

    def call(self, command: dict[str, Any]) -> None:
        client = self.clients[command["client"]]
        method, request = found(client, command)
        give_up_after = seconds(command, "cancelAfterMs")
        if give_up_after is not None:
            threading.Timer(give_up_after, client.close).start()
        tell(command, answer=MessageToDict(method(request, timeout=seconds(command, "timeoutMs"))))

    def list(self, command: dict[str, Any]) -> None:
        method, request = found(self.clients[command["client"]], command)
        tell(command, names=[item.name for item in locum.each_item(method, request, command["items"])])

    def follow(self, command: dict[str, Any]) -> None:
        client = self.clients[command["client"]]
        try:
            for message in locum.follow_events(client, about=command["about"], after=int(command["after"])):
                if message.HasField("event"):
                    tell(command, event=message.event.name)
        except locum.CallFailed:
            if not client.transport.closed:
                raise
            tell(command, ended=True)

    def watch(self, command: dict[str, Any]) -> None:
        client = self.clients[command["client"]]
        try:
            for message in locum.follow_resources(client, watched(client, command)):
                tell_change(command, message)
        except locum.CallFailed:
            if not client.transport.closed:
                raise
            tell(command, ended=True)

    def end(self, command: dict[str, Any]) -> None:
        self.clients[command["client"]].close()

    def fence(self, command: dict[str, Any]) -> None:
        context = context_of(command)
        if context is None:
            return
        try:
            locum.Fence(self.clients[command["client"]], context).assert_current()
            tell_context(command, context, "current")
        except locum.FencedError:
            tell_context(command, context, "fenced")

    def close(self, command: dict[str, Any]) -> None:
        self.clients[command["client"]].close()
        tell(command, closed=True)

    def main(self) -> None:
        for line in sys.stdin:
            threading.Thread(target=self.play, args=(json.loads(line),), daemon=True).start()


class Asyncio:
    def __init__(self) -> None:
        self.clients: dict[int, locum.AsyncLocum] = {}
        self.follows: dict[int, asyncio.Task[None]] = {}

    async def play(self, command: dict[str, Any]) -> None:
        try:
            await getattr(self, command["do"])(command)
        except (Exception, asyncio.CancelledError) as error:
            tell_failure(command, error)

    async def connect(self, command: dict[str, Any]) -> None:
        self.clients[command["id"]] = locum.connect_async(**connecting(command))
        tell(command, client=command["id"])

    async def call(self, command: dict[str, Any]) -> None:
        method, request = found(self.clients[command["client"]], command)
        task = asyncio.ensure_future(method(request, timeout=seconds(command, "timeoutMs")))
        give_up_after = seconds(command, "cancelAfterMs")
        if give_up_after is not None:
            asyncio.get_running_loop().call_later(give_up_after, task.cancel)
        tell(command, answer=MessageToDict(await task))

    async def list(self, command: dict[str, Any]) -> None:
        method, request = found(self.clients[command["client"]], command)
        items = locum.each_item_async(method, request, command["items"])
        tell(command, names=[item.name async for item in items])

    async def follow(self, command: dict[str, Any]) -> None:
        client = self.clients[command["client"]]

        async def follow() -> None:
            async for message in locum.follow_events_async(client, about=command["about"], after=int(command["after"])):
                if message.HasField("event"):
                    tell(command, event=message.event.name)

        await self.until_ended(command, follow())

    async def watch(self, command: dict[str, Any]) -> None:
        async def watch() -> None:
            client = self.clients[command["client"]]
            async for message in locum.follow_resources_async(watched(client, command)):
                tell_change(command, message)

        await self.until_ended(command, watch())

    async def until_ended(self, command: dict[str, Any], following: Coroutine[Any, Any, None]) -> None:
        self.follows[command["client"]] = task = asyncio.create_task(following)
        try:
            await task
        except asyncio.CancelledError:
            tell(command, ended=True)

    async def end(self, command: dict[str, Any]) -> None:
        self.follows[command["client"]].cancel()

    async def fence(self, command: dict[str, Any]) -> None:
        context = context_of(command)
        if context is None:
            return
        try:
            await locum.AsyncFence(self.clients[command["client"]], context).assert_current()
            tell_context(command, context, "current")
        except locum.FencedError:
            tell_context(command, context, "fenced")

    async def close(self, command: dict[str, Any]) -> None:
        await self.clients[command["client"]].close()
        tell(command, closed=True)

    async def main(self) -> None:
        loop, tasks = asyncio.get_running_loop(), set()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            task = asyncio.create_task(self.play(json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


if "--aio" in sys.argv:
    asyncio.run(Asyncio().main())
else:
    Threads().main()
