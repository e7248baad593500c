"""Pass phrases: from a private file, from stdin, or typed where nobody sees it; never from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from certs.secret import SecretBytes
from device_agent.errors import UsageError

LONGEST = 1024

PassFile = Annotated[
    Path | None,
    typer.Option(
        "--pass-file",
        help="File with the pass phrase, mode 0600; - reads a line from stdin. Default: it is asked for.",
        metavar="FILE",
    ),
]


def passphrase(file: Path | None, *, twice: bool = False) -> SecretBytes:
    """The pass phrase, UTF-8, without the end of its line.

    Args:
        twice: a typed one is asked for twice, because it will be needed again.

    Raises:
        UsageError: there is none, it is too long, or nobody is there to be asked.
        PrivateFileError: others can read the file, or it is not there.
    """
    if file is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "a pass phrase is needed, and nobody is there to be asked",
                code="usage.passphrase",
                hint="put it into a file of mode 0600 (--pass-file FILE), or send it to stdin (--pass-file -)",
            )
        # On stderr, so that stdout holds results only.
        return _checked(typer.prompt("Pass phrase", hide_input=True, confirmation_prompt=twice, err=True).encode())
    if str(file) == "-":
        return _checked(sys.stdin.buffer.readline(LONGEST + 2))
    from certs.files import read_private

    return _checked(read_private(file, limit=LONGEST + 2).partition(b"\n")[0])


def _checked(line: bytes) -> SecretBytes:
    word = line.rstrip(b"\r\n")
    if not word or len(word) > LONGEST:
        raise UsageError(
            "the pass phrase is empty" if not word else "the pass phrase is too long",
            code="usage.passphrase",
            hint=f"1 to {LONGEST} bytes on one line",
        )
    return SecretBytes(word)
