"""scripts/setup.sh on machines that lack something, played with stand-in programs on a PATH of their own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = [
    "bash",
    "cat",
    "cksum",
    "cut",
    "mktemp",
    "rm",
    "tail",
    "head",
    "grep",
    "tee",
    "env",
    "mkdir",
    "chmod",
    "dirname",
    "sed",
    "uname",
]


@dataclass
class Machine:
    """A checkout in a folder of its own, and the only programs its PATH has; every call of a stand-in is noted."""

    checkout: Path
    bin: Path

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/bash\nprintf "%s\\n" "{name} $*" >>"{self.bin}/calls"\n{script}\n')
        path.chmod(0o755)

    def environment(self, *, gl: bool) -> None:
        """A virtual environment that is complete, with or without a usable OpenGL."""
        venv = self.checkout / ".venv" / "bin"
        venv.mkdir(parents=True)
        python = venv / "python"
        python.write_text(
            f'#!/bin/bash\nprintf "%s\\n" "venv-python $*" >>"{self.bin}/calls"\n'
            f'case "$*" in *renderer.gl.context*) exit {0 if gl else 8} ;; esac\n'
        )
        python.chmod(0o755)
        for level, locks in (("full", "full.txt"), ("dev", "dev.txt vendor-sdk.txt")):
            files = " ".join(
                ["scripts/setup.sh", "pyproject.toml", *(f"requirements/{lock}" for lock in locks.split())]
            )
            stamp = subprocess.run(
                ["bash", "-c", f"cat {files} | cksum | cut -d ' ' -f 1; pwd"],
                cwd=self.checkout, capture_output=True, text=True, check=True,
            ).stdout  # fmt: skip
            (self.checkout / ".venv" / f".ready-{level}").write_text(stamp.rstrip("\n"))

    def setup(self, level: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.bin / "bash"), "scripts/setup.sh", level],
            cwd=self.checkout, env={"PATH": str(self.bin), "HOME": str(self.checkout)},
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def calls(self) -> str:
        path = self.bin / "calls"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    (checkout / "scripts").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", checkout / "scripts")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    shutil.copytree(ROOT / "requirements", checkout / "requirements")
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (programs / tool).symlink_to(found)
    made = Machine(checkout=checkout, bin=programs)
    made.program("id", "echo 1000")
    return made


def test_without_root_and_without_gl_it_names_the_packages_and_ends_with_8(machine: Machine) -> None:
    machine.environment(gl=False)
    done = machine.setup("full")
    assert done.returncode == 8
    last = done.stderr.strip().splitlines()[-1]
    assert "libegl1" in last
    assert "libgl1-mesa-dri" in last
    assert "apt-get install" in last


def test_gl_that_is_there_is_not_installed_again(machine: Machine) -> None:
    machine.environment(gl=True)
    machine.program("apt-get", "exit 1")
    first = machine.setup("full")
    assert (first.returncode, first.stderr) == (0, "")
    machine.setup("full")
    assert machine.calls().count("renderer.gl.context") == 1
    assert "apt-get" not in machine.calls()


def test_root_installs_mesa_says_so_and_looks_again(machine: Machine) -> None:
    machine.environment(gl=False)
    machine.program("id", "echo 0")
    machine.program("apt-get", "exit 0")
    done = machine.setup("full")
    assert "installing Mesa's EGL and software driver" in done.stderr
    assert "apt-get install -y" in machine.calls()
    assert machine.calls().count("renderer.gl.context") == 2
    assert done.returncode == 8


def test_a_python_without_venv_and_no_root_names_the_package(machine: Machine) -> None:
    machine.program("python3", 'case "$*" in *ensurepip*) exit 1 ;; *version_info\\[:2\\]*) echo 3.11 ;; esac; exit 0')
    done = machine.setup("full")
    assert done.returncode == 3
    assert "apt-get install python3-venv" in done.stderr


def test_an_old_python_is_refused_with_the_version_that_is_needed(machine: Machine) -> None:
    machine.program("python3", 'case "$*" in --version) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    done = machine.setup("tools")
    assert done.returncode == 3
    assert "3.11 or newer" in done.stderr
    assert "3.9.2" in done.stderr


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ("ERROR: No matching distribution found for atheris==3.0.0", "no wheel of atheris for Python 3.99"),
        ("WARNING: Retrying\\nERROR: No matching distribution found for atheris==3.0.0", "index reachable"),
    ],
)
def test_a_python_that_the_fuzzer_has_no_wheel_for_is_named(machine: Machine, told: str, says: str) -> None:
    venv_python = f"""case "$*" in --version) echo Python 3.99 ;; *) printf '{told}\\n'; exit 1 ;; esac"""
    made = 'mkdir -p "$3/bin"; printf "%s\\n" "#!/bin/bash" "$VENV_PYTHON" >"$3/bin/python"; chmod 755 "$3/bin/python"'
    machine.program("python3", f'VENV_PYTHON={shlex.quote(venv_python)}\n[ "$2" != venv ] || {{ {made}; }}')
    done = machine.setup("fuzz")
    assert done.returncode == 3
    assert says in done.stderr.splitlines()[-1]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == phony
