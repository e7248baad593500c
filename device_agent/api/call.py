"""One call of the platform, from typed request to typed result, as a generator.

It yields what it needs done (an exchange, a pause) and receives answers; a failed exchange is thrown into it as a
``NetworkError``. The sync and the async client drive the same generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from device_agent.api.causes import PASSING, Cause, cause_of, row_of
from device_agent.api.codec import from_answer, to_parameters
from device_agent.api.context import Context, require_seconds
from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.api.retry import Failure, RetryPolicy, advised_s
from device_agent.api.scrub import Scrubber
from device_agent.api.signing import Draft
from device_agent.errors import (
    AgentError,
    ClockSkew,
    NetworkError,
    NotThePlatform,
    PlatformError,
    ServerFault,
    SignatureRefused,
)
from device_agent.spec.operation import VERSION, operation_of
from device_agent.spec.wire import Request, Result

ResultT = TypeVar("ResultT", bound=Result)

Steps = Generator[Exchange | Pause, Answer | None, ResultT]


def call(
    request: Request[ResultT], *, context: Context, timeout_s: float | None = None, retry: RetryPolicy | None = None
) -> Steps[ResultT]:
    """The steps of one call.

    A refused time is corrected from the answer's Date header and tried once more, and a temporary credential that has
    ended is fetched anew once, whatever the policy says: the platform did nothing yet.

    Raises:
        UsageError: the timeout is no positive number of seconds.
        AgentError: see ``device_agent.errors``; a failure that passes is raised after the last attempt.
    """
    operation = operation_of(request)
    if timeout_s is not None:
        require_seconds(timeout_s, "timeout_s")
    policy = retry or context.retry
    parameters = to_parameters(request)
    scrubber = Scrubber(parameters.values())
    clock_corrected = credentials_dropped = False
    attempt = 0
    while True:
        attempt += 1
        credentials = yield from context.credentials.resolve(now=context.clock.now().timestamp())
        draft = Draft(
            method=operation.methods[0],
            origin=context.endpoint.origin,
            host=context.endpoint.host,
            action=operation.name,
            version=VERSION,
            parameters=parameters,
            headers={"accept": "application/json", "user-agent": context.user_agent, "accept-encoding": "identity"},
        )
        exchange = context.signer.sign(draft, credentials=credentials, now=context.clock.now(), nonce=context.nonce())
        error: AgentError
        answer: Answer | None = None
        try:
            answer = yield Exchange(
                method=exchange.method, url=exchange.url, headers=exchange.headers, timeout_s=timeout_s
            )
            if answer is None:
                raise TypeError("the driver gave no answer to an exchange")
            result = from_answer(
                answer,
                operation,
                where=context.endpoint.origin,
                scrubber=scrubber,
                seat_full_codes=context.seat_full_codes,
            )
        except AgentError as raised:
            error = raised
        else:
            context.clock.learn(answer, clock_refused=False)
            return result
        if answer is not None and isinstance(error, ClockSkew):
            if context.clock.learn(answer, clock_refused=True) and not clock_corrected:
                clock_corrected = True
                attempt -= 1
                continue
        elif answer is not None and not isinstance(error, NotThePlatform):
            context.clock.learn(answer, clock_refused=False)
        if cause_of(error) is Cause.CRED and not credentials_dropped:
            credentials_dropped = True  # a new one may know more than the one that was refused
            if context.credentials.drop():
                attempt -= 1
                continue
        wait = policy.wait(
            _failure(error, answer),
            attempt=attempt,
            repeatable=operation.repeatable(parameters),
            dice=context.dice(),
        )
        if wait is None:
            if isinstance(error, PlatformError) and answer is not None:
                error.advised_s = advised_s(answer.headers)
            raise error
        yield Pause(seconds=wait)


def _failure(error: AgentError, answer: Answer | None) -> Failure:
    row = row_of(error.code, operation=error.operation, http_status=error.http_status)
    foreign_outage = isinstance(error, NotThePlatform) and error.http_status >= 500
    return Failure(
        passing=cause_of(error) in PASSING or foreign_outage,
        maybe_served=isinstance(error, ServerFault | NotThePlatform)
        or (isinstance(error, NetworkError) and error.maybe_served)
        or (isinstance(error, SignatureRefused) and error.code == "SignatureNonceUsed"),
        advised_s=advised_s(answer.headers) if answer is not None else None,
        least_s=row.least_wait_s,
    )
