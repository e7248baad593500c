"""What a confined process and its children cannot do any more; each in a process of its own, as it is for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent.display import confinement
from device_agent.display.confinement import beside, version

pytestmark = pytest.mark.skipif(version() < 6, reason="this kernel's Landlock cannot confine all that is tested here")

BEFORE = """
import os, socket, sys
from pathlib import Path
from device_agent.display import confinement
def how(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
"""


def told(program: str, *arguments: object) -> list[str]:
    """What a program prints, by words."""
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + program, *map(str, arguments)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("hidden/deep", "kept", "hidden/run"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("text")
    (tmp_path / "alias").symlink_to(tmp_path / "hidden")
    return tmp_path


def test_what_is_hidden_is_out_of_reach_by_every_way(folder: Path) -> None:
    program = """
folder = Path(sys.argv[1])
print(confinement.hide([folder / "hidden", folder / "not there yet"], kept=[folder / "hidden/run"]))
for name in ("hidden/deep/file", "alias/deep/file", "kept/../hidden/deep/file", "kept/file", "hidden/run/file"):
    print(how(lambda: (folder / name).read_bytes()))
print(how(lambda: os.listdir(folder / "hidden")))
print(how(lambda: (folder / "hidden/new").write_bytes(b"")), how(lambda: os.unlink(folder / "hidden/deep/file")))
print(how(lambda: os.rename(folder / "hidden/deep/file", folder / "kept/stolen")))
print(how(lambda: os.link(folder / "hidden/deep/file", folder / "kept/linked")))
print(how(lambda: (folder / "kept/new").write_bytes(b"")), how(lambda: (folder / "not there yet").mkdir()))
print(os.system(f"cat {folder}/hidden/deep/file 2>/dev/null") != 0)
print(how(lambda: os.rename(folder / "kept/new", folder / "hidden/run/new")))
"""
    no = "PermissionError"
    assert told(program, folder) == [
        "True", no, no, no, "done", "done", no, no, no, no, "OSError", "done", no, "True", "done",
    ]  # fmt: skip
    assert (folder / "hidden/deep/file").read_text() == "text"


def test_others_can_be_neither_read_nor_stopped() -> None:
    program = """
pid = os.fork()
if pid == 0:
    one, other = socket.socketpair()
    one.recv(1)
before = [how(lambda: open(f"/proc/{pid}/mem", "rb")), how(lambda: os.kill(pid, 0))]
confinement.hide([Path("/nowhere")])
after = [how(lambda: open(f"/proc/{pid}/mem", "rb")), how(lambda: os.kill(pid, 9))]
print(*before, *after, how(lambda: open("/proc/self/mem", "rb")))
"""
    process = subprocess.Popen(
        [sys.executable, "-c", BEFORE + program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
    finally:
        os.killpg(process.pid, 9)
        process.communicate()
    assert words == ["done", "done", "PermissionError", "PermissionError", "done"]


def test_memory_that_only_root_looks_into() -> None:
    program = """
import ctypes
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
confinement.not_to_be_looked_into()
print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    assert told(program) == ["1", "0"]


def test_a_second_thread_is_no_way_out() -> None:
    program = """
import threading
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
try:
    confinement.hide([Path("/nowhere")])
except RuntimeError:
    print("refused")
stop.set()
thread.join()
"""
    assert told(program) == ["refused"]


def test_reading_alone(folder: Path) -> None:
    program = """
folder = Path(sys.argv[1])
print(confinement.read_only(writable=[folder / "kept"]))
print(how(lambda: (folder / "hidden/deep/file").read_bytes()), how(lambda: (folder / "kept/file").write_bytes(b"")))
print(how(lambda: (folder / "hidden/deep/file").write_bytes(b"")), how(lambda: (folder / "new").mkdir()))
print(how(lambda: os.truncate(folder / "hidden/deep/file", 0)))
with socket.socket() as one:
    print(how(lambda: one.bind(("127.0.0.1", 0))), how(lambda: one.connect(("127.0.0.1", int(sys.argv[2])))))
"""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        no = "PermissionError"
        assert told(program, folder, port) == ["True", "done", "done", no, no, no, no, no]


def test_only_what_is_beside_is_allowed(folder: Path) -> None:
    allowed = set(beside({folder / "hidden/deep"}))
    assert {folder / "kept", folder / "hidden/run"} <= allowed
    assert Path("/usr") in allowed
    assert folder / "alias" not in allowed, "a link may name what is hidden"
    assert not any((folder / "hidden/deep").is_relative_to(path) for path in allowed)
    assert set(beside(set())) == {Path("/")}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_another_name_of_a_folder_above_is_no_way_in(folder: Path) -> None:
    """As in a container that sees its own root: what is allowed below that name holds what is hidden."""
    program = """
import ctypes
folder = Path(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
(folder / "kept/again").mkdir()
assert libc.unshare(0x00020000) == 0  # CLONE_NEWNS
if libc.mount(None, b"/", None, 0x44000, None) != 0:  # MS_REC | MS_PRIVATE
    sys.exit(print("no mount"))
assert libc.mount(os.fsencode(folder), os.fsencode(folder / "kept/again"), None, 0x1000, None) == 0  # MS_BIND
(folder / "kept/again/kept").stat()
print(confinement.hide([folder / "hidden/deep", folder / "kept/also"]))
for name in ("kept/again/hidden/deep/file", "hidden/deep/file", "kept/file"):
    print(how(lambda: (folder / name).read_bytes()))
"""
    words, no = told(program, folder), "PermissionError"
    if words == ["no", "mount"]:
        pytest.skip("the root of this machine is no mount, so that none can be made for this test alone")
    assert words == ["True", no, no, "done"]


def test_what_stays_in_reach_is_told(folder: Path) -> None:
    program = """
folder = Path(sys.argv[1])
confinement.beside = lambda hidden: [Path("/")]
print(confinement.hide([folder / "nothing there"]), confinement.hide([folder / "hidden"]))
print(confinement.hide([folder / "hidden/deep/file"]))
"""
    assert told(program, folder) == ["True", "False", "False"]


def test_a_kernel_without_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "_CREATE_RULESET", 100_000)  # a system call that no kernel has
    assert version() == 0
    assert confinement.read_only(writable=[]) is False
    assert confinement.hide([Path("/nowhere")]) is False
