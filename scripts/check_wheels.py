"""Does every locked dependency have a ready-made wheel for the machines that devices are?

Asks the package index, through pip, for each lock file, processor and Python. Boards rarely have a compiler, so a
package without a wheel is a device that cannot be set up. Exit status 1 when a wheel is missing that is not listed in
``KNOWN``, 0 otherwise; the known gaps are printed every time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("base", "full", "dev", "dist", "vendor-sdk")
PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")
MANYLINUX = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34")

KNOWN = {
    ("alibabacloud-endpoint-util", "*", "*"): "the vendor publishes source only (plain Python); tests only",
    ("moderngl", "aarch64", "3.12"): "ends at 3.11 on aarch64; use Python 3.11 there or a C++ compiler",
    ("moderngl", "aarch64", "3.13"): "ends at 3.11 on aarch64; use Python 3.11 there or a C++ compiler",
    ("glcontext", "aarch64", "3.12"): "ends at 3.11 on aarch64; use Python 3.11 there or a C++ compiler",
    ("glcontext", "aarch64", "3.13"): "ends at 3.11 on aarch64; use Python 3.11 there or a C++ compiler",
}


def pinned(lock: str, *, python: str, machine: str) -> list[str]:
    """``name==version`` of every requirement of a lock file that applies to that Python on that machine."""
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    found = []
    for line in (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines():
        if "==" not in line or line.lstrip().startswith(("#", "--hash")):
            continue
        requirement = Requirement(line.rstrip(" \\"))
        if requirement.marker is None or requirement.marker.evaluate(environment):
            found.append(f"{requirement.name}{requirement.specifier}")
    return found


def has_wheels(requirements: list[str], *, python: str, machine: str) -> bool:
    """Whether pip finds a wheel for each of them; nothing is installed."""
    platforms = [word for tag in MANYLINUX for word in ("--platform", f"manylinux_{tag}_{machine}")]
    platforms += ["--platform", f"manylinux2014_{machine}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
        command += [
            "--only-binary=:all:",
            "--ignore-requires-python",
            "--python-version",
            python,
            "--target",
            folder,
            *platforms,
            *requirements,
        ]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> int:
    unknown = 0
    checked: set[tuple[str, str, str]] = set()
    for python in PYTHONS:
        for machine in MACHINES:
            wanted = sorted({r for lock in LOCKS for r in pinned(lock, python=python, machine=machine)})
            gaps: list[str] = []
            settled = {(name, m, p) for name, m, p in KNOWN if m in ("*", machine) and p in ("*", python)}
            names = {name for name, _, _ in settled}
            rest = [r for r in wanted if r.split("==")[0] not in names]
            if not has_wheels(rest, python=python, machine=machine):
                gaps = [r for r in rest if not has_wheels([r], python=python, machine=machine)]
            checked |= settled
            unknown += len(gaps)
            verdict = "all have wheels" if not gaps else "MISSING " + ", ".join(gaps)
            print(f"Python {python}  {machine:8}  {len(rest):3} packages: {verdict}")
            for name in sorted(names):
                if any(r.startswith(f"{name}==") for r in wanted):
                    reason = next(why for (n, m, p), why in KNOWN.items() if n == name and m in ("*", machine))
                    print(f"                         known gap: {name}: {reason}")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
