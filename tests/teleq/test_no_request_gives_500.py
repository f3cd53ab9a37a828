"""No request gives 500: every address, asked by everybody with headers, addresses and forms that nobody could mean.

Asked of the application that gunicorn serves: Django's test client makes its requests another way.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode
from wsgiref.util import setup_testing_defaults

import pytest
from django.contrib import admin
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from cases import callbacks
from cases.models import Case, ClosedDay, TelephoneHours
from consent.models import Answer as ConsentAnswer
from consent.models import Consent
from intake.models import IntakeKey
from local.servers import WEB
from sms.models import InboundSms, StandardText
from sms.providers.simulator import credential
from teleq.models import CareProvider, OutgoingSms, Queue, User
from tests.cases.desk import forms_on
from tests.conftest import MOBILE, ROOT
from tests.database_roles import address_as

with pytest.MonkeyPatch.context() as environment:
    environment.setenv("TELEQ_PROCESS", "")  # set by the import, and not to be handed on to what other tests start
    from teleq.wsgi import application

pytestmark = pytest.mark.django_db

PEOPLE = ["nobody", "nurse", "administrator", "operator"]
FORM = "application/x-www-form-urlencoded"
SECRET = "a" * 32
UNREADABLE = "Anropet går inte att läsa. Ingenting sparades."


# Every address -------------------------------------------------------------------------------------------------------


def routes(resolver: URLResolver, before: str = "/", space: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of all that answers, Admin and the API included."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).replace("^", "").replace("$", "").replace("\\Z", "")
        if isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name}", re.sub(r"\(\?P<\w+>[^)]*\)", "<>", route)
        else:
            yield from routes(pattern, route, f"{pattern.namespace}:" if pattern.namespace else space)


ROUTES = sorted(set(routes(get_resolver())))


def with_value(route: str, value: object) -> str:
    """The address with this in each of the route's places."""
    return re.sub(r"<[^>]*>", str(value), route)


@pytest.fixture
def addresses(queue: Queue, care_provider: CareProvider, administrator: User) -> dict[str, str]:
    """By each route the address of something that is there."""
    soon = timezone.now() + timedelta(hours=1)
    callbacks.create(Case(queue=queue, phone_number=MOBILE, callback_at=soon), by=None)
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Ring", provider="simulator")
    StandardText.objects.create(queue=queue, name="ring", text="Hej.")
    TelephoneHours.objects.create(queue=queue, weekday=0)
    ClosedDay.objects.create(queue=queue, day=soon.date())
    key = IntakeKey(care_provider=care_provider, name="Växeln", created_by=administrator)
    key.give_new_key()
    key.save()

    def there(name: str, route: str) -> str:
        if "<slug:provider>" in route:
            return with_value(route.replace("<slug:provider>", "simulator"), 1)
        rows: Any = Case if "case" in route or "callback" in route else InboundSms if "inbound_id" in route else Queue
        for model in admin.site._registry:
            if name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_"):
                rows = model
        row = rows.objects.first()
        return with_value(route, row.pk if row else 1)

    return {route: there(name, route) for name, route in ROUTES}


# Everybody -----------------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    content_type: str
    text: str


@dataclass
class Somebody:
    """Asks as a browser does, and keeps what should not have been answered."""

    who: str
    cookies: str
    wrong: list[str] = field(default_factory=list)

    def turn(self, values: Sequence[str]) -> Iterator[str]:
        """One after the other, over and over, each person from another: all with all would take too long."""
        return islice(cycle(values), PEOPLE.index(self.who), None)

    def get(self, target: str, expected: int | None = None, **environ: str) -> Answer:
        return self._ask("GET", target, b"", expected, environ)

    def post(
        self, target: str, body: bytes, content_type: str = FORM, expected: int | None = None, **environ: str
    ) -> Answer:
        return self._ask("POST", target, body, expected, {"CONTENT_TYPE": content_type} | environ)

    def _ask(self, method: str, target: str, body: bytes, expected: int | None, given: dict[str, str]) -> Answer:
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT": "text/html",
            "HTTP_COOKIE": self.cookies,
            "HTTP_X_CSRFTOKEN": SECRET,
        } | given
        setup_testing_defaults(environ)
        started: list[Any] = []
        body_out = b"".join(application(environ, lambda status, headers: started.extend((status, dict(headers)))))
        answer = Answer(int(started[0][:3]), started[1].get("Content-Type", ""), body_out.decode(errors="replace"))
        if answer.status >= 500 or (expected and answer.status != expected):
            self.wrong.append(f"{answer.status} {method} {target[:120]!r} {body[:120]!r} {given}"[:500])
        return answer


@pytest.fixture
def operator(make_user: Callable[..., User]) -> User:
    user = make_user("operator", "Disa", "Drake")
    user.is_superuser = True
    user.save(update_fields=["is_superuser"])
    return user


@pytest.fixture
def in_this_thread() -> Iterator[None]:
    """A request must not close the connection, whose transaction is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def sign_in(request: pytest.FixtureRequest, in_this_thread: None) -> Iterator[Callable[[str], Somebody]]:
    people = []

    def signed_in(who: str) -> Somebody:
        client = Client()
        if who != "nobody":
            client.force_login(request.getfixturevalue(who))
        session = client.cookies.get("sessionid")
        people.append(Somebody(who, f"csrftoken={SECRET}" + (f"; sessionid={session.value}" if session else "")))
        return people[-1]

    yield signed_in
    assert [wrong for somebody in people for wrong in somebody.wrong] == []


@pytest.fixture(params=PEOPLE)
def somebody(request: pytest.FixtureRequest, sign_in: Callable[[str], Somebody]) -> Somebody:
    return sign_in(request.param)


# What can't be read --------------------------------------------------------------------------------------------------

CHARSETS = ["hex", "rot13", "undefined", "idna", "punycode", "utf-7", "utf-16", "no-such", "\xff", ""]
"""Some of them are known to Python, and no text can be read by them."""
HEADER_VALUES = ["\xff\xfe", "http://[", "x" * 9000, "Basic \xff"]
HEADERS = ["HX_REQUEST", "HX_CURRENT_URL", "AUTHORIZATION", "ACCEPT", "ACCEPT_LANGUAGE", "REFERER", "ORIGIN"]
COOKIES = ["sessionid=" + "x" * 9000, "messages=\xff; ;;=", "csrftoken=å", "messages=W1tdXQ:x", "sessionid="]
HOSTS = ["a b", "[::1", "xn--\xff", ""]
BOUNDARIES = ["", "; boundary=b", "; boundary=å"]
LENGTHS = [(length, kind) for length in ("-5", "9" * 30, "abc", "") for kind in (FORM, "application/json")]
A_FIELD = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--b--\r\n'
A_FILE = (
    b'--b\r\nContent-Disposition: form-data; name="a"; filename="\x00"\r\nContent-Transfer-Encoding: base64\r\n\r\n!'
)


def test_a_charset_that_is_none(somebody, addresses):
    for address, charset in zip(addresses.values(), somebody.turn(CHARSETS), strict=False):
        somebody.get(f"{address}?q=%FF&x=%C3%A5", CONTENT_TYPE=f"text/plain; charset={charset}")
        somebody.post(f"{address}?q=a", b"a=%FF%80&b=\xff", f"{FORM}; charset={charset}")
    for address, charset in zip(addresses.values(), somebody.turn(CHARSETS), strict=False):
        somebody.post(address, A_FIELD, f"multipart/form-data; boundary=b; charset={charset}")


def test_a_nul_in_a_path_a_header_or_a_cookie_is_a_bad_request(somebody, addresses):
    for route, address in addresses.items():
        for target in {with_value(route, "%00"), with_value(route, "a%00b")} - {address}:
            somebody.get(target, 400)
        for header in ("HTTP_HX_CURRENT_URL", "HTTP_AUTHORIZATION", "HTTP_REFERER"):
            somebody.get(address, 400, **{header: "\x00"})
        for cookie in ("sessionid", "csrftoken", "messages"):
            somebody.get(address, 400, HTTP_COOKIE=f'{cookie}="{chr(92)}000aaaaaaaaaaaaaa"')


def test_a_nul_in_a_query_or_a_form(somebody, addresses):
    for address in addresses.values():
        for part in ("q=a%00", "%00=a"):
            somebody.get(f"{address}?{part}")
            somebody.post(address, part.encode())


def test_bytes_that_are_no_utf_8(somebody, addresses):
    for route in addresses:
        somebody.get(f"{with_value(route, '%FF%C3')}?q=%FF%C3&%ED%A0%80=\xff")


def test_headers_that_are_none(somebody, addresses):
    values = zip(somebody.turn(HEADER_VALUES), somebody.turn(COOKIES), somebody.turn(HOSTS), strict=False)
    for address, (value, cookies, host) in zip(addresses.values(), values, strict=False):
        somebody.get(address, **{f"HTTP_{name}": value for name in HEADERS})
        somebody.get(address, HTTP_COOKIE=cookies)
        somebody.get(address, 400, HTTP_HOST=host)


def test_forms_that_are_cut_off_and_lengths_that_are_none(somebody, addresses):
    values = zip(somebody.turn(BOUNDARIES), somebody.turn(LENGTHS), strict=False)
    for address, (boundary, (length, content_type)) in zip(addresses.values(), values, strict=False):
        somebody.post(address, A_FILE, f"multipart/form-data{boundary}")
        somebody.post(address, b"a=b", content_type, CONTENT_LENGTH=length)


# What can be read, and means nothing ---------------------------------------------------------------------------------

VALUES = ["\x00", "9" * 30, "9" * 5000, "-1", "\u202e", "2026-02-30", "[]", "x" * 9000, "%00", "1e400"]
QUERY = [
    *(
        "page",
        "queue",
        "status",
        "first",
        "days",
        "inbound",
        "next",
        "kind",
        "phone_number",
        "from",
        "to",
        "text",
        "type",
    ),
    *("show", "since", "until", "month", "year"),
]
OF_A_CHANGE_LIST = [
    *("p", "q", "o", "e", "all", "id__gt", "id__in", "id__foo", "nosuch", "queue__id__exact"),
    *("_to_field", "_popup", "_changelist_filters", "_facets"),
]


def test_ids_and_questions_that_mean_nothing(somebody, addresses):
    for route, value in zip(addresses, somebody.turn(VALUES), strict=False):
        somebody.get(with_value(route, quote(value)[:6000]))
    for address, value in zip(addresses.values(), somebody.turn(VALUES), strict=False):
        somebody.get(f"{address}?{urlencode(dict.fromkeys(QUERY, value))}")


def test_questions_to_admins_lists_that_mean_nothing(somebody, addresses):
    lists = [address for route, address in addresses.items() if re.fullmatch(r"/admin/\w+/\w+/", route)]
    assert len(lists) > 5
    for address in lists:
        for name, value in zip(OF_A_CHANGE_LIST, somebody.turn(VALUES), strict=False):
            somebody.get(f"{address}?{name}={quote(value)}")


@pytest.mark.parametrize("field_name", ["queue", "user", "x"])
def test_what_admins_lists_complete(field_name, somebody):
    asked = urlencode({"app_label": "teleq", "model_name": "membership", "field_name": field_name})
    for value in ("%FF", *VALUES):
        for name in ("term", "page"):
            somebody.get(f"/admin/autocomplete/?{asked}&{name}={quote(value)}")


def test_a_nul_that_a_list_is_asked_to_complete_is_a_bad_request(sign_in, addresses):
    asked = urlencode({"app_label": "teleq", "model_name": "membership", "field_name": "user", "term": "\x00"})
    sign_in("operator").get(f"/admin/autocomplete/?{asked}", 400)


def test_a_form_where_one_field_means_nothing(sign_in, addresses):
    """Each form as it stands on its page, posted with one field changed; and what was done is undone."""
    seen = set()
    for somebody in map(sign_in, PEOPLE):
        values = somebody.turn(VALUES)
        for address in addresses.values():
            for target, stands in forms_to_post(somebody.get(address), address):
                for name in stands:
                    field = (target, re.sub(r"\d+|__prefix__", "n", name))  # of the rows of a table, one
                    if field not in seen:
                        seen.add(field)
                        with transaction.atomic():
                            somebody.post(target, urlencode(stands | {name: next(values)}).encode())
                            transaction.set_rollback(True)
    assert len(seen) > 100


def forms_to_post(page: Answer, address: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Where to, and what stands in them."""
    for form in forms_on(page.text) if page.status == 200 else []:
        if form.attributes.get("method", "").lower() == "post":
            stands = form.fields | {button.name: button.value for button in form.buttons if button.name}
            yield form.attributes.get("action") or address, stands


# What providers tell -------------------------------------------------------------------------------------------------


@pytest.fixture
def providers(settings) -> dict[str, dict[str, str]]:
    """Each that is set up here, and what its requests show to be taken for its own."""
    for name in ("KANNEL_URL", "KANNEL_USERNAME", "KANNEL_PASSWORD", "ELKS_USERNAME", "ELKS_PASSWORD"):
        setattr(settings, name, "http://x.invalid")
    settings.SMS_INBOUND_PASSWORD = "secret"
    basic = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"x:secret").decode()}
    return {"kannel": basic, "46elks": basic, "simulator": {"HTTP_AUTHORIZATION": f"Bearer {credential()}"}}


@pytest.mark.parametrize("provider", ["kannel", "46elks", "simulator"])
def test_what_a_provider_tells(provider, sign_in, providers):
    somebody, shown = sign_in("nobody"), providers[provider]
    for value in VALUES:
        told = urlencode(dict.fromkeys(("type", "id", "status", "from", "to", "message"), value))
        headers = shown | {"HTTP_X_KANNEL_FROM": value, "HTTP_X_KANNEL_TO": value}
        somebody.get(f"/sms/receipts/{provider}/{quote(value)[:100]}/x?{told}", **shown)
        somebody.post(f"/sms/receipts/{provider}/1/x?{told}", told.encode(), **shown)
        somebody.post(f"/sms/inbound/{provider}?{told}", told.encode(), **headers)
    for charset in CHARSETS:
        for kind in (FORM, "text/plain", "multipart/form-data; boundary=b"):
            somebody.post(f"/sms/inbound/{provider}", b"\xff=", f"{kind}; charset={charset}", **shown)


# What is answered ----------------------------------------------------------------------------------------------------


def test_a_browser_gets_a_page_in_swedish_and_a_machine_json(sign_in):
    nobody = sign_in("nobody")
    page, told = nobody.get("/%00", 400), nobody.get("/api/v1/%00", 400, HTTP_ACCEPT="*/*")
    assert UNREADABLE in page.text
    assert (told.content_type, json.loads(told.text)) == ("application/json", {"detail": UNREADABLE})


def test_a_charset_that_reads_no_text_counts_as_one_that_is_not_known(sign_in, nurse):
    """A form in it is read as UTF-8."""
    answer = sign_in("nurse").post("/cases/search/", "query=å".encode(), f"{FORM}; charset=hex")
    assert 'value="å"' in answer.text


def test_a_stopp_counts_though_there_is_a_nul_in_it_and_its_charset_is_none(sign_in, providers, queue):
    OutgoingSms.objects.filter(queue=queue).update(sender="+46701740699")
    headers = providers["kannel"] | {"HTTP_X_KANNEL_FROM": MOBILE, "HTTP_X_KANNEL_TO": "+46701740699"}
    sign_in("nobody").post("/sms/inbound/kannel?id=%00", b"STOPP\x00", "text/plain; charset=hex", 200, **headers)
    assert Consent.objects.get().answer == ConsentAnswer.NO


# Through the web server ----------------------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path) -> Iterator[tuple[str, int]]:
    """gunicorn, as it is started in production, on the tests' database."""
    with socket.create_server(("127.0.0.1", 0)) as listening, (tmp_path / "web.log").open("wb") as log:
        descriptor = listening.fileno()
        web = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "teleq.wsgi:application",
                f"--bind=fd://{descriptor}",
                "--no-control-socket",
            ],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": address_as(WEB)},
            pass_fds=[descriptor],
            stdout=log,
            stderr=log,
        )
        yield listening.getsockname()
        web.terminate()
        web.wait(20)


HEAD = b"Host: localhost\r\nConnection: close\r\n"
CUT_OFF = HEAD + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 500\r\n\r\n--b\r\nContent-Disp"
RAW = [
    b"GET /?q=\xff\x80 HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /?q=%00 HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /%00 HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"GET /login/?q=a HTTP/1.1\r\n" + HEAD + b"Content-Type: text/plain; charset=hex\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HEAD + b'Cookie: sessionid="\\000\\000\\000\\000\\000\\000\\000\\000"\r\n\r\n',
    b"GET / HTTP/1.1\r\n" + HEAD + b"Cookie: \xff=\xfe; sessionid=\xff\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HEAD + b"X-A: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: [::\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"POST /login/ HTTP/1.1\r\n" + HEAD + b"Content-Length: -1\r\n\r\n",
    b"POST /login/ HTTP/1.1\r\n" + HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\na=b",
    b"POST /login/ HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /login/ HTTP/1.1\r\n" + CUT_OFF,
    b"POST /api/v1/callbacks HTTP/1.1\r\n" + CUT_OFF,
]


def test_bytes_on_the_wire(web):
    answers = {raw[:60]: _told(web, raw) for raw in RAW}
    assert {raw: answer for raw, answer in answers.items() if not re.match(rb"HTTP/1.[01] [234]", answer)} == {}


def _told(web: tuple[str, int], raw: bytes) -> bytes:
    """The status line. What is cut off is cut off here: nothing more is sent."""
    with socket.create_connection(web, timeout=30) as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        return client.makefile("rb").readline()
