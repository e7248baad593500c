"""``avatar-agent fleet root``: whose signatures devices believe, one version after another."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options
from device_agent.cli.fleet.given import Expires, Key, account, given_roots, opened
from device_agent.cli.fleet.root_table import tell
from device_agent.cli.passphrase import PassFile
from device_agent.errors import UsageError

_Files = list[Path] | None
RootKeys = Annotated[
    _Files, typer.Option("--root-key", help="Public keys that sign roots; may be repeated.", metavar="FILE.pub")
]
ContentKeys = Annotated[
    _Files, typer.Option("--content-key", help="... that sign lists of packages.", metavar="FILE.pub")
]
OrderKeys = Annotated[_Files, typer.Option("--order-key", help="... that sign orders.", metavar="FILE.pub")]
RootNeeds = Annotated[int | None, typer.Option("--root-threshold", min=1, help="How many different ones; 1.")]
ContentNeeds = Annotated[int | None, typer.Option("--content-threshold", min=1, help="... for lists.")]
OrderNeeds = Annotated[int | None, typer.Option("--order-threshold", min=1, help="... for orders.")]
Out = Annotated[Path, typer.Option("--out", help="The root; served as VERSION.json at root_url.", metavar="FILE")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    roots = typer.Typer(help="Roots of keys: whose signatures devices believe.", no_args_is_help=True)
    roots.command("new")(new)
    roots.command("next")(next_)
    roots.command("show")(show)
    group.add_typer(roots, name="root")


def new(
    out: Out,
    expires: Expires,
    root_key: RootKeys = None,
    content_key: ContentKeys = None,
    order_key: OrderKeys = None,
    root_threshold: RootNeeds = None,
    content_threshold: ContentNeeds = None,
    order_threshold: OrderNeeds = None,
    key: Key = Path("operator.pem"),
    pass_file: PassFile = None,
    config: options.Config = None,
    tenant_id: options.TenantId = None,
    app_id: options.AppId = None,
    as_json: options.Json = False,
) -> None:
    """Write version 1, signed with --key; the other holders add theirs with `fleet sign`."""
    from certs.root import Roles
    from device_agent.fleet import roots
    from device_agent.fleet.files import absent, new_file
    from device_agent.fleet.signing import end

    given = {"root": root_key, "content": content_key, "order": order_key}
    if missing := [name for name, files in given.items() if not files]:
        raise UsageError(
            f"a root names every role's keys: --{missing[0]}-key is missing", code="usage.root",
            where=f"--{missing[0]}-key", hint="lists and orders may have the same key, roots have their own",
        )  # fmt: skip
    needs = {"root": root_threshold, "content": content_threshold, "order": order_threshold}
    ends = end(expires, now=datetime.now(UTC))
    tenant, app = account(config, tenant_id, app_id)
    absent([out])
    found = Roles(**{name: roots.role_of(files or [], threshold=needs[name] or 1) for name, files in given.items()})
    data = roots.new(found, tenant_id=tenant, app_id=app, expires=ends, key=opened(key, pass_file))
    new_file(out, data + b"\n")
    tell(roots.standing(data, before=None, where=str(out)), out, as_json=as_json)


def next_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The version before, signed by its holders.")],
    out: Out,
    expires: Expires,
    root_key: RootKeys = None,
    content_key: ContentKeys = None,
    order_key: OrderKeys = None,
    root_threshold: RootNeeds = None,
    content_threshold: ContentNeeds = None,
    order_threshold: OrderNeeds = None,
    key: Key = Path("operator.pem"),
    pass_file: PassFile = None,
    as_json: options.Json = False,
) -> None:
    """Write the next version, signed with --key. Named keys take the place of all of that role; the others stay."""
    import msgspec

    from certs.root import first
    from device_agent.fleet import roots
    from device_agent.fleet.files import absent, new_file
    from device_agent.fleet.signing import end

    ends = end(expires, now=datetime.now(UTC))
    before = roots.read(file)
    with given_roots():
        last = first(before, where=str(file)).claims.roles
    absent([out])
    changes = {}
    for name, files, needs in (
        ("root", root_key, root_threshold),
        ("content", content_key, content_threshold),
        ("order", order_key, order_threshold),
    ):
        was = getattr(last, name)
        if files:
            changes[name] = roots.role_of(files, threshold=needs or was.threshold)
        elif needs:
            changes[name] = msgspec.structs.replace(was, threshold=needs)
    data = roots.following(before, changes, expires=ends, key=opened(key, pass_file))
    new_file(out, data + b"\n")
    tell(roots.standing(data, before=before, where=str(out)), out, as_json=as_json)


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A root.")],
    before: Annotated[
        Path | None, typer.Option("--before", help="The version before: its holders have to sign too.", metavar="FILE")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show what a root says, who has signed it, what is missing, and in how many days it ends."""
    from device_agent.fleet import roots

    old = roots.read(before) if before is not None else None
    with given_roots():
        found = roots.standing(roots.read(file), before=old, where=str(file), before_where=str(before or ""))
    tell(found, file, as_json=as_json)
