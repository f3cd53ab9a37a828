"""Promise 9: every address asks for a login unless it is on a short list."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

OPEN = {
    *("account_login", "mfa_authenticate", "oidc_begin", "oidc_callback", "invitation"),
    *("telephony:start", "telephony:turn", "telephony:hangup", "telephony:audio"),
    *("sms:receipt", "sms:inbound", "demo:simulator_send", "admin:login"),
    *("health:healthz", "health:readyz", "health:status", "health:metrics"),
}
KEYED = "api:"  # the intake API asks for its key instead; its document and the page that shows it are open
EXAMPLES = {"int": "1", "slug": "simulator", "str": "x", "path": "x"}


def addresses(resolver: URLResolver, prefix: str = "/", space: str = "") -> Iterator[tuple[str, str, bool]]:
    """Name, an example, and whether it asks for a login."""
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"<(?:(\w+):)?\w+>", lambda m: EXAMPLES[m[1] or "str"], str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield (f"{space}{pattern.name}", route, getattr(pattern.callback, "login_required", True))
        else:
            yield from addresses(pattern, route, f"{pattern.namespace}:" if pattern.namespace else space)


ALL = list(addresses(get_resolver()))
EXACT = [(name, route) for name, route, _ in ALL if "^" not in route and "$" not in route]  # no pattern in them


def test_the_open_addresses_are_these_and_no_others():
    assert {name for name, _, asks in ALL if not asks and not name.startswith(KEYED)} == OPEN
    assert len(EXACT) > 20


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "address"), [pair for pair in EXACT if pair[0] not in OPEN and not pair[0].startswith(KEYED)]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_login_one_is_sent_to_the_login(name, address, method, client):
    response = getattr(client, method)(address)
    assert response.status_code == 302
    assert response["Location"].startswith(("/login/", "/admin/login/"))


@pytest.mark.django_db
@pytest.mark.parametrize("key", [{}, {"Authorization": "Bearer teleq_no-such-key"}])
@pytest.mark.parametrize(("name", "address"), [pair for pair in EXACT if pair[0].startswith(KEYED)])
def test_without_a_key_the_intake_api_tells_nothing(name, address, key, client):
    statuses = {client.get(address, headers=key).status_code, client.post(address, headers=key).status_code}
    assert statuses <= (
        {200, 404, 405} if name in ("api:openapi-json", "api:openapi-view", "api:api-root") else {401, 405}
    )


@pytest.mark.django_db
def test_a_form_saved_in_place_is_told_and_not_sent_to_the_login(client):
    response = client.post("/cases/1/consent/", {"answer": "yes"}, headers={"HX-Request": "true"})
    assert response.status_code == 401


@pytest.mark.django_db
def test_the_simulator_takes_messages_from_the_workers_only(client):
    assert client.post("/simulator/send", {"to": "+46701740605"}).status_code == 401
