"""``avatar-agent api``: list, describe and call the platform's operations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from device_agent.cli import options, present
from device_agent.plain_file import read_plain

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.spec.operation import Operation
    from device_agent.spec.parameter import Parameter


FILE_LIMIT = 8 * 1024 * 1024
"""Bytes of a file of parameters."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("api")(api)


def api(
    operation: Annotated[str | None, typer.Argument(help="Name of the operation; none lists them all.")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="Name=Value; Name=@FILE reads a file; App.AppId=... reaches inside."),
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", help="File with a JSON object of parameters; - is stdin.", metavar="FILE")
    ] = None,
    describe: Annotated[
        bool, typer.Option("--describe", help="Show the operation's parameters; calls nothing.")
    ] = False,
    config: options.Config = None,
    endpoint: options.Endpoint = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    license_file: options.License = None,
) -> None:
    """List the platform's operations, or call one and print its answer as JSON.

    TenantId, AppId and License come from the settings when they are not given; License never on the command line.
    """
    from device_agent.spec.operations import OPERATIONS

    if operation is None:
        present.put_pairs(
            [(f"{row.name:<32} {row.family:<13}", row.summary) for row in OPERATIONS.values()],
        )
        return
    row = OPERATIONS.get(operation)
    if row is None:
        raise _unknown(operation, list(OPERATIONS))
    if describe:
        _describe(row)
        return
    settings = options.load_settings(
        config, endpoint=endpoint, tenant_id=tenant_id, app_id=app_id, license_file=license_file
    )
    given = {**_from_file(json_file), **_from_options(row, param or [])}
    _call(row, given, settings)


def _call(row: Operation[Any], given: dict[str, Any], settings: Settings) -> None:
    import msgspec

    from device_agent.api.client import Client
    from device_agent.api.codec import request_of

    request = request_of(row, {**_from_settings(row, settings, given), **given})
    with Client.from_settings(settings) as client:
        result = client.call(request)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")


def _from_settings(row: Operation[Any], settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    """What the settings say about parameters that nearly every operation has; never which device to unbind."""
    from certs.license import License

    wanted = {parameter.name for parameter in row.parameters} - set(given)
    licence = None
    if settings.license_file is not None and wanted & {"TenantId", "App", "AppId", "License"}:
        licence = License.load(settings.license_file)
    tenant_id = settings.tenant_id if settings.tenant_id is not None else licence and licence.tenant_id
    app_id = settings.app_id or (licence and licence.app_id)
    known = {
        "TenantId": tenant_id,
        "AppId": app_id,
        "App": {"AppId": app_id} if app_id else None,
        "License": licence and licence.reveal(),
        "DeviceType": settings.device_type,
    }
    return {name: value for name, value in known.items() if name in wanted and value not in (None, "")}


def _from_file(file: str | None) -> dict[str, Any]:
    import msgspec

    from device_agent.errors import UsageError

    if file is None:
        return {}
    try:
        text = sys.stdin.buffer.read(FILE_LIMIT) if file == "-" else read_plain(Path(file), limit=FILE_LIMIT)[0]
        found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    except OSError as exc:
        raise UsageError(
            f"the file of parameters cannot be read: {(exc.strerror or 'unknown').lower()}",
            code="api.file",
            where=file,
        ) from exc
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise UsageError("the file of parameters is not a JSON object", code="api.file", where=file) from None
    return found


def _from_options(row: Operation[Any], texts: list[str]) -> dict[str, Any]:
    """``Name=Value`` options as a tree of values."""
    from device_agent.errors import UsageError

    values: dict[str, Any] = {}
    for text in texts:
        path, sign, value = text.partition("=")
        if not sign or not path:
            raise UsageError("--param takes Name=Value", code="api.param", hint="for example --param Code=CH_1")
        if path == "License" and not value.startswith("@"):
            raise UsageError(
                "License is not accepted on the command line",
                code="api.secret_in_argv",
                where=row.name,
                hint="name the file with --license, or --param License=@FILE",
            )
        if value.startswith("@"):
            value = _read(value[1:])
        *outer, last = path.split(".")
        inner = values
        for name in outer:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{path} reaches into a value", code="api.param", where=row.name)
        inner[last] = _structured(row.parameters, path.split("."), value)
    return values


def _structured(parameters: tuple[Parameter, ...], path: list[str], text: str) -> Any:
    """The text, or what it says as JSON where an object or a list belongs."""
    import msgspec

    from device_agent.errors import UsageError

    found = next((parameter for parameter in parameters if parameter.name == path[0]), None)
    if found is not None and len(path) > 1:
        return _structured(found.fields, path[1:], text)
    if found is None or found.kind not in ("object", "array"):
        return text
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise UsageError(f"{found.name} takes JSON", code="api.param", where=found.name) from None


def _read(file: str) -> str:
    from device_agent.errors import UsageError

    try:
        return read_plain(Path(file), limit=FILE_LIMIT)[0].decode().strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no UTF-8"
        says = f"the parameter's file cannot be read: {(reason or 'unknown').lower()}"
        raise UsageError(says, code="api.param", where=file) from exc


def _describe(row: Operation[Any]) -> None:
    present.put(f"{row.name} ({row.family}): {row.summary}")
    lines: list[tuple[str, str]] = []
    from device_agent.spec.parameter import wanted

    def add(parameters: tuple[Parameter, ...], indent: int) -> None:
        for parameter in parameters:
            kind = f"{wanted(parameter)}{'; required' if parameter.required else ''}"
            if parameter.default is not None:
                kind += f"; {str(parameter.default).lower()} when left out"
            choices = ", ".join(f"{value}" + (f" {word}" if word else "") for value, word in parameter.meanings)
            told = " ".join(part for part in (parameter.text, f"[{choices}]" if choices else "") if part)
            lines.append((f"{'  ' * indent}{parameter.name}  ({kind})", told))
            add(parameter.fields or (parameter.items.fields if parameter.items else ()), indent + 1)

    add(row.parameters, 1)
    present.put_pairs(lines)


def _unknown(name: str, names: list[str]) -> Exception:
    import difflib

    from device_agent.errors import UsageError

    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return UsageError(
        f"there is no operation named {name}",
        code="api.operation",
        hint=f"did you mean {near[0]}?" if near else "avatar-agent api lists them",
    )
