"""The vendor's own renderer as a peer: prepared once, run in headless Chromium, measured from outside.

Not a claim of its own: ``bench/render.py --vendor FOLDER`` uses it. FOLDER is where the peer's driver has been copied
to and installed (``npm install``); its README says what each option does.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

FEATURES = ("shadow", "hdr", "lut")
"""What a plain picture leaves out."""


class Vendor:
    """The peer in its folder, showing one avatar package."""

    def __init__(self, folder: Path, package: Path, *, size: str, out: Path) -> None:
        self._folder, self._package, self._size, self._out = folder, package, size, out

    @staticmethod
    def package(folder: Path, character: Path, out: Path) -> Path:
        """An avatar package with shadow, light, colour table and background around a skinned file."""
        command = ["node", "make-test-assets.mjs", "--character", str(character), "--out", str(out), "--extras"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return out

    def run(
        self, *, seconds: float, plain: bool = False, shot: Path | None = None, raw: Path | None = None
    ) -> dict[str, Any]:
        """Load, take a picture at one second of scene time, then draw for a while; what it reports."""
        result = self._out / "vendor.json"
        command = ["node", "run.mjs", "--assets", str(self._package), "--size", self._size]
        command += ["--seconds", str(seconds), "--json", str(result)]
        command += [f"--no-{feature}" for feature in FEATURES if plain]
        for option, path in (("--out", shot), ("--raw", raw)):
            command += [option, str(path)] if path is not None else []
        subprocess.run(command, cwd=self._folder, check=True, stdout=subprocess.DEVNULL)
        report: dict[str, Any] = json.loads(result.read_text())
        return report
