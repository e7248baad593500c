"""The one of the display's two processes that has the device's keys: it looks at the disk and opens packages.

It decrypts, and decodes nothing: pictures and meshes are the other's business, which has no keys (see ``confinement``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from certs.errors import CertError
from device_agent.config import Settings
from device_agent.display.channel import Channel
from device_agent.display.messages import Answer, NotOpened, Opened, Seen, Wanted
from device_agent.display.opening import open_files
from device_agent.display.seen import State
from device_agent.display.state import Watcher
from device_agent.errors import AgentError

MOST_ASKED = 64 * 1024
"""Bytes of a request at most: the process that asks may have been taken over."""


class Opener:
    """Answers until nobody asks any more.

    Args:
        watcher: what looks at the disk.
        places: settings -> what the other process must not reach.
        looks, opens: this process's ends of two channels, since a look must not wait for a package.
    """

    def __init__(
        self,
        *,
        watcher: Watcher,
        places: Callable[[Settings | None], frozenset[Path]],
        looks: Channel,
        opens: Channel,
    ) -> None:
        self._watcher, self._places = watcher, places
        self._looks, self._opens = looks, opens
        self._told: State | None = None

    def serve(self) -> None:
        """Until the other end is closed."""
        threading.Thread(target=self._serve_opens, name="opens", daemon=True).start()
        with suppress(OSError):
            while self._looks.receive(limit=MOST_ASKED) is not None:
                self._looks.send(msgspec.msgpack.encode(self._seen()))

    def _seen(self) -> Seen:
        state = self._watcher.look()
        settings = self._watcher.settings
        before, self._told = self._told, state
        return Seen(
            state=None if state is before else state,
            state_dir="" if settings is None else str(settings.state_dir.absolute()),
            places=frozenset(map(str, self._places(settings))),
        )

    def _serve_opens(self) -> None:
        with suppress(OSError):
            while (asked := self._opens.receive(limit=MOST_ASKED)) is not None:
                self._opens.send(msgspec.msgpack.encode(self._opened(asked)))

    def _opened(self, asked: bytearray) -> Answer:
        settings = self._watcher.settings
        try:
            wanted = msgspec.msgpack.decode(asked, type=Wanted)
            if settings is None:
                return NotOpened(code="display.gone", message="the settings cannot be read")
            files = open_files(
                settings.state_dir, settings.cache_dir, code=wanted.code, sha256=wanted.sha256, tpm=settings.tpm
            )
        except (AgentError, CertError) as error:
            return NotOpened(code=error.code, message=str(error))
        except Exception as error:  # noqa: BLE001 -- it must be told, and the next package may open
            return NotOpened(code="defect", message=type(error).__name__)
        return Opened(files=files)
