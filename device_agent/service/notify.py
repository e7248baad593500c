"""What systemd is told (sd_notify(3)): a datagram to the socket that it names; nothing where there is none."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping


class Notifier:
    """Tells the service manager. A manager that does not listen is no reason to stop."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # An address that starts with @ lies in Linux's abstract namespace; anything else but a path is not for us.
        self._address = "\0" + address[1:] if address.startswith("@") else address if address.startswith("/") else ""
        interval = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(interval) / 1e6 if interval.isascii() and interval.isdigit() else 0.0

    def ready(self, status: str) -> None:
        """The service is up."""
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def reloading(self) -> None:
        """Settings are being read again; ``ready`` ends that."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._tell(f"STATUS={_line(status)}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is going down on purpose."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
                connection.connect(self._address)
                connection.send(text.encode())
        except OSError:
            return


def _line(text: str) -> str:
    return " ".join(text.split())
