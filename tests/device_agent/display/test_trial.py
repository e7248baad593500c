"""A package is tried by a child: what it does to the child is told, and nothing else happens."""

from __future__ import annotations

import sys

import pytest

from device_agent.display.trial import Limits, Task, tried
from tests.device_agent.display.conftest import CODE, Site

ROOMY = Limits(memory=512 * 1024**2, seconds=60.0)
TASK = Task(state_dir="/nowhere", cache_dir="/nowhere", code="a", sha256="b")


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


@pytest.mark.gl
def test_the_real_child(site: Site) -> None:
    sha256 = site.bind()
    settings = site.settings()
    task = Task(state_dir=str(settings.state_dir), cache_dir=str(settings.cache_dir), code=CODE, sha256=sha256)
    assert tried(task).code == ""

    other = Task(state_dir=task.state_dir, cache_dir=task.cache_dir, code=CODE, sha256="0" * 64)
    gone = tried(other)
    assert (gone.code, gone.passing) == ("display.gone", True)

    small = Task(**{**{name: getattr(task, name) for name in task.__struct_fields__}, "asset_limits": {"objects": 1}})
    assert tried(small).code == "limit.exceeded"

    (sealed,) = settings.cache_dir.rglob("*.sealed")
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1
    sealed.write_bytes(data)
    rotten = tried(task)
    assert (rotten.code, rotten.passing) == ("package.sha256", False)
