"""The table of asset issues as a page: ``python -m renderer.assets.issue_page > docs/asset-issues.md``."""

from __future__ import annotations

import sys

from renderer.assets.issues import TABLE


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
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
