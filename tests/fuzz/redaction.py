"""Masking: whatever stands around a secret, it does not come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from device_agent.api.scrub import Scrubber
from device_agent.api.scrub import _forms as echoed
from device_agent.redaction import redact, redacted
from device_agent.service.scrubber import scrub
from tests.canaries import forms
from tests.fuzz.target import Target

SECRET = "Kanarie+4711/Vogel=?"
OPAQUE = "kAnArIeVoGeL" * 8
PLACE = "\x01"
"""Where in a case the secret is put; a case without has it at its end."""

CARRIED = (
    f" https://user:{OPAQUE[:12]}@a.example/x ", f" https://a.example/x?t={OPAQUE[:12]} ", f" ws://a#{OPAQUE[:12]} ",
    f" {OPAQUE} ",
)  # fmt: skip
FORMS = sorted(echoed(SECRET))
ECHOES = (*FORMS, *(mark.decode() for name, mark in forms(SECRET).items() if name != "hexadecimal"))
SCRUBBER = Scrubber([SECRET, "abcd"])
MINE = (" 203.0.113.77 ", " 2001:db8::7b ", " 02:00:5e:10:00:77 ", " who.ever@mail.example ", " KIOSK-4711 ",
        " /home/somebody ", " kiosk-host ")  # fmt: skip


TEXTS = (b"x \x01 y", b"https://u:p@h/p?q=\x01&r=1", b'{"a": "\x01"}', b"a://\x01://b@c", b"1.2:\x01", b"\x01/x\x01")


def with_secret(data: bytes, secrets: Sequence[str]) -> str:
    """The first byte of a case chooses the secret, the rest is the text that it stands in."""
    secret, text = secrets[data[0] % len(secrets)] if data else secrets[0], data[1:].decode("utf-8", "replace")
    return text.replace(PLACE, secret) if PLACE in text else text + secret


def absent(text: str, marks: Iterable[str]) -> None:
    shown = [mark for mark in marks if mark.casefold() in text.casefold()]
    assert not shown, "a secret came out"


def log(data: bytes) -> None:
    """What addresses carry, in any text; long opaque ones; and any value by its name."""
    text = with_secret(data, CARRIED)
    absent(redacted(text), [OPAQUE[:12]])
    event = redact({"a": {"access_token": text}, "license": [text], "b": ({"password": text},), "c": text})
    absent(str(event), [OPAQUE[:12]])


def foreign(data: bytes) -> None:
    """What a request carried, in whatever form a server echoes it."""
    told = SCRUBBER.clean(with_secret(data, FORMS), limit=500)
    absent(told, ECHOES)
    assert len(told) <= 500
    assert told.isprintable()


def leaving(data: bytes) -> None:
    """What leaves the house in a bundle: addresses, names and people as words of their own."""
    told, counts = scrub(with_secret(data, MINE), hostname="kiosk-host", names=["KIOSK-4711"])
    absent(told, MINE)
    assert all(counts.values())


def around(run: Callable[[bytes], None]) -> Target:
    return Target(
        run=run,
        seeds=lambda: [bytes([number]) + text for number, text in enumerate(TEXTS)],
        longest=1024,
    )


TARGETS = {"log": around(log), "echoed-secret": around(foreign), "support-bundle": around(leaving)}
