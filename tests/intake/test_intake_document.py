"""What the intake API's OpenAPI document says is what it does, whatever it is asked (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.config import GenerationConfig

from cases.models import Case
from tests.intake.telephone_system import at, divide

pytestmark = pytest.mark.slow

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
REACHED = {
    ("GET", "/api/v1/queues"): {200},
    ("GET", "/api/v1/queues/{queue_id}/free-times"): {200, 404, 422},
    ("POST", "/api/v1/callbacks"): {200, 201, 404, 422},
    ("GET", "/api/v1/callbacks/{callback_id}"): {200, 404},
    ("POST", "/api/v1/callbacks/{callback_id}/move"): {200, 404, 409, 422},
    ("POST", "/api/v1/callbacks/{callback_id}/cancel"): {200, 404},
}
"""Every operation, and what it is brought to answer when the data is as the document asks for it."""
TAKES_SOMETHING = [operation for operation in REACHED if operation != ("GET", "/api/v1/queues")]
each_operation = pytest.mark.parametrize("operation", REACHED, ids=" ".join)
bounded = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def document(open_queue) -> Iterator[Any]:
    """The product is asked in this thread, whose connection a request must not close: the test's transaction is its."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def times(day) -> list[datetime]:
    """Two that are free, and one that is none of the queue's."""
    return [at(day, clock) for clock in ("08:00", "08:15", "08:05")]


@pytest.fixture
def ask(telephones):
    """Send it with a key, and hold what is answered against the document."""

    def validated(case) -> int:
        headers = {"Authorization": f"Bearer {telephones.key}", "Accept-Encoding": "identity"}
        return case.call_and_validate(headers=headers, checks=CHECKS).status_code

    return validated


def test_the_document_has_no_other_operations(document):
    paths = document.raw_schema["paths"]
    assert {(method.upper(), path) for path, methods in paths.items() for method in methods} == set(REACHED)


@each_operation
def test_asked_for_what_it_says_it_answers_as_it_says(operation, document, open_queue, times, book, ask):
    method, path = operation
    existing = {"queue_id": open_queue.pk, "callback_id": book(callback_at=times[0]).pk}
    divide(open_queue, places=100)
    reached = set()

    @bounded
    @given(
        case=document[path][method].as_strategy(),
        exists=st.sampled_from([True, True, False]),
        time=st.sampled_from([*times, None]),
        number=st.sampled_from(["070-174 06 05", "070-174 06 06"]),
    )
    def asked(case, exists, time, number):
        """Of what there is, some of the times: what is made up at random is never there."""
        if exists:
            case.path_parameters = {name: existing[name] for name in case.path_parameters}
        if time and isinstance(case.body, dict):
            case.body["callback_at"] = time.isoformat()
        if time and path == "/api/v1/callbacks":
            case.body |= {"phone_number": number, "a_number": None, "personal_identity_number": None, "name": ""}
            case.body |= {"interpreter_language": "", "speak_with": ""}
            case.body["queue"] = open_queue.pk if exists else case.body["queue"]
        reached.add(ask(case))

    asked()
    assert reached >= REACHED[operation]


@pytest.mark.parametrize("operation", TAKES_SOMETHING, ids=" ".join)
def test_asked_for_what_it_does_not_know_it_refuses_as_it_says(operation, document, ask):
    method, path = operation
    reached = set()

    @bounded
    @given(case=document[path][method].as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def asked(case):
        reached.add(ask(case))

    asked()
    assert 422 in reached
    assert not Case.objects.exists()


@each_operation
def test_at_the_limits_of_what_it_says_it_answers_as_it_says(operation, document, ask):
    """The least and the most, one missing, one too many, of another kind: each limit that the document draws."""
    method, path = operation
    cases = list(
        document.iter_coverage_cases(
            document[path][method], generation_modes=list(GenerationMode), generation_config=GenerationConfig()
        )
    )
    assert cases
    for case in cases:
        ask(case)
