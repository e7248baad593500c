"""What a root of keys says and who has signed it, as a table for people or an object for scripts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.cli import present
from device_agent.cli.fleet.given import printable

if TYPE_CHECKING:
    from device_agent.fleet.roots import Holders, Standing


def tell(found: Standing, file: Path, *, as_json: bool) -> None:
    """Print it, for a person or as one JSON object."""
    root = found.root
    days = (root.claims.expires - datetime.now(UTC)).days
    roles = {"root": root.root, "content": root.content, "order": root.order}
    if as_json:
        present.put_json(
            {
                "file": str(file), "version": root.version, "expires": root.claims.expires.isoformat(), "days": days,
                "tenant_id": root.claims.tenant_id, "app_id": root.claims.app_id, "sha256": root.digest,
                "roles": {name: {"keys": one.ids, "threshold": one.threshold} for name, one in roles.items()},
                "own": _facts(found.own), "before": _facts(found.before) if found.before else None,
                "problem": found.problem, "complete": found.is_complete,
            }
        )  # fmt: skip
        return
    present.put_pairs(
        [
            (
                "Root",
                f"version {root.version}, tenant {root.claims.tenant_id}, application {printable(root.claims.app_id)}",
            ),
            ("Ends", f"{root.claims.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {_in(days)}"),
            ("SHA-256", root.digest),
        ]
    )
    present.put("")
    present.put(f"{'keys of':<15}{'needed':<9}{'key':<18}signed")
    for name, signers in roles.items():
        _rows(name, signers.ids, signers.threshold, found.own.signed if name == "root" else None)
    if found.before is not None:
        _rows(f"root of v{root.version - 1}", found.before.signers.ids, found.before.signers.threshold,
              found.before.signed)  # fmt: skip
    present.put("")
    for line in _missing(found):
        present.put(line)


def _facts(holders: Holders) -> dict[str, object]:
    return {"signed": sorted(holders.signed), "missing": holders.missing}


def _rows(name: str, ids: tuple[str, ...], threshold: int, signed: frozenset[str] | None) -> None:
    for number, key in enumerate(ids):
        mark = "" if signed is None else "yes" if key in signed else "no"
        needed = f"{threshold} of {len(ids)}" if not number else ""
        present.put(f"{name if not number else '':<15}{needed:<9}{key:<18}{mark}".rstrip())


def _missing(found: Standing) -> list[str]:
    if found.problem:
        return [f"Devices refuse it: {printable(found.problem)}."]
    version, before = found.root.version, found.before
    lines = []
    if found.own.missing:
        lines.append(f"Missing: {found.own.missing} more of its own root keys (fleet sign).")
    if before is not None and before.missing:
        lines.append(f"Missing: {before.missing} more of the root keys of version {version - 1} (fleet sign).")
    if before is None and version > 1:
        lines.append(f"Whether the holders of version {version - 1} have signed is shown with --before.")
    if not lines:
        where = (
            "name it as root in the devices' settings" if version == 1 else f"serve it as {version}.json at root_url"
        )
        lines.append(f"Complete: {where}.")
    return lines


def _in(days: int) -> str:
    return f"in {days} day(s)" if days >= 0 else "which is over"
