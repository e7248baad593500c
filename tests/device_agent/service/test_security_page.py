"""The pages on security and on the device's life name tests: each exists, and no rule or attacker is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ("security.md", "lifecycle.md")
NAMED = re.compile(r"`(?!tests/)([\w/]*test_\w+\.py)(?:::(\w+))?`")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def defined(path: Path) -> set[str]:
    """Functions and classes at a test file's top, and names that are bound there."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_a_page_names_is_there(name: str) -> None:
    named = NAMED.findall(page(name))
    assert len(named) > 12
    for file, test in named:
        path = ROOT / "tests" / file
        assert path.is_file(), file
        assert not test or test in defined(path), f"{file}::{test}"


def test_every_rule_has_a_named_test() -> None:
    rows = dict(re.findall(r"^\| (V\d+) \|(.*)$", page("lifecycle.md"), re.MULTILINE))
    assert set(rows) == {f"V{number}" for number in range(1, 19)}
    for rule, row in rows.items():
        assert any(test for _file, test in NAMED.findall(row)), rule


def test_every_attacker_has_a_row_with_a_test_or_says_that_there_is_none() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", page("security.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 16))
    for number, row in rows:
        cells = row.split("|")
        assert len(cells) == 6, number
        assert all(cell.strip() for cell in cells[:5]), f"row {number} has an empty cell"
        assert NAMED.search(row) or "no test" in row, number
