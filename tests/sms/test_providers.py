"""What an answer or an error tells about a message: only what is known not to have been sent is tried again."""

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from sms.providers.base import Outcome, http_failure, network_failure

KEY = ConnectionKey("127.0.0.1", 1, False, True, None, None, None, None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError("refused")), Outcome.RETRY_LATER),
        (aiohttp.ClientConnectorDNSError(KEY, OSError("no such name")), Outcome.RETRY_LATER),
        (aiohttp.ConnectionTimeoutError(), Outcome.RETRY_LATER),
        (aiohttp.InvalidURL("nowhere"), Outcome.RETRY_LATER),
        (aiohttp.SocketTimeoutError(), Outcome.UNKNOWN),
        (aiohttp.ServerTimeoutError(), Outcome.UNKNOWN),
        (aiohttp.ServerDisconnectedError(), Outcome.UNKNOWN),
        (aiohttp.ClientOSError(), Outcome.UNKNOWN),
        (aiohttp.ClientPayloadError(), Outcome.UNKNOWN),
        (TimeoutError(), Outcome.UNKNOWN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_that_may_have_come_after_the_request_left_is_unknown(error, outcome):
    result = network_failure(error)
    assert (result.outcome, result.status) == (outcome, type(error).__name__)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, Outcome.RETRY_LATER),
        (503, Outcome.RETRY_LATER),
        (400, Outcome.REJECTED),
        (401, Outcome.SHUT),
        (404, Outcome.SHUT),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (504, Outcome.UNKNOWN),
        (302, Outcome.SHUT),
    ],
)
def test_a_status_is_taken_at_its_word(status, outcome):
    assert http_failure(status).outcome is outcome
