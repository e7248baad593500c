"""What is handed out can be built again by whoever doubts it, and runs where only it is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


def run(*command: str | Path, folder: Path, umask: int = 0o022, **environ: str) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, env={**os.environ, **environ}, umask=umask,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the last commit, with the tools to build with."""
    clone = tmp_path_factory.mktemp("dist") / "clone"
    run("git", "clone", "-q", ROOT, clone, folder=ROOT)
    run("scripts/setup.sh", "dist", folder=clone)
    return clone


def build(checkout: Path, out: Path, *words: str, umask: int = 0o022, **environ: str) -> Path:
    python = checkout / "build/dist-tools/bin/python"
    run(python, "scripts/dist.py", "--out", out, *words, folder=checkout, umask=umask, **environ)
    return out


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "key.pem", folder=folder)
    out = build(checkout, folder / "out", "--key", str(folder / "key.pem"))
    run("openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem", folder=folder)
    return out


def test_another_place_user_and_hour_make_the_same_bytes(built: Path, checkout: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "a clone"
    run("git", "clone", "-q", checkout, moved, folder=checkout)
    python = checkout / "build/dist-tools/bin/python"
    for path in moved.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
    out = tmp_path / "again"
    run(
        python,
        "scripts/dist.py",
        "--out",
        out,
        folder=moved,
        umask=0o077,
        LC_ALL="C",
        TZ="Asia/Shanghai",
        HOME=str(tmp_path),
    )
    for path in out.iterdir():
        assert path.read_bytes() == (built / path.name).read_bytes(), path.name
    assert {path.name for path in built.iterdir()} - {path.name for path in out.iterdir()} == {"SHA256SUMS.sig"}


def test_the_checksums_and_their_signature_hold(built: Path) -> None:
    run("sha256sum", "--check", "--strict", "SHA256SUMS", folder=built)
    listed = {line.split("  ")[1] for line in (built / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in built.iterdir()} - {"SHA256SUMS", "SHA256SUMS.sig"}
    verify = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "../public.pem", "-in", "SHA256SUMS"]
    assert "Success" in run(*verify, "-sigfile", "SHA256SUMS.sig", folder=built)


@pytest.mark.parametrize("lock", ["base", "full"])
def test_the_bill_of_materials_names_every_package_with_every_hash(built: Path, lock: str) -> None:
    (path,) = built.glob(f"*-{lock}.cdx.json")
    bill = json.loads(path.read_text())
    found = {}
    for part in bill["components"]:
        hashes = {one["content"] for reference in part["externalReferences"] for one in reference["hashes"]}
        found[part["name"], part["version"]] = hashes
    text = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", " ")
    wanted = {}
    for line in text.splitlines():
        if pinned := re.match(r"([a-z0-9.-]+)==(\S+) ", line):
            wanted[pinned[1], pinned[2]] = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", line))
    assert found == wanted
    assert bill["metadata"]["component"]["name"] == "avatar-device-agent"
    assert "://" not in json.dumps(bill["components"])


def test_the_wheel_holds_the_packages_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = run("git", "ls-files", "certs", "renderer", "device_agent", folder=ROOT).split()
    assert names == set(tracked)


def test_it_runs_where_nothing_else_is_installed(built: Path, tmp_path: Path) -> None:
    """The commands of docs/release.md: locked packages by their hashes, then the wheel alone."""
    run("python3", "-m", "venv", "venv", folder=tmp_path)
    pip = tmp_path / "venv/bin/pip"
    run(
        pip,
        "install",
        "-q",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        built / "requirements-full.txt",
        folder=tmp_path,
    )
    (wheel,) = built.glob("*.whl")
    run(pip, "install", "-q", "--no-deps", "--no-index", wheel, folder=tmp_path)
    says = run(tmp_path / "venv/bin/avatar-agent", "demo", "--seconds", "0.2", "--out", "out", folder=tmp_path)
    assert "seats    0 held" in says
    assert (tmp_path / "out/preview.png").stat().st_size > 10_000


def test_what_is_in_no_commit_is_not_built(checkout: Path, tmp_path: Path) -> None:
    dirty = tmp_path / "dirty"
    run("git", "clone", "-q", checkout, dirty, folder=checkout)
    (dirty / "README.md").write_text("changed\n")
    python = checkout / "build/dist-tools/bin/python"
    done = subprocess.run(
        [python, "scripts/dist.py", "--out", "out"], cwd=dirty, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr == "dist: there are changes that are in no commit: commit or stash them first\n"
    assert not (dirty / "out").exists()
    shutil.rmtree(dirty)
