"""The table of transitions as diagram and list, for docs/lifecycle.md: run this module to print them."""

from __future__ import annotations

import sys

from device_agent.lifecycle.machine import NEXT, TRANSITIONS, Event, Phase

EVERYWHERE = (Event.HARDWARE_CHANGED, Event.STORAGE_LOST)
"""Events that nearly every phase knows: with them the diagram would be a tangle."""


def diagram() -> str:
    """A Mermaid state diagram of all transitions but those of ``EVERYWHERE``."""
    lines = ["stateDiagram-v2", "    [*] --> blank"]
    grouped: dict[tuple[Phase, Phase], list[str]] = {}
    for (source, event), target in TRANSITIONS.items():
        if event not in EVERYWHERE:
            grouped.setdefault((source, target), []).append(event.value)
    names = {phase: phase.value.replace("-", "_") for phase in Phase}
    lines += [f'    state "{phase.value}" as {names[phase]}' for phase in Phase if "-" in phase.value]
    lines += [
        f"    {names[source]} --> {names[target]}: {', '.join(events)}" for (source, target), events in grouped.items()
    ]
    return "\n".join(lines)


def table() -> str:
    """A Markdown table: phase, what it goes on with, what leads out of it."""
    lines = ["| phase | goes on with | leaves on |", "|---|---|---|"]
    for phase in Phase:
        ways = [
            f"{event.value} → {target.value}"
            for (source, event), target in TRANSITIONS.items()
            if source is phase and event not in EVERYWHERE
        ]
        lines.append(f"| {phase.value} | {NEXT[phase].value} | {', '.join(ways)} |")
    return "\n".join(lines)


def everywhere() -> str:
    """One line for each event that the diagram leaves out: where it can happen and where it leads."""
    lines = []
    for event in EVERYWHERE:
        sources = [source.value for (source, found) in TRANSITIONS if found is event]
        (target,) = {target.value for (_, found), target in TRANSITIONS.items() if found is event}
        lines.append(f"- `{event.value}` → {target}, from {', '.join(sources)}")
    return "\n".join(lines)


def page() -> str:
    """What stands between the marks in docs/lifecycle.md."""
    return f"```mermaid\n{diagram()}\n```\n\nNot drawn:\n\n{everywhere()}\n\n{table()}"


if __name__ == "__main__":
    sys.stdout.write(page() + "\n")
