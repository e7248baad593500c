"""The codes of our own errors, read from the source: where an error is made, its code and its message stand together.

``docs/errors.md`` lists them. A code that is put together (``f"file.{code}"``) is followed to the arguments, the
assignments and the tables that its parts come from.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("certs", "renderer", "device_agent")

BLANK = "…"
"""Stands in a text for what only a run knows."""

DEEPEST = 6
"""Names that are followed one after the other; whatever needs more goes round in a circle."""

Scope = Mapping[str, ast.expr]
"""What the names in a function stand for, in one of the ways to get there."""


@dataclass(frozen=True, kw_only=True, order=True)
class Told:
    """One way in which a code is told."""

    code: str
    kind: str
    message: str


def error_codes(kinds: Set[str]) -> list[Told]:
    """Every code that the source gives to an error of one of these types, sorted; once for each message."""
    sources = [path.read_text(encoding="utf-8") for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    return sorted({told for told in _told(sources, kinds) if BLANK not in told.code})


def _told(sources: list[str], kinds: Set[str]) -> Iterator[Told]:
    trees = [ast.parse(source) for source in sources]
    constants = {name: value for tree in trees for name, value in _constants(tree).items() if name.isupper()}
    calls: dict[str, list[ast.Call]] = defaultdict(list)
    for call in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)):
        calls[_called(call)].append(call)
    for tree in trees:
        module = _Module(tree, constants=constants, calls=calls)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            if "code" not in given:
                continue
            message = call.args[0] if call.args else given.get("message")
            for scope in module.scopes(call):
                kind = getattr(scope.get(_called(call)), "id", _called(call))
                if kind in kinds:
                    pairs = module.texts(ast.Tuple(elts=[given["code"], message or ast.Constant("")]), scope)
                    yield from (Told(code=code, kind=kind, message=says) for code, says in pairs)


class _Module:
    """One file, and what the whole source knows: constants in capitals, and who calls what."""

    def __init__(self, tree: ast.Module, *, constants: Scope, calls: Mapping[str, list[ast.Call]]) -> None:
        self._constants = {**constants, **_constants(tree)}
        self._functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._calls = calls

    def scopes(self, inner: ast.AST, *, callers: int = 1) -> list[Scope]:
        """What names stand for around a node, in every way that the source has to get there; what a caller hands on is
        followed to where that caller has it from, ``callers`` times.
        """
        function = self._parents.get(inner)
        while function is not None and not isinstance(function, ast.FunctionDef):
            function = self._parents.get(function)
        if function is None:
            return [{}]
        known = not function.name.startswith("_")  # elsewhere too
        calls = (call for call in self._calls.get(function.name, ()) if known or call in self._parents)
        scopes: list[Scope] = [
            {name: outer.get(getattr(value, "id", ""), value) for name, value in _arguments(function, call).items()}
            for call in calls
            for outer in (self.scopes(call, callers=callers - 1) if callers else [{}])
        ] or [{}]
        bound: dict[tuple[str, ...], list[Scope]] = defaultdict(list)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                for row in self._rows(node):
                    bound[tuple(row)].append(row)
        for rows in bound.values():
            scopes = [{**scope, **row} for scope, row in product(scopes, rows)]
        return scopes

    def _rows(self, node: ast.Assign) -> list[Scope]:
        """What an assignment binds that takes a text, a row of ``TABLE.get(key, otherwise)``, or what our own
        function returns.
        """
        target, value = node.targets[0], node.value
        names = [getattr(part, "id", "") for part in getattr(target, "elts", [target])]
        found: list[ast.expr] = []
        if isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp):
            found = [value]
        elif isinstance(value, ast.Call) and _called(value) == "get" and isinstance(value.func, ast.Attribute):
            table = self._constants.get(getattr(value.func.value, "id", ""))
            found = [*table.values, *value.args[1:]] if isinstance(table, ast.Dict) else []
        elif isinstance(value, ast.Call):
            found = list(self._returned(_called(value)))
        rows = [part.elts if isinstance(part, ast.Tuple) else [part] for part in found]
        return [dict(zip(names, row, strict=True)) for row in rows if len(row) == len(names)]

    def _returned(self, name: str) -> Iterator[ast.expr]:
        """What our own function of that name returns, or one that it hands on to."""
        for function in (f for f in self._functions if f.name == name):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Call) and _called(node.value) != name:
                    yield from self._returned(_called(node.value))
                elif isinstance(node, ast.Return) and node.value is not None:
                    yield node.value

    def texts(self, pair: ast.Tuple, scope: Scope) -> Iterator[tuple[str, ...]]:
        """Every pair of texts that the two can be together: a condition that both ask has one answer."""
        asked = sorted({ast.unparse(node.test) for node in ast.walk(pair) if isinstance(node, ast.IfExp)})
        for answers in product((True, False), repeat=len(asked)):
            holds = dict(zip(asked, answers, strict=True))
            yield from product(*(self._texts(part, scope, holds, 0) for part in pair.elts))

    def _texts(self, node: ast.expr | None, scope: Scope, holds: Mapping[str, bool], depth: int) -> list[str]:
        if depth > DEEPEST:
            return [BLANK]
        match node:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.JoinedStr(values=parts):
                chosen = product(*(self._texts(part, scope, holds, depth + 1) for part in parts))
                return ["".join(texts).replace(BLANK * 2, BLANK) for texts in chosen]
            case ast.FormattedValue(value=inner):
                return self._texts(inner, scope, holds, depth + 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                both = product(*(self._texts(part, scope, holds, depth + 1) for part in (left, right)))
                return [a + b for a, b in both]
            case ast.IfExp(test=test, body=one, orelse=other):
                answer = holds.get(ast.unparse(test))
                chosen = [one, other] if answer is None else [one if answer else other]
                return [text for part in chosen for text in self._texts(part, scope, holds, depth + 1)]
            case ast.Name(id=name) if name in scope or name in self._constants:
                value, outer = scope.get(name, self._constants.get(name)), {k: scope[k] for k in scope if k != name}
                return self._texts(value, outer, holds, depth + 1)
        return [BLANK]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What names at a file's top stand for."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node.value for target in targets if isinstance(target, ast.Name)}
    return found


def _arguments(function: ast.FunctionDef, call: ast.Call) -> Scope:
    """What a function's parameters stand for in a call."""
    names = [parameter.arg for parameter in function.args.args if parameter.arg not in ("self", "cls")]
    keyed = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    usual = {parameter.arg: value for parameter, value in keyed if value is not None}
    return {**usual, **dict(zip(names, call.args, strict=False)), **{k.arg: k.value for k in call.keywords if k.arg}}
