"""The front end of ``make fuzz``: what it makes of the fuzzer's words, and of its death."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / "scripts" / "fuzz.py"
WORDS = ("INFO: Seed: 1", "#2\tINITED cov: 14 ft: 14 corp: 1/29b exec/s: 0 rss: 83Mb",
         "#131281\tDONE   cov: 66 ft: 153 corp: 29/3229b lim: 4096 exec/s: 14586 rss: 92Mb",
         "Done 131281 runs in 9 second(s)")  # fmt: skip


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_campaign", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fuzz_campaign", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    return module


def hunted(campaign: ModuleType, monkeypatch: pytest.MonkeyPatch, lives: Iterator[tuple[str, ...]]) -> object:
    monkeypatch.setattr(campaign, "lines", lambda _target, _seconds: iter(next(lives)))
    result = campaign.Result(target="x")
    campaign.hunt(result, seconds=60, told=lambda: None)
    return result


def test_it_counts(campaign: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hunted(campaign, monkeypatch, iter([WORDS]))
    assert (found.executions, found.coverage, found.features, found.corpus) == (131281, 66, 153, 29)  # type: ignore[attr-defined]
    assert (found.findings, found.failed) == ([], "")  # type: ignore[attr-defined]


def test_a_death_is_a_finding_and_the_hunt_goes_on(campaign: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ab" * 20
    findings, corpus = (campaign.FOLDER / "x" / part for part in ("findings", "corpus"))

    def lives() -> Iterator[tuple[str, ...]]:
        findings.mkdir()
        (findings / f"crash-{name}").write_bytes(b"case")
        (corpus / name).write_bytes(b"case")
        yield WORDS[:2]
        assert not (corpus / name).exists(), "or it would begin with its own death"
        yield WORDS

    found = hunted(campaign, monkeypatch, lives())
    assert found.executions == 2 + 131281  # type: ignore[attr-defined]
    assert found.findings == [f"crash-{name}"]  # type: ignore[attr-defined]


def test_a_fuzzer_that_does_not_run_is_no_clean_result(campaign: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = hunted(campaign, monkeypatch, iter([("ModuleNotFoundError: No module named 'atheris'",)]))
    assert "atheris" in found.failed  # type: ignore[attr-defined]


def test_what_was_found_before_is_tried_again(campaign: ModuleType) -> None:
    findings = campaign.FOLDER / "x" / "findings"
    findings.mkdir(parents=True)
    for name in ("0123.bin", "0123.txt", "timeout-" + "cd" * 20):
        (findings / name).write_bytes(b"case")
    campaign.again(findings.parent)
    assert list(findings.iterdir()) == []
    assert sorted(path.name for path in (findings.parent / "corpus").iterdir()) == ["0123.bin", "cd" * 20]


def test_targets_by_name_or_by_a_part_of_it(campaign: ModuleType) -> None:
    names = ["package", "package-entries", "picture"]
    assert campaign.chosen(names, "package") == ["package"]
    assert campaign.chosen(names, "pack") == ["package", "package-entries"]
    assert campaign.chosen(names, "pic,package-entries") == ["package-entries", "picture"]
    assert campaign.chosen(names, "zip") == []
