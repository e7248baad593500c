"""A package is tried by a child: what it does to the child is told, and nothing else happens."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import msgspec
import pytest

from device_agent.display.confinement import version
from device_agent.display.trial import CRASHED, Limits, Task, tried
from renderer.assets.repack import package_files
from renderer.sample import sample_avatar

ROOMY = Limits(memory=512 * 1024**2, seconds=60.0)
TASK = Task(code="a", files={"model.glb": bytes(1_000_000)})


@pytest.fixture
def sample() -> dict[str, bytes]:
    return package_files(sample_avatar(), name="sample")


def child(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; sys.stdin.buffer.read(); {program}")


@pytest.mark.parametrize(
    ("program", "limits", "code", "words"),
    [
        ("import os; os.kill(os.getpid(), 11)", ROOMY, "display.crashed", "by signal SIGSEGV"),
        ("import os; os.kill(os.getpid(), 40)", ROOMY, "display.crashed", "by signal 40"),
        ("import os; os.kill(os.getpid(), 9)", ROOMY, "display.killed", "memory"),
        ("sys.exit(3)", ROOMY, "display.crashed", "with status 3"),
        ("print('not a verdict')", ROOMY, "display.crashed", "with status 0"),
        ('sys.stdout.buffer.write(b\'{"code":"\\xff"}\')', ROOMY, "display.crashed", "with status 0"),
        ("print('{\"x\":' + 1500 * '[')", ROOMY, "display.crashed", "with status 0"),
        ("x = [bytes(range(256)) * 4096 for _ in iter(int, 1)]", ROOMY, "display.memory", "512 MiB"),
        ("[0 for _ in iter(int, 1)]", Limits(seconds=0.2), "display.time", "within 0 s"),
    ],
)
def test_whatever_the_child_does_is_a_verdict(program: str, limits: Limits, code: str, words: str) -> None:
    verdict = tried(TASK, limits=limits, program=child(program))
    assert verdict.code == code
    assert words in verdict.message
    assert not verdict.passing


def test_the_child_leaves_no_core_and_is_the_first_to_go() -> None:
    program = (
        "import resource, sys; from pathlib import Path; from device_agent.display import trial\n"
        "core = resource.RLIMIT_CORE; hard = resource.getrlimit(core)[1]; resource.setrlimit(core, (hard, hard))\n"
        "tell = lambda: (resource.getrlimit(core), Path('/proc/self/oom_score_adj').read_text().strip())\n"
        "trial.verdict_on = lambda _task: trial.Verdict(code='x', message=str(tell()))\n"
        "trial.main()"
    )
    assert tried(TASK, limits=ROOMY, program=(sys.executable, "-c", program)).message == "((0, 0), '1000')"


def test_a_child_that_cannot_be_started_is_no_verdict_on_the_package() -> None:
    verdict = tried(TASK, program=("/nowhere/python",))
    assert (verdict.code, verdict.passing) == ("display.trial", True)


def test_a_child_that_reads_nothing_keeps_nobody_waiting() -> None:
    large = Task(code="a", files={"model.glb": bytes(8_000_000)})
    assert tried(large, limits=ROOMY, program=(sys.executable, "-c", "import sys; sys.exit(3)")).code == CRASHED


@pytest.mark.gl
def test_the_real_child(sample: dict[str, bytes]) -> None:
    task = Task(code="a", files=sample)
    assert tried(task).code == ""
    assert tried(msgspec.structs.replace(task, asset_limits={"objects": 1})).code == "limit.exceeded"
    assert tried(msgspec.structs.replace(task, files={**sample, "character.glb": b"glTF"})).code == "glb.truncated"


@pytest.mark.skipif(version() < 4, reason="this kernel's Landlock keeps nobody from the network")
def test_what_takes_the_child_over_writes_nothing_and_reaches_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder is asked for what it reached: it stands for one that an avatar has taken over."""
    compiled = tmp_path / "cache/mesa_shader_cache"
    compiled.mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = f"""
import socket, sys
from pathlib import Path
from device_agent.display import trial
def how(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
def taken_over(task):
    address = ("127.0.0.1", {server.getsockname()[1]})
    ways = [
        how(lambda: Path({str(tmp_path / "written")!r}).write_bytes(b"")),
        how(lambda: Path({str(tmp_path / "folder")!r}).mkdir()),
        how(lambda: socket.create_connection(address, timeout=5)),
        how(lambda: Path({str(tmp_path / "cache/notes.json")!r}).write_bytes(b"")),
        how(lambda: Path("/dev/null").write_bytes(b"")),
        how(lambda: Path({str(compiled / "program")!r}).write_bytes(b"")),
    ]
    return trial.Verdict(code="told", message=" ".join(ways))
trial.verdict_on = taken_over
trial.main()
"""
        verdict = tried(TASK, program=(sys.executable, "-c", program))
    assert verdict.message == "PermissionError PermissionError PermissionError PermissionError done done"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [compiled / "program"]
