"""Whatever fails, in whatever row: what works stays (V7), and what nobody understands moves nothing (V18)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs.authority import Authority
from certs.errors import CertError
from certs.lineage import Lineage
from device_agent.api.causes import UNKNOWN_ROW, row_of
from device_agent.config import Secret
from device_agent.errors import (
    AgentError,
    LicenseRefused,
    NetworkError,
    PermissionRefused,
    SeatsFull,
    ServerFault,
)
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import Office
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.token import kept_token
from device_agent.lifecycle.vault import Vault

from .conftest import CODE, FILES, Kiosk

QUIET = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(scope="module")
def place(licence_key: rsa.RSAPrivateKey) -> Iterator[tuple[RunningHarness, Enrolment]]:
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with (
        RunningHarness.start(avatars=[package], seats=2, keys=lambda: licence_key) as harness,
        tempfile.TemporaryDirectory(prefix="office-") as folder,
        open_office(harness, Path(folder) / "office") as office,
    ):
        yield harness, office


class Managed(Kiosk):
    """A kiosk whose certificate opens everything."""

    office: Enrolment

    def settings(self, **overrides: str) -> Any:
        office = self.office
        given = super().settings(
            enroll_url=office.est_url, broker_url=office.broker_url, ca_file=str(office.ca_file), **overrides
        )
        return msgspec.structs.replace(
            given, access_key_id="", access_key_secret=None, enroll_secret=Secret(office.office.invite())
        )

    def secrets(self) -> dict[str, bytes]:
        folder = Vault(self.folder / "state").identity_folder.parent
        return {
            path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "token.json"
        }

    def tokens(self) -> tuple[Secret, ...]:
        kept = kept_token(Vault(self.folder / "state"))
        return kept.to_try if kept is not None else ()


def _foreign(_self: Office, asked: Any, **_more: Any) -> Any:
    now = datetime.now(UTC)
    return Authority.create(name="x", now=now, lifetime=timedelta(days=9)).issue_from(
        asked, now=now, lifetime=timedelta(days=1)
    )


def _raising(error: Exception) -> Callable[..., Any]:
    def act(*_given: Any, **_more: Any) -> Any:
        raise error

    return act


OFFICE_FAULTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "no answer": ("reenroll", _raising(NetworkError("x", code="network.cut"))),
    "refused": ("reenroll", _raising(PermissionRefused("x", code="office.refused"))),
    "another authority's": ("reenroll", _foreign),
    "the new one does not work": ("prove", _raising(PermissionRefused("x", code="office.refused"))),
    "the new one is not tried": ("prove", _raising(NetworkError("x", code="network.timeout"))),
    "no credentials": ("credentials", _raising(ServerFault("x", code="office.fault"))),
}
CALL_FAULTS = ("drop_before", "drop_after", "duplicate", "http_500", "throttle", "captive", "redirect", "token_expired",
               "wrong_bytes")  # fmt: skip
TROUBLE = st.tuples(
    st.sampled_from(["start", "fetch", "bind", "renew", "enroll", "refresh"]),
    st.sampled_from(["", *CALL_FAULTS]),
    st.sampled_from(["", *OFFICE_FAULTS]),
)


@given(row=st.lists(TROUBLE, min_size=1, max_size=6))
@settings(QUIET, max_examples=25)
def test_no_row_of_failures_takes_a_credential_that_works(
    place: tuple[RunningHarness, Enrolment], row: list[tuple[str, str, str]]
) -> None:
    harness, office = place
    harness.reset()
    with tempfile.TemporaryDirectory(prefix="kiosk-") as folder:
        kiosk = Managed(folder=Path(folder), harness=harness)
        kiosk.office = office
        with kiosk.engine() as engine:
            engine.bind()
            engine.fetch(CODE)
            (token,) = kiosk.tokens()
            engine.token_worked(token)
        before = kiosk.secrets()
        for act, fault, office_fault in row:
            if fault:
                harness.fault(fault, on="*", times=2)
            patch = mock.patch.object(Office, *OFFICE_FAULTS[office_fault]) if office_fault else mock.MagicMock()
            with patch, suppress(AgentError, CertError), kiosk.engine() as engine:
                {"start": engine.start, "bind": engine.bind, "fetch": lambda e=engine: e.fetch(CODE),
                 "renew": lambda e=engine: e.renew_certificate(force=True), "enroll": engine.enroll,
                 "refresh": engine.refresh_token}[act]()  # fmt: skip
            harness.lift_faults()
            assert kiosk.secrets() == before, "the licence stays as it was"
            assert token in kiosk.tokens(), "and the token that worked is here: no other has"
            current = Lineage(root=Vault(kiosk.folder / "state").identity_folder).current()
            assert current is not None
        with kiosk.engine() as engine:
            engine.start()
            engine.fetch(CODE)
            assert engine.renew_certificate(force=True)
            assert engine.record.phase is Phase.READY
        assert len(harness.seats()) == 1


CODES = st.one_of(
    st.from_regex(r"[1-9][0-9]{7}", fullmatch=True),
    st.from_regex(r"[A-Z][A-Za-z]{2,12}(\.[A-Z][A-Za-z]{2,12}){0,2}", fullmatch=True),
    st.text(max_size=30),
)
OPERATIONS = {"bind": Phase.BINDING, "start": Phase.READY, "fetch": Phase.READY, "unbind": Phase.UNBINDING}
COUNTERS = ("gen", "contact", "bind", "unbind", "phase", "endpoint", "license_fp")


@given(code=CODES, status=st.sampled_from([200, 400, 403, 404]), act=st.sampled_from(sorted(OPERATIONS)))
@settings(QUIET, max_examples=80)
def test_a_code_that_nobody_knows_moves_nothing(
    place: tuple[RunningHarness, Enrolment], code: str, status: int, act: str
) -> None:
    harness, _office = place
    if row_of(code, http_status=status) is not UNKNOWN_ROW or code.strip() in ("10010002", "ClientAuth.SeatLimit"):
        return
    harness.reset()
    with tempfile.TemporaryDirectory(prefix="kiosk-") as folder:
        kiosk = Kiosk(folder=Path(folder), harness=harness)
        if act != "bind":
            with kiosk.engine() as engine:
                engine.bind()
                engine.fetch(CODE)
        before = kiosk.files()
        document = {"RequestId": "R", "Code": code, "Message": "?", "Success": False}
        strange = httpx.MockTransport(lambda _request: httpx.Response(status, json=document))
        with kiosk.engine(client_options={"transport": strange}) as engine:
            was = engine.record
            with pytest.raises(AgentError):
                engine.fetch(CODE) if act == "fetch" else getattr(engine, act)()
            now = engine.record
        # What was meant is written down before it is tried; that is all. An unbind is an order, not an answer.
        meant = OPERATIONS[act] if act in ("unbind",) else was.phase
        assert now.phase in ({meant, Phase.IDENTIFIED, Phase.BINDING} if act == "bind" else {meant})
        if act != "bind":
            assert unmoved(now) == unmoved(was)
            assert {n: d for n, d in kiosk.files().items() if "secrets" in n or "cache" in n} == {
                n: d for n, d in before.items() if "secrets" in n or "cache" in n
            }


def unmoved(record: Record) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in facts.items() if name not in COUNTERS}


def test_a_full_licence_is_a_full_licence_whichever_call_says_so(kiosk: Kiosk, harness: RunningHarness) -> None:
    """Nobody documents which call refuses a seat; the operator's code may come with the licence's already."""
    full = {"seat_full_codes": "10020001"}
    with kiosk.engine(overrides=full) as engine:
        harness.fault("license_expired", on="LicenseAuth", times=2)
        with pytest.raises(SeatsFull):
            engine.bind()
        assert engine.record.phase is Phase.IDENTIFIED, "it has asked for no seat"
    with kiosk.engine(overrides=full) as engine:
        harness.lift_faults()
        harness.fault("drop_before", on="ClientAuth")
        with pytest.raises(NetworkError):
            engine.bind()
        harness.fault("license_expired", on="LicenseAuth")
        with pytest.raises(SeatsFull):
            engine.bind()
        assert (engine.record.phase, engine.record.blocked) == (Phase.SEAT_FULL, "")
    with kiosk.engine() as engine:
        harness.fault("license_expired", on="LicenseAuth")
        with pytest.raises(LicenseRefused):
            engine.bind()
        engine.bind()
        assert engine.record.phase is Phase.BOUND
