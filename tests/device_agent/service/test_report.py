"""What health and metrics say of the program itself; what they say of the device is with what they say it about."""

from __future__ import annotations

import re

from device_agent import VERSION
from device_agent.service.report import Report


def test_a_fleet_s_versions_can_be_read_from_monitoring() -> None:
    report = Report()
    assert report.facts()["version"] == VERSION
    assert f'avatar_agent_build_info{{version="{VERSION}"}} 1\n' in report.metrics()


def test_every_metric_is_told_once_with_help_and_type_before_its_values() -> None:
    told: list[str] = []
    for line in Report().metrics().splitlines():
        if line.startswith("# HELP "):
            name = line.split()[2]
            assert name not in told
            told.append(name)
            assert line.endswith(".")
        elif line.startswith("# TYPE "):
            assert line.split()[2:] == [told[-1], "counter" if told[-1].endswith("_total") else "gauge"]
        else:
            assert re.fullmatch(told[-1] + r"(\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\})? [0-9.e+-]+", line), line
    assert len(told) > 12
