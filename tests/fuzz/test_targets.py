"""The fuzzer's targets without the fuzzer: their seeds, and some of what it would make of them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from device_agent.errors import PackageError
from tests.fuzz.target import Finding, Target, hold
from tests.fuzz.targets import TARGETS

MUTATIONS, FEW = 150, 40
SEEDS = 25


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_some_mutations(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    assert all(len(seed) <= target.longest for seed in seeds)
    for seed in seeds[:SEEDS]:
        hold(target, seed)
    for number in range(FEW if target.few else MUTATIONS):
        dice = random.Random(f"{name}/{number}")
        hold(target, target.mutate(dice.choice(seeds), dice)[: target.longest])


class Panic(BaseException):
    """As libraries written in Rust raise it."""


def raising(error: BaseException) -> Callable[[bytes], None]:
    def run(_data: bytes) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), AssertionError("x"), MemoryError(), RecursionError(), Panic(),
     PackageError("x", code=""), PackageError("\x1b[2J", code="package.x"), PackageError("x" * 3000, code="package.x"),
     PackageError("x", code="package.unknown")],
)  # fmt: skip
def test_what_no_reader_may_do_is_a_finding(error: BaseException) -> None:
    target = Target(run=raising(error), seeds=lambda: [b""], codes=("package.x",))
    with pytest.raises(Finding) as caught:
        hold(target, b"")
    assert caught.value.__cause__ is error


def test_a_refusal_with_a_code_is_none() -> None:
    target = Target(run=raising(PackageError("x", code="package.x")), seeds=lambda: [b""], codes=("package.x",))
    assert hold(target, b"") == "package.x"
