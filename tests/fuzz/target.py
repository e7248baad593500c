"""What a fuzzer calls, and what it may come to: an answer, or a refusal with a code; anything else is a finding."""

from __future__ import annotations

import os
import random
import tarfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from certs.errors import CertError
from device_agent.errors import AgentError
from renderer.errors import RenderError
from tests.mutation import bytes_of, document_of

LONGEST_MESSAGE = 2000

Mutate = Callable[[bytes, random.Random], bytes]


class Finding(AssertionError):
    """A reader did what none may: its cause says what."""


def of_bytes(data: bytes, dice: random.Random) -> bytes:
    """For what has no structure that a mutation should know of."""
    return bytes_of([data], dice)


def of_json(data: bytes, dice: random.Random) -> bytes:
    """A document changed by its structure; by its bytes where it is none."""
    try:
        return document_of([msgspec.json.decode(data)], dice)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return bytes_of([data], dice)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One reader.

    Attributes:
        run: hands it the bytes of a case.
        seeds: good cases, and whatever others are worth to begin with.
        mutate: a case made into another with knowledge of its format; used beside the fuzzer's own changes.
        longest: bytes of a case.
        codes: those with which it may refuse; any where there are none.
        few: a case is so slow that the ordinary suite tries few of them.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    mutate: Mutate = of_bytes
    longest: int = 4096
    codes: Collection[str] = ()
    few: bool = False


def hold(target: Target, data: bytes) -> str:
    """The code with which the case was refused, or nothing where it was read.

    Raises:
        Finding: it was neither. Also what is no ``Exception``: a panic of a library written in Rust is none.
    """
    try:
        target.run(data)
    except (AgentError, CertError, RenderError) as error:
        told = str(error)
        if not error.code or not told.isprintable() or len(told) > LONGEST_MESSAGE:
            raise Finding(f"{error.code or 'no code'}: not fit to be shown") from error
        if target.codes and error.code not in target.codes:
            raise Finding(f"{error.code}: no code of this reader's") from error
        return error.code
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise Finding(type(error).__name__) from error
    return ""


def of_rest(data: bytes, dice: random.Random) -> bytes:
    """As ``of_json``, behind a byte that chooses what the document is taken for."""
    return bytes([dice.randrange(256) if dice.random() < 0.2 else data[0]]) + of_json(data[1:], dice) if data else b"\0"


def shared_files(pattern: str, *, longest: int) -> Iterator[bytes]:
    """Files of the shared assets that are no longer than ``longest``; none where there are no shared assets."""
    given = os.environ.get("AVATAR_SHARED")
    folder = Path(given) if given else Path(__file__).resolve().parents[3] / "shared"
    for path in sorted(folder.glob(pattern)):
        if not path.name.endswith(".tar.gz"):
            if path.is_file() and path.stat().st_size <= longest:
                yield path.read_bytes()
            continue
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.size <= longest and (file := archive.extractfile(member)) is not None:
                    yield file.read()
