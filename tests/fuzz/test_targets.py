"""The fuzzer's targets without the fuzzer: their seeds, and some of what it would make of them."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.target import hold
from tests.fuzz.targets import TARGETS

MUTATIONS, FEW = 60, 15
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
