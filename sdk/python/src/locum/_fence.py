"""For code that runs inside a policy: who it is, and whether its attempt may still act (docs/guarantees.md)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ._client import Locum
from ._client_async import AsyncLocum
from ._errors import FencedError
from .v1.fence_service_pb2 import CheckFenceRequest, CheckFenceResponse


@dataclass(frozen=True)
class PolicyContext:
    """What the keeper told this process of its attempt."""

    policy: str
    """`policies/{policy}`."""
    run: str
    """`runs/{run}`."""
    epoch: int
    """Higher for each later attempt of a run."""

    @staticmethod
    def from_env(env: Mapping[str, str] = os.environ) -> PolicyContext:
        """Raises ValueError outside of a policy: then there is no attempt that could be fenced."""
        policy, run, epoch = env.get("LOCUM_POLICY", ""), env.get("LOCUM_RUN", ""), env.get("LOCUM_EPOCH", "")
        if policy == "" or run == "" or re.fullmatch(r"[1-9][0-9]*", epoch) is None:
            raise ValueError("LOCUM_POLICY, LOCUM_RUN and LOCUM_EPOCH are not set: this does not run inside a policy")
        return PolicyContext(_named("policies/", policy), _named("runs/", run), int(epoch))

    def request(self) -> CheckFenceRequest:
        return CheckFenceRequest(policy=self.policy, run=self.run, epoch=self.epoch)


class Fence:
    """A check says what was true a moment ago. What must never be written twice has to compare `token` in the write itself."""

    def __init__(self, locum: Locum, context: PolicyContext | None = None) -> None:
        self.context = PolicyContext.from_env() if context is None else context
        self.token = self.context.epoch
        self._locum = locum

    def check(self) -> CheckFenceResponse:
        """Asks the controllers. Where they can't be asked nothing is known, and the careful go on as if fenced."""
        return self._locum.fences.CheckFence(self.context.request())

    def assert_current(self) -> None:
        """Raises FencedError when the attempt was superseded or has ended, and what `check` raises."""
        answer = self.check()
        if not answer.current:
            raise FencedError(answer)


class AsyncFence:
    """`Fence` for asyncio."""

    def __init__(self, locum: AsyncLocum, context: PolicyContext | None = None) -> None:
        self.context = PolicyContext.from_env() if context is None else context
        self.token = self.context.epoch
        self._locum = locum

    async def check(self) -> CheckFenceResponse:
        return await self._locum.fences.CheckFence(self.context.request())

    async def assert_current(self) -> None:
        answer = await self.check()
        if not answer.current:
            raise FencedError(answer)


def _named(collection: str, name: str) -> str:
    return name if name.startswith(collection) else collection + name
