"""The issue table: every code that the source uses is in it, and the page in docs is the table."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from renderer.assets.issue_page import page
from renderer.assets.issues import TABLE, IssueLog, Severity, refusal

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(r"[a-z0-9]+\.[a-z0-9-]+")


def used_codes() -> set[str]:
    """First arguments of ``refusal``, ``unsupported`` and ``.add``, and every ``code=`` of an AssetError."""
    found = set()
    for room in ("assets", "animation"):
        for path in (ROOT / "renderer" / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                values = [k.value for k in node.keywords if k.arg == "code"]
                if name in ("refusal", "unsupported", "add") and node.args:
                    values.append(node.args[0])
                found |= {v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)}
    return {code for code in found if CODE.fullmatch(code)}


def test_every_code_that_is_used_is_in_the_table() -> None:
    assert used_codes() - set(TABLE) == set()


def test_every_code_is_well_formed() -> None:
    assert [code for code in TABLE if not CODE.fullmatch(code)] == []


def test_the_page_is_the_table() -> None:
    assert (ROOT / "docs/asset-issues.md").read_text(encoding="utf-8") == page()


def test_many_of_one_kind_are_one_issue_with_a_count() -> None:
    log = IssueLog()
    log.add("mesh.tangents", "first", where="/a")
    for _ in range(1000):
        log.add("skin.weights", "second", where="/b", count=2)
    issues = log.issues()
    assert [(i.code, i.count, i.where) for i in issues] == [("skin.weights", 2000, "/b"), ("mesh.tangents", 1, "/a")]
    assert issues[0].severity is Severity.WARNING


def test_a_warning_is_no_refusal() -> None:
    with pytest.raises(KeyError):
        refusal("skin.weights", "no")


@pytest.mark.parametrize("code", [code for code, kind in TABLE.items() if kind.severity is Severity.ERROR])
def test_every_refusal_says_what_to_do(code: str) -> None:
    assert refusal(code, "wrong").hint
    assert refusal(code, "wrong", hint="this").hint == "this"


def test_what_a_file_calls_itself_cannot_act_on_a_terminal() -> None:
    """A title, a screen that is wiped, a line that looks like ours; nor is a message as long as the file."""
    error = refusal("asset.version", "glTF version \x1b[2J\r\n\u202e虚拟人", where="a\nb")
    assert str(error).isprintable()
    assert "虚拟人" in error.message
    assert len(str(refusal("asset.version", "9" * 100_000))) < 700
    log = IssueLog()
    log.add("animation.unbound", "the character has no \x1b]0;title\x07", where="\x00")
    assert all(f"{issue.message}{issue.where}".isprintable() for issue in log.issues())
