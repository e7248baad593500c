"""Write docs/operations.md and docs/errors.md from the program's own tables; ``--check`` only compares.

A test fails when a page and its table have drifted apart.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from error_codes import BLANK, Told, error_codes

from certs.errors import CertError
from device_agent.api.causes import PASSING, ROWS, SEAT_ROW, SERVER_ROW, UNKNOWN_ROW, Row
from device_agent.cli.fault import exit_status
from device_agent.errors import AgentError
from device_agent.spec.operation import VERSION, Operation, Repeat
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter
from renderer.assets.issues import TABLE
from renderer.errors import RenderError

DOCS = Path(__file__).resolve().parent.parent / "docs"
GENERATED = "<!-- Made by scripts/generate_docs.py from the tables in the code: change those, then run it. -->"

REPEAT_WORDS = {
    Repeat.SAFE: "it only reads, so it is repeated",
    Repeat.KEYED: "repeated when {key} is given: the platform then does it once",
    Repeat.NATURAL: "it sets the same state again, so it is repeated",
    Repeat.UNSAFE: "not repeated once the platform may have served it",
}


def operations_page() -> str:
    """docs/operations.md."""
    lines = [
        "# Operations",
        "",
        GENERATED,
        "",
        f"The platform's {len(OPERATIONS)} operations, version {VERSION}. `avatar-agent api` lists and calls them;"
        " in Python each is a type of its name, and `client.call(...)` gives its result type.",
        "",
        "| operation | family | what it does |",
        "|---|---|---|",
        *(f"| [{row.name}](#{row.name.lower()}) | {row.family} | {row.summary} |" for row in OPERATIONS.values()),
        "",
    ]
    for row in OPERATIONS.values():
        lines += _operation(row)
    return "\n".join(lines)


def _operation(row: Operation[Any]) -> Iterator[str]:
    yield f"## {row.name}"
    yield ""
    yield row.summary
    yield ""
    module = row.request.__module__
    facts = [
        f"`from {module} import {row.name}`",
        f"sent with {row.methods[0]}" + (f" ({', '.join(row.methods[1:])} works too)" if row.methods[1:] else ""),
        REPEAT_WORDS[row.repeat].format(key=row.repeat_key),
    ]
    if row.demanded:
        facts.append(f"our client always sends {' and '.join(row.demanded)}, though the platform does not ask for it")
    if row.request_id_in_data:
        facts.append("its RequestId is inside Data")
    if row.paid:
        facts.append("the platform charges for it")
    yield from (f"- {fact}" for fact in facts)
    yield ""
    yield "| parameter | Python | type | limits | meaning |"
    yield "|---|---|---|---|---|"
    yield from _rows(row.parameters, "")
    yield ""
    answer = [field for field in row.answer if field.name == "Data"]
    if answer:
        yield "| answer | Python | type | limits | meaning |"
        yield "|---|---|---|---|---|"
        yield from _rows(tuple(answer), "")
    else:
        yield "The answer carries no data."
    yield ""


def _rows(parameters: tuple[Parameter, ...], prefix: str, inside: str = "") -> Iterator[str]:
    for p in parameters:
        kind = f"list of {p.items.kind}" if p.items is not None else p.kind
        kind += " (JSON text)" if p.json_text else ""
        needed = ", required" if p.required else ""
        choices = "; ".join(f"`{value}` {word}".strip() for value, word in p.meanings)
        meaning = " ".join(
            part for part in (p.text, choices, "Ignored by the platform." if p.deprecated else "") if part
        )
        yield f"| {prefix}{p.name} | {inside}{p.attribute} | {kind}{needed} | {_limits(p)} | {meaning} |"
        fields = p.fields or (p.items.fields if p.items is not None else ())
        mark = "[]" if p.items is not None else ""
        yield from _rows(fields, f"{prefix}{p.name}{mark}.", f"{inside}{p.attribute}{mark}.")


def _limits(p: Parameter) -> str:
    width = (-(2**63), 2**63 - 1, -(2**31), 2**31 - 1)
    low, high = (None if bound in width else bound for bound in (p.minimum, p.maximum))
    said = []
    if low is not None and high is not None:
        said.append(f"{low} to {high}")
    elif low is not None:
        said.append(f"from {low}")
    if p.max_length is not None:
        said.append(f"at most {p.max_length} characters")
    if p.text_limit is not None:
        said.append(f"at most {p.text_limit} characters, markup not counted")
    if p.max_items is not None:
        said.append(f"at most {p.max_items}")
    if p.items is not None and p.items.max_length is not None:
        said.append(f"each at most {p.items.max_length} characters")
    if p.pattern:
        said.append("`#RRGGBBAA`" if "A-Fa-f" in p.pattern else f"`{p.pattern}`")
    if p.default is not None:
        said.append(f"default {str(p.default).lower() if isinstance(p.default, bool) else p.default}")
    return ", ".join(said)


STATUSES = (
    (0, "done"),
    (1, "anything else: a defect of ours; also when nobody reads the output to its end, as in `| head -1`"),
    (2, "the command was called the wrong way"),
    (3, "configuration: a setting, a file, a folder, the device's record"),
    (4, "licence or seat"),
    (5, "network: no answer, or not the platform's"),
    (6, "refused by the platform"),
    (7, "the avatar or its package cannot be used"),
    (8, "no usable graphics"),
    ("129, 130, 143", "stopped: the terminal went away, Ctrl-C, SIGTERM"),
)


def errors_page() -> str:
    """docs/errors.md."""
    lines = [
        "# Errors",
        "",
        GENERATED,
        "",
        "Every command ends in one line on stderr: what is wrong, where, what to do, and a code in brackets that never"
        " changes. With `--json` the same is one object on stdout (`ok`, `code`, `message`, `where`, `hint`,"
        " `request_id`, `exit_status`).",
        "",
        "| exit status | meaning |",
        "|---|---|",
        *(f"| {status} | {meaning} |" for status, meaning in STATUSES),
        "",
        "## Types",
        "",
        "One tree in each package; `except` on a base catches all below it.",
        "",
        "| type | exit status | raised when |",
        "|---|---|---|",
        *(_type_row(kind, depth) for root in (AgentError, CertError, RenderError) for kind, depth in _tree(root)),
        "",
        "## Our codes",
        "",
        "With what the message beside each says; `…` stands for what it names there. The codes of an avatar's own data"
        " are in [asset-issues.md](asset-issues.md), the platform's below.",
        "",
        "| code | type | says |",
        "|---|---|---|",
        *_code_rows(),
        "",
        "## What the platform's codes mean",
        "",
        "The first row that fits counts; a code that ends in `*` stands for all that start so. A row may speak about"
        " some operations only. *Repeated* says whether the client tries again by itself, as far as the operation"
        " allows it; a refused time is corrected from the answer's Date and tried once more in any case.",
        "",
        "| codes | operations | cause | error | repeated | advice |",
        "|---|---|---|---|---|---|",
        *(_cause_row(row, row.codes) for row in ROWS),
        _cause_row(SEAT_ROW, ("the codes and `/.../` in the setting `seat_full_codes`",)),
        _cause_row(SERVER_ROW, ("any other with HTTP 5xx",)),
        _cause_row(UNKNOWN_ROW, ("any other",)),
        "",
    ]
    return "\n".join(lines)


def _tree(kind: type[Exception], depth: int = 0) -> Iterator[tuple[type[Exception], int]]:
    yield kind, depth
    for inner in sorted(kind.__subclasses__(), key=lambda sub: sub.__name__):
        if inner.__module__.endswith(".errors"):
            yield from _tree(inner, depth + 1)


MOST_MESSAGES = 3
"""Of one code; those of the others differ in what they name."""


def _code_rows() -> Iterator[str]:
    kinds = {kind.__name__ for root in (AgentError, CertError, RenderError) for kind, _depth in _tree(root)}
    found: dict[str, list[Told]] = defaultdict(list)
    for told in error_codes(kinds):
        if told.code not in TABLE:
            found[told.code].append(told)
    for code, ways in found.items():
        types = ", ".join(sorted({told.kind for told in ways}))
        says = (told.message.strip().replace("|", "\\|") for told in ways if told.message != BLANK)
        messages = list(dict.fromkeys(says))
        more = " / …" if len(messages) > MOST_MESSAGES else ""
        yield f"| `{code}` | {types} | {' / '.join(messages[:MOST_MESSAGES]) or BLANK}{more} |"


def _type_row(kind: type[Exception], depth: int) -> str:
    status = exit_status(kind("", code=""))  # type: ignore[call-arg]
    words = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split())
    return f"| {'&nbsp;&nbsp;' * depth}`{kind.__module__.split('.')[0]}` {kind.__name__} | {status} | {words} |"


def _cause_row(row: Row, codes: tuple[str, ...]) -> str:
    shown = ", ".join(code if " " in code else f"`{code}`" for code in codes)
    where = ", ".join(row.operations) or "all"
    repeated = "yes" if row.cause in PASSING else "no"
    return f"| {shown} | {where} | {row.cause} | {row.raises.__name__} | {repeated} | {row.hint} |"


PAGES = {"operations.md": operations_page, "errors.md": errors_page}


def main() -> int:
    """Write or compare the pages; 1 when ``--check`` finds a difference."""
    status = 0
    for name, page in PAGES.items():
        path, text = DOCS / name, page()
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path} has drifted: run python scripts/generate_docs.py")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
