"""``avatar-agent fleet sign``: a further signature on an order, a list or a root, where devices want several."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options, present
from device_agent.cli.fleet.given import Key, given_roots, opened, printable
from device_agent.cli.passphrase import PassFile
from device_agent.errors import UsageError


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("sign")(sign)


def sign(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An order, a list or a root that somebody signed.")],
    key: Key,
    out: Annotated[Path | None, typer.Option("--out", help="Default: the same file, replaced.", metavar="FILE")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without asking.")] = False,
    pass_file: PassFile = None,
    as_json: options.Json = False,
) -> None:
    """Show what a document says, and sign it as well (order_threshold, content_threshold)."""
    from certs.manifest import LONGEST
    from certs.signed import key_id
    from device_agent.fleet.files import new_file, read_file, replaced
    from device_agent.fleet.signing import look, sign_too

    document = read_file(file, limit=LONGEST + 1)
    with given_roots():
        found = look(document, where=str(file))
    if not as_json:
        present.put_pairs(_rows(found.says))
        present.put_pairs([("signed by", ", ".join(printable(signer) for signer in found.signers) or "nobody")])
    if not yes:
        _agreed()
    mine = opened(key, pass_file)
    data = sign_too(document, found, key=mine, where=str(file)) + b"\n"
    if out is None:
        replaced(file, data)
    else:
        new_file(out, data)
    ours = key_id(mine.public_key())
    signers = sorted({*found.signers, ours})
    if as_json:
        present.put_json({"file": str(out or file), "kind": found.kind, "says": found.says, "signers": signers})
        return
    present.put(f"{out or file}: signed by {', '.join(printable(signer) for signer in signers)}.")
    if found.holders and ours not in found.holders:
        present.put(f"Key {ours} is none of its own root keys: it counts only if it is one of the version before.")


def _rows(says: dict[str, object]) -> list[tuple[str, str]]:
    rows = []
    for name, value in says.items():
        if isinstance(value, dict):
            rows += [
                (f"{name}: {code}", ", ".join(str(one) for one in entry.values())) for code, entry in value.items()
            ]
        else:
            rows.append((name, str(value)))
    return [(printable(name), printable(value)) for name, value in rows]


def _agreed() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody is there to say that this is to be signed", code="usage.sign", hint="look at it, then add --yes"
        )
    sys.stderr.write("Sign this? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was signed", code="usage.sign", hint="answer y to sign")
