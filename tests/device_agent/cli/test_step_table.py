"""The demo's table fits the terminal it is printed on."""

from __future__ import annotations

import pytest

from device_agent.cli.step_table import StepTable
from device_agent.lifecycle.observe import Step

REQUEST = "00307AA1-5710-4381-AD07-9F0BB90BFFA2"
RESULT = "llvmpipe (LLVM 15.0.6, 256 bits)"


def table(capsys: pytest.CaptureFixture[str], *, width: int) -> list[str]:
    with StepTable(quiet=False, width=width) as made:
        made.add(Step(name="ClientUnbindDevice", ok=True, ms=12.0, result=RESULT, request_id=REQUEST))
        made.add(Step(name="open", ok=False, ms=3.4, result="glb.truncated", request_id=""))
    return capsys.readouterr().out.splitlines()


def test_a_row_is_one_line_where_there_is_room(capsys: pytest.CaptureFixture[str]) -> None:
    head, rule, call, failed = table(capsys, width=132)
    assert head.split() == ["step", "ms", "RequestId", "result"]
    assert set(rule) == {"-"}
    assert call.split() == ["ClientUnbindDevice", "12", REQUEST, *RESULT.split()]
    assert failed.endswith("FAILED: glb.truncated")
    assert head.index("result") == call.index(RESULT) == failed.index("FAILED")


@pytest.mark.parametrize("width", [80, 66])
def test_nothing_breaks_where_there_is_little(capsys: pytest.CaptureFixture[str], width: int) -> None:
    lines = table(capsys, width=width)
    assert max(len(line) for line in lines) <= width
    head, _, call, request, failed = lines
    assert head.split() == ["step", "ms", "result"]
    assert head.index("result") == call.index(RESULT) == request.index(REQUEST) == failed.index("FAILED")
