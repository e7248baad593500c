"""The table of asset issues as a page: ``python -m renderer.assets.issue_page > docs/asset-issues.md``."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields

from renderer.assets.issues import TABLE
from renderer.assets.limits import Limits


def page() -> str:
    """``docs/asset-issues.md``."""
    lines = [
        "# Asset issues",
        "",
        "What `avatar-agent inspect` and the renderer's loader can report about an avatar's data. Generated from",
        "`renderer/assets/issues.py` by `python -m renderer.assets.issue_page`; do not edit here.",
        "",
        "| code | severity | meaning | what is done |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| `{e.code}` | {e.severity.value} | {e.meaning} | {e.outcome} |" for e in TABLE.values()]
    lines += [
        "",
        "## Limits",
        "",
        "What one avatar may ask for, however it lies about itself. Each is a setting,",
        "`asset_limits = {objects = 5000}`, and an option of every command that loads an avatar,",
        "`--limit objects=5000`, which comes first.",
        "",
        "| limit | default | meaning |",
        "| --- | --- | --- |",
    ]
    meanings = _meanings()
    lines += [f"| `{part.name}` | {part.default:,} | {meanings[part.name]} |" for part in fields(Limits)]
    return "\n".join(lines) + "\n"


def _meanings() -> dict[str, str]:
    """What the limits' own documentation says of each."""
    text = inspect.cleandoc(Limits.__doc__ or "").partition("Attributes:\n")[2]
    found: dict[str, str] = {}
    for names, meaning in re.findall(r"^    ([a-z_, ]+): (.+(?:\n {8}.+)*)", text, re.MULTILINE):
        for name in names.split(", "):
            found[name] = " ".join(meaning.split())
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
