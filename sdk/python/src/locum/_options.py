"""Who calls, where, and by which rules of gRPC. No I/O."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\]):\d+")


@dataclass(frozen=True)
class Tls:
    """PEM texts. With none of them: the authorities that grpc ships are trusted."""

    ca: bytes | None = None
    cert: bytes | None = None
    key: bytes | None = None
    servername: str | None = None
    """Name in the controller's certificate, where it is not the host of its address."""

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca, self.key, self.cert)


@dataclass(frozen=True)
class Options:
    addresses: Sequence[str]
    timeout: float
    token: str | Callable[[], str] | None
    tls: Tls | None
    actor: str | None

    def __post_init__(self) -> None:
        if isinstance(self.addresses, str) or len(self.addresses) == 0:
            raise ValueError("addresses: a list of at least one host:port")
        exposed = next((a for a in self.addresses if not _LOOPBACK.fullmatch(a)), None)
        if self.token is not None and self.tls is None and exposed is not None:
            raise ValueError(f'a token would go to {exposed} in plain text: give "tls", too')

    def metadata(self) -> list[tuple[str, str]]:
        found = [("x-locum-actor", re.sub(r"[^\x20-\x7e]", "?", self.actor or _user())[:128])]
        if self.token is not None:
            token = self.token if isinstance(self.token, str) else self.token()
            found.append(("authorization", f"Bearer {token}"))
        return found

    def channel_options(self) -> list[tuple[str, int | str]]:
        options: list[tuple[str, int | str]] = [
            # Repeated here, with a request_id. grpc's own retries would know nothing of other addresses.
            ("grpc.enable_retries", 0),
            ("grpc.keepalive_time_ms", 10_000),
            ("grpc.keepalive_timeout_ms", 5_000),
            ("grpc.initial_reconnect_backoff_ms", 100),
            # grpc takes this as the time that a connection may take, too.
            ("grpc.min_reconnect_backoff_ms", 10_000),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            # A connection of its own: closing the client closes it, and two clients never share a hung one.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", 64 * 1024 * 1024),
        ]
        if self.tls is not None and self.tls.servername is not None:
            options.append(("grpc.ssl_target_name_override", self.tls.servername))
        return options


def _user() -> str:
    try:
        return getpass.getuser() or "unknown"
    except (KeyError, OSError):
        # A process may have no name of its own, as in some containers.
        return "unknown"
