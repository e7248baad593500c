"""Fields whose value is made when it is first read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from renderer.scene.later import Delayed, Later, changed


@dataclass(kw_only=True)
class Holder:
    name: str
    value: Later[int] = Later(7)  # noqa: RUF009 -- a descriptor


def test_a_plain_value_and_the_default() -> None:
    assert Holder(name="a").value == 7
    assert Holder(name="a", value=3).value == 3


def test_a_delayed_value_is_made_once_and_only_when_asked_for() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return 40 + len(made)

    shared = Delayed(make)
    one, other = Holder(name="a", value=shared), Holder(name="b", value=shared)
    assert made == []
    assert (one.value, one.value, other.value, replace(one, name="c").value) == (41, 41, 41, 41)
    assert made == [1]


def test_a_failure_is_not_kept() -> None:
    answers = iter((ValueError("not yet"), 5))

    def make() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    holder = Holder(name="a", value=Delayed(make))
    with pytest.raises(ValueError, match="not yet"):
        _ = holder.value
    assert holder.value == 5


def test_a_change_of_something_else_leaves_what_is_delayed_for_later() -> None:
    made: list[int] = []
    holder = Holder(name="a", value=Delayed(lambda: (made.append(1), 9)[1]))
    other = changed(holder, name="b")
    assert (other.name, holder.name, made) == ("b", "a", [])
    assert (other.value, changed(other, name="c").value, made) == (9, 9, [1])
