"""Builds what is handed out: wheel, source archive, locks, bills of materials, checksums; the same bytes each time.

    dist.py [--out DIR] [--key KEY.pem]

Everything comes from the commit that is checked out, in an export of its own, with the commit's time as the time of
every file; whoever builds the same commit with the same locks gets the same bytes, and can so check what was handed
out. With ``--key``, an Ed25519 private key, openssl signs the checksums (and asks for the pass phrase if there is one).

Exit status: 0 done; 2 wrong use; 3 there is no commit to build, or a tool is missing.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("base", "full")
"""What goes on machines; the others are for development."""

_BACKEND = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
_INDEX = "package-index"
"""Stands for wherever packages come from: the hashes say which bytes they are."""


def main() -> int:
    """Build, and say what was built."""
    parser = argparse.ArgumentParser(description="Build wheel, source archive, bills of materials and checksums.")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "dist", help="an empty or new folder")
    parser.add_argument("--key", type=Path, help="Ed25519 private key (PEM) that signs the checksums")
    given = parser.parse_args()
    out: Path = given.out.resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        return _stop(2, f"{out} is no empty folder: name another one, or remove it")
    if _git("status", "--porcelain", "--untracked-files=no"):
        return _stop(3, "there are changes that are in no commit: commit or stash them first")
    out.mkdir(parents=True, exist_ok=True)
    build(out, tree=_git("rev-parse", "HEAD"), moment=_git("log", "-1", "--format=%ct"))
    written = checksums(out)
    if given.key is not None:
        sign(out, given.key.resolve())
    sys.stdout.write(written)
    return 0


def build(out: Path, *, tree: str, moment: str) -> None:
    """Everything but the checksums.

    Args:
        tree: the commit.
        moment: its time, seconds since 1970.
    """
    environ = {**os.environ, "SOURCE_DATE_EPOCH": moment, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    os.umask(0o022)  # modes go into archives
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export"
        export.mkdir()
        tar = Path(folder) / "source.tar"
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name = f"{project['name'].replace('-', '_')}-{project['version']}"
        _git("archive", "--format=tar", f"--prefix={name}/", f"--output={tar}", tree)
        with tarfile.open(tar) as packed_source:
            packed_source.extractall(export)  # our own, of a moment ago
        with gzip.GzipFile(out / f"{name}-source.tar.gz", "wb", compresslevel=9, mtime=int(moment)) as packed:
            packed.write(tar.read_bytes())
        source = export / name
        _run([sys.executable, "-c", _BACKEND, str(out)], folder=source, environ=environ)
        for lock in LOCKS:
            shutil.copyfile(source / "requirements" / f"{lock}.txt", out / f"requirements-{lock}.txt")
            _bill(source, lock, out / f"{name}-{lock}.cdx.json", environ=environ)


def _bill(source: Path, lock: str, path: Path, *, environ: Mapping[str, str]) -> None:
    """A CycloneDX bill of materials of one lock: every package with its version and the hashes that are accepted."""
    command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", f"requirements/{lock}.txt"]
    command += ["--pyproject", "pyproject.toml", "--index-url", _INDEX, "--output-reproducible", "--validate"]
    _run([*command, "--spec-version", "1.6", "--output-file", str(path)], folder=source, environ=environ)


def checksums(out: Path) -> str:
    """Write ``SHA256SUMS`` as sha256sum reads it; its text."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(out.iterdir())]
    (out / "SHA256SUMS").write_text("".join(lines), encoding="ascii")
    return "".join(lines)


def sign(out: Path, key: Path) -> None:
    """``SHA256SUMS.sig``: Ed25519 over the checksums."""
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(key), "-in", "SHA256SUMS"]
    _run([*command, "-out", "SHA256SUMS.sig"], folder=out, environ=os.environ)


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(_stop(3, f"git {words[0]}: {done.stderr.strip() or 'failed'}"))
    return done.stdout.strip()


def _run(command: list[str], *, folder: Path, environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except FileNotFoundError:
        raise SystemExit(_stop(3, f"{command[0]} is not installed")) from None
    if done.returncode:
        sys.stderr.buffer.write(done.stdout[-4000:])
        raise SystemExit(_stop(3, f"{Path(command[0]).name} failed (exit status {done.returncode})"))


def _stop(status: int, says: str) -> int:
    sys.stderr.write(f"dist: {says}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
