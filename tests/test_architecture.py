"""Who may import whom, read from the source: imports inside functions count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS: tuple[tuple[str, ...], ...] = (
    ("certs", "renderer.errors", "renderer.maths"),
    ("renderer.scene",),
    ("renderer.animation",),
    ("renderer.assets",),
    ("renderer.sample",),
    ("renderer.gl",),
    ("renderer.output",),
    (
        "device_agent.errors",
        "device_agent.clock",
        "device_agent.secret",
        "device_agent.plain_file",
        "device_agent.code_patterns",
        "device_agent.redaction",
        "device_agent.qr_code",
        "device_agent.config",
    ),
    ("device_agent.spec", "device_agent.tpm"),
    ("device_agent.api", "device_agent.avatars", "device_agent.drive"),
    ("device_agent.lifecycle",),
    ("device_agent.service", "device_agent.harness", "device_agent.fleet"),
    ("device_agent.display",),
    ("device_agent.cli",),
)
"""Low to high; a room imports rooms of lower rows, its own insides, and nothing else of ours."""

SAME_ROW_ALLOWED = {
    ("device_agent.config", "device_agent.code_patterns"),
    ("device_agent.config", "device_agent.errors"),
    ("device_agent.config", "device_agent.plain_file"),
    ("device_agent.config", "device_agent.secret"),
}

FORBIDDEN: tuple[tuple[str, str], ...] = (
    ("renderer", "certs"),
    ("renderer", "device_agent"),
    ("certs", "renderer"),
    ("certs", "device_agent"),
    ("device_agent.lifecycle", "renderer"),
    ("device_agent.harness", "device_agent.tpm"),
    ("device_agent.service", "renderer"),
    ("device_agent.harness", "device_agent.api"),
    ("device_agent.harness", "device_agent.avatars"),
    ("device_agent.harness", "device_agent.lifecycle"),
    ("device_agent.harness", "device_agent.drive"),
    ("device_agent.display", "device_agent.api"),
    ("device_agent.display", "device_agent.harness"),
)

GPU_ONLY = ("renderer.gl", "renderer.output")
GPU_MODULES = ("moderngl", "glcontext", "glfw", "OpenGL")
PACKAGES = ("certs", "renderer", "device_agent")


def inside(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> tuple[int, str] | None:
    """The row and the room that a module belongs to; None for a package's own front door."""
    for row, rooms in enumerate(LAYERS):
        for room in rooms:
            if inside(module, room):
                return row, room
    return None


def imports(module: str, source: str) -> Iterator[str]:
    """Every module that the source imports, absolute, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = module.rsplit(".", node.level)[0]
                yield f"{base}.{node.module}" if node.module else base
            elif node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def violations(module: str, source: str) -> list[str]:
    """What a module imports though it may not, each as ``importer -> imported``."""
    found: set[str] = set()
    here = room_of(module)
    for target in imports(module, source):
        if target.split(".")[0] in GPU_MODULES and not any(inside(module, room) for room in GPU_ONLY):
            found.add(f"{module} -> {target} (OpenGL outside its rooms)")
        if target.split(".")[0] not in PACKAGES:
            continue
        if any(inside(module, low) and inside(target, high) for low, high in FORBIDDEN):
            found.add(f"{module} -> {target} (never)")
        there = room_of(target)
        if here is None or there is None or here[1] == there[1]:
            continue
        if there[0] > here[0] or (there[0] == here[0] and (here[1], there[1]) not in SAME_ROW_ALLOWED):
            found.add(f"{module} -> {target} (upward)")
    return sorted(found)


def modules() -> dict[str, str]:
    """Dotted name to source of every module of the three packages."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def test_nobody_imports_upward_or_across() -> None:
    assert [line for name, source in modules().items() for line in violations(name, source)] == []


def test_no_import_cycles() -> None:
    sources = modules()
    graph = {
        name: {t for t in imports(name, source) if t in sources and t != name and not name.startswith(t + ".")}
        for name, source in sources.items()
    }
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                walk(target, (*path, name))
            done.add(name)

    for name in graph:
        walk(name, ())


def test_every_module_lives_in_a_room() -> None:
    doors = {"certs", "renderer", "device_agent"}
    assert [name for name in modules() if room_of(name) is None and name not in doors] == []


def test_there_is_no_room_for_leftovers() -> None:
    assert [
        n for n in modules() if n.rsplit(".", 1)[-1] in ("utils", "util", "helpers", "helper", "misc", "common")
    ] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("renderer.scene.node", "import renderer.gl.frame"),
        ("renderer.assets.glb", "import moderngl"),
        ("renderer.gl.frame", "from certs import envelope"),
        ("certs.license", "def f():\n    from device_agent import errors"),
        ("device_agent.harness.verify", "from device_agent.api import signing"),
        ("device_agent.harness.verify", "from device_agent import api"),
        ("device_agent.lifecycle.steps", "def late():\n    import renderer.output"),
        ("device_agent.spec.operations", "from ..api import client"),
        ("device_agent.avatars.cache", "import importlib\nimportlib.import_module('device_agent.cli.main')"),
    ],
)
def test_planted_violations_are_found(module: str, source: str) -> None:
    assert violations(module, source)
