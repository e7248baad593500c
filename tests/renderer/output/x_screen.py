"""What a desktop does to a window that no key or mouse can do: drops files on it, says how fine the screen is.

Straight from ``libX11.so.6``, which GLFW needs as well. The drop is XDND version 5 from the side of the source
(freedesktop.org, "Drag-and-Drop Protocol for the X Window System"): enter, position, drop, and the answer to whoever
asks for the selection.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_CLIENT_MESSAGE, _SELECTION_REQUEST, _SELECTION_NOTIFY = 33, 30, 31
_ATOM, _STRING, _REPLACE, _NOW = 4, 31, 0, 0
_long, _window = ctypes.c_long, ctypes.c_ulong


def needed(program: str, package: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed (Debian package {package})")
    return found


@contextmanager
def virtual_screen() -> Iterator[str]:
    """The name of an X server of our own, 800 x 600."""
    xvfb = needed("Xvfb", "xvfb")
    receiving, sending = os.pipe()
    server = subprocess.Popen(
        [xvfb, "-displayfd", str(sending), "-screen", "0", "800x600x24", "-nolisten", "tcp"],
        pass_fds=(sending,),
        stderr=subprocess.DEVNULL,
    )
    os.close(sending)
    with os.fdopen(receiving) as answer:
        number = answer.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(10)


class _Message(ctypes.Structure):
    _fields_ = (
        *(("type", ctypes.c_int), ("serial", _window), ("sent", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(("window", _window), ("message", _window), ("format", ctypes.c_int), ("data", _long * 5)),
    )


class _Request(ctypes.Structure):
    _fields_ = (
        *(("type", ctypes.c_int), ("serial", _window), ("sent", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(("owner", _window), ("requestor", _window), ("selection", _window), ("target", _window)),
        *(("property", _window), ("time", _window)),
    )


class _Notify(ctypes.Structure):
    _fields_ = (
        *(("type", ctypes.c_int), ("serial", _window), ("sent", ctypes.c_int), ("display", ctypes.c_void_p)),
        *(("requestor", _window), ("selection", _window), ("target", _window), ("property", _window)),
        ("time", _window),
    )


class _Event(ctypes.Union):
    _fields_ = (
        ("type", ctypes.c_int),
        ("message", _Message),
        ("request", _Request),
        ("notify", _Notify),
        ("room", _long * 24),
    )


class Screen:
    """A client of an X server."""

    def __init__(self, display: str) -> None:
        self._x = x = ctypes.CDLL("libX11.so.6")
        for name in ("XOpenDisplay", "XDefaultRootWindow", "XCreateSimpleWindow", "XInternAtom"):
            getattr(x, name).restype = ctypes.c_void_p if name == "XOpenDisplay" else _window
        self._display = ctypes.c_void_p(x.XOpenDisplay(display.encode()))
        assert self._display.value, f"no X server at {display}"
        self._root = _window(x.XDefaultRootWindow(self._display))
        self._atoms: dict[str, int] = {}

    def _atom(self, name: str) -> int:
        if name not in self._atoms:
            self._atoms[name] = self._x.XInternAtom(self._display, name.encode(), 0)
        return self._atoms[name]

    def fineness(self, dots_per_inch: int) -> None:
        """Say it where desktops say it, for programs that start from now on."""
        text = f"Xft.dpi:\t{dots_per_inch}\n".encode()
        name = _window(self._atom("RESOURCE_MANAGER"))
        self._x.XChangeProperty(self._display, self._root, name, _window(_STRING), 8, _REPLACE, text, len(text))
        self._x.XSync(self._display, 0)

    def drop(self, window: int, paths: Sequence[Path], *, at: tuple[int, int]) -> bool:
        """Drag files over a window and let go; whether it took them."""
        x, display, zero = self._x, self._display, (0, 0, 0, 0)
        mine = x.XCreateSimpleWindow(
            display, self._root, 0, 0, *(ctypes.c_uint(n) for n in (1, 1, 0)), *map(_window, (0, 0))
        )
        uris, selection = self._atom("text/uri-list"), self._atom("XdndSelection")
        x.XSetSelectionOwner(display, _window(selection), _window(mine), _window(_NOW))
        self._send(window, "XdndEnter", mine, 5 << 24, uris, 0, 0)
        place = (at[0] << 16) | at[1]
        self._send(window, "XdndPosition", mine, 0, place, _NOW, self._atom("XdndActionCopy"))
        if not self._message("XdndStatus").data[1] & 1:
            self._send(window, "XdndLeave", mine, *zero)
            return False
        self._send(window, "XdndDrop", mine, 0, _NOW, 0, 0)
        self._answer("".join(f"{path.as_uri()}\r\n" for path in paths).encode())
        taken = bool(self._message("XdndFinished").data[1])  # GLFW tells how many bytes it took
        x.XDestroyWindow(display, _window(mine))
        x.XSync(display, 0)
        return taken

    def _send(self, window: int, name: str, *data: int) -> None:
        event = _Event()
        event.message.type, event.message.window, event.message.format = _CLIENT_MESSAGE, window, 32
        event.message.message, event.message.data = self._atom(name), (_long * 5)(*data)
        self._x.XSendEvent(self._display, _window(window), 0, _long(0), ctypes.byref(event))
        self._x.XFlush(self._display)

    def _answer(self, content: bytes) -> None:
        """Give whoever asks what is dragged."""
        asked = self._next(lambda event: event.type == _SELECTION_REQUEST).request
        where, kind = _window(asked.property), _window(asked.target)
        requestor = _window(asked.requestor)
        self._x.XChangeProperty(self._display, requestor, where, kind, 8, _REPLACE, content, len(content))
        event = _Event()
        event.notify.type, event.notify.requestor, event.notify.time = _SELECTION_NOTIFY, asked.requestor, asked.time
        event.notify.selection, event.notify.target, event.notify.property = (
            asked.selection,
            asked.target,
            asked.property,
        )
        self._x.XSendEvent(self._display, requestor, 0, _long(0), ctypes.byref(event))
        self._x.XFlush(self._display)

    def _message(self, name: str) -> _Message:
        wanted = self._atom(name)
        return self._next(lambda event: event.type == _CLIENT_MESSAGE and event.message.message == wanted).message

    def _next(self, right) -> _Event:
        """The next event that is right; the window that is waited for has half a minute."""
        event = _Event()
        while True:
            if not self._x.XPending(self._display):
                ready, _, _ = select.select([self._x.XConnectionNumber(self._display)], [], [], 30)
                assert ready, "the window does not answer"
                continue
            self._x.XNextEvent(self._display, ctypes.byref(event))
            if right(event):
                return event

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)
