"""The first day: `manage.py setup` makes what is needed, checks what teleQ stands on, and says what is left; and the
operator's first page says it too."""

from __future__ import annotations

import io
import os
import pty
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from access.models import RightsChange, SignIn
from administration.first_day import checks
from administration.first_day.making import NotMade, read_hours
from local.servers import WEB, free_port
from sms.models import Message
from teleq.models import CareProvider, CareProviderRole, OutgoingSms, Queue, User
from tests.administration.forms import text_of
from tests.conftest import ROOT
from tests.database_roles import address_as, as_owner

pytestmark = pytest.mark.django_db

OPERATOR = {"operator": "drift", "operator_name": "Dag Driftsson"}
PROVIDER = {"care_provider": "Region Norrsund", "consent_ordered": True}
QUEUE = {
    **{"unit": "VC Björken", "queue": "Rådgivning", "phone": "08-465 004 05"},
    **{"hours": "mån-fre 8-12, 13-16.30; lör 9-11", "sender": "VCBjorken"},
}
ADMINISTRATOR = {"administrator": "maria.ek", "administrator_name": "Maria Ek"}
STRONG = "k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEuTiOoPzWxSv_4e6r7-Bh3nMq"
ALL = {**OPERATOR, **PROVIDER, **QUEUE, **ADMINISTRATOR}


def setup(**options: Any) -> str:
    told = io.StringIO()
    call_command("setup", no_input=True, stdout=told, **options)
    return told.getvalue()


def left(told: str) -> list[str]:
    return re.findall(r"^\d+\. (.+)$", told.partition("Kvar att göra")[2], re.MULTILINE)


def links(told: str) -> list[str]:
    return re.findall(r"^  (http\S+/\S+/)$", told, re.MULTILINE)


# What it makes -------------------------------------------------------------------------------------------------------


def test_it_makes_all_that_the_first_day_needs():
    setup(**ALL)
    operator = User.objects.get(username="drift")
    assert (operator.first_name, operator.last_name) == ("Dag", "Driftsson")
    assert operator.is_superuser
    assert not operator.has_usable_password()
    provider = CareProvider.objects.get()
    assert (provider.name, provider.sms_consent_ordered) == ("Region Norrsund", True)
    queue = Queue.objects.get()
    assert (queue.care_provider, queue.unit, queue.name) == (provider, "VC Björken", "Rådgivning")
    assert str(queue.phone_number) == "+46846500405"
    assert OutgoingSms.objects.get(queue=queue).sender == "VCBjorken"
    hours = [(each.weekday, each.opens, each.closes) for each in queue.telephone_hours.order_by("weekday", "opens")]
    assert len(hours) == 11
    assert hours[:2] == [(0, time(8), time(12)), (0, time(13), time(16, 30))]
    assert hours[-1] == (5, time(9), time(11))
    role = CareProviderRole.objects.get()
    assert (role.user.username, role.care_provider, role.role) == ("maria.ek", provider, "provider_administrator")


def test_what_it_makes_is_on_record_as_what_admin_makes():
    setup(**ALL)
    operator = User.objects.get(username="drift")
    [change] = RightsChange.objects.filter(after="provider_administrator")
    assert (change.user.username, change.by) == ("maria.ek", operator)
    invited = SignIn.objects.filter(what=SignIn.What.INVITED).order_by("id")
    assert [(each.user.username, each.by) for each in invited] == [("drift", None), ("maria.ek", operator)]
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == [
        *("Maria Ek", "Region Norrsund", "VC Björken Rådgivning"),
    ]


def test_the_links_that_it_prints_let_them_choose_a_password(client, settings):
    settings.TELEQ_URL = "https://teleq.example.se"
    found = links(setup(**ALL))
    assert len(found) == 2
    for link, username in zip(found, ("drift", "maria.ek"), strict=True):
        assert link.startswith("https://teleq.example.se/")
        form = client.get(urlsplit(link).path, follow=True)
        password = "tre-rosor-utan-dagg-4711"
        client.post(form.request["PATH_INFO"], {"new_password1": password, "new_password2": password})
        assert User.objects.get(username=username).check_password(password)


def test_done_again_it_changes_nothing_and_makes_a_new_link_for_those_who_have_not_been_in():
    setup(**ALL)
    before = [list(model.objects.order_by("pk").values()) for model in (CareProvider, Queue, OutgoingSms, User)]
    User.objects.filter(username="drift").update(last_login=datetime.now(UTC))
    before_users = User.objects.count()
    told = setup(**(ALL | {"sender": "Nagotannat", "hours": "sön 1-2", "phone": ""}))
    assert User.objects.count() == before_users
    assert [list(model.objects.order_by("pk").values()) for model in (CareProvider, Queue, OutgoingSms)] == before[:3]
    assert len(links(told)) == 1
    assert "Dag Driftsson (drift) har redan loggat in." in told


def test_what_is_not_given_is_not_made_and_stands_among_what_is_left():
    told = setup(**OPERATOR)
    assert not CareProvider.objects.exists()
    assert [each.partition(":")[0] for each in left(told) if not each.startswith(("SMS-lev", "Adress", "Redis"))][
        :5
    ] == [
        *("Systemförvaltarens inloggning", "Två systemförvaltare", "Vårdgivare", "Kö"),
        "Administratör hos varje vårdgivare",
    ]


def test_of_a_queue_its_checklist_says_what_is_left():
    told = setup(**ALL)
    # No member yet, and no text to read out to patients; the care provider's administrator does both.
    assert "Kön VC Björken Rådgivning: 2 saker kvar. De står i köns checklista i Admin." in left(told)


# What it refuses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"phone": "123"}, "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."),
        ({"sender": "1177"}, "Skriv 3–11 tecken: A–Z, a–z och 0–9, inte siffra först. Eller ett telefonnummer."),
        ({"hours": "mån-fre 16-8"}, "Telefontiden måste stänga efter att den har öppnat."),
        ({"hours": "mån-fre 8-12; tis 11-13"}, "Telefontiderna överlappar varandra."),
        ({"hours": "vardagar"}, "Telefontiden ”vardagar” går inte att läsa. Skriv som: mån-fre 8-16; lör 9-12"),
        ({"queue": ""}, "En kö behöver både vårdenhet och namn: --unit NAMN --queue NAMN."),
        ({"unit": "x" * 101}, "vårdenhet: "),
    ],
)
def test_what_admin_would_not_take_is_refused_with_its_words_and_the_queue_is_not_made(wrong, says):
    with pytest.raises(CommandError) as refused:
        setup(**(ALL | wrong))
    assert says in str(refused.value)
    assert not Queue.objects.exists()
    assert not User.objects.filter(username="maria.ek").exists()


def test_a_number_that_is_another_care_providers_sender_is_refused(other_queue):
    OutgoingSms.objects.filter(queue=other_queue).update(sender="+46766861004")
    with pytest.raises(CommandError, match="avsändare hos en annan vårdgivare"):
        setup(**(ALL | {"sender": "0766-86 10 04"}))


def test_somebody_who_is_there_is_never_made_an_operator(nurse):
    with pytest.raises(CommandError, match="finns redan och är inte systemförvaltare"):
        setup(operator=nurse.username.upper())
    assert not User.objects.filter(is_superuser=True).exists()


def test_where_there_has_been_an_administrator_the_server_makes_no_other(provider_administrator, care_provider):
    with pytest.raises(CommandError, match="har en administratör"):
        setup(**OPERATOR, care_provider=care_provider.name, administrator="ny", administrator_name="Ny Person")
    assert not User.objects.filter(username="ny").exists()


def test_nor_a_way_in_to_the_account_of_one_who_has_been_in():
    setup(**ALL)
    User.objects.filter(username="maria.ek").update(last_login=datetime.now(UTC))
    assert "Maria Ek (maria.ek) har redan loggat in." in setup(**ALL)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", []),
        ("Måndag 8.00–9.30", [(0, "08:00", "09:30")]),
        ("tors-fre 13:00-16:00", [(3, "13:00", "16:00"), (4, "13:00", "16:00")]),
        ("sön 7-8, 20-21", [(6, "07:00", "08:00"), (6, "20:00", "21:00")]),
    ],
)
def test_hours_are_read_as_people_write_them(text, hours):
    assert [(each.weekday, f"{each.opens:%H:%M}", f"{each.closes:%H:%M}") for each in read_hours(text)] == hours


@pytest.mark.parametrize("text", ["8-16", "mån 25-26", "mån 8-", "fre-mån 8-9", "xyz 8-16"])
def test_and_what_can_not_be_read_is_refused(text):
    with pytest.raises(NotMade):
        read_hours(text)


# What it checks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(certificate, monkeypatch, settings) -> Iterator[Callable[..., None]]:
    """Answers for the sign-in page over HTTPS, by a certificate that the machine trusts, with this status and clock."""
    servers = []

    def start(status: int = 200, ahead: timedelta = timedelta(), is_trusted: bool = True) -> None:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(status)
                self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        servers.append(server)
        settings.TELEQ_URL = f"https://localhost:{server.server_address[1]}"
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def checked(name: str) -> checks.Check:
    return next(check for check in checks.check_all() if check.name == name)


def test_the_database_is_right_as_migrate_leaves_it():
    check = checked("Databas")
    assert check.problems == []
    assert check.found[0].endswith("med rollen teleq_web.")


def test_a_right_that_a_role_lacks_or_has_too_much_is_told():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "REVOKE UPDATE ON sms_message FROM teleq_product; GRANT DELETE ON access_signin TO teleq_product"
        )
    [problem] = checked("Databas").problems
    assert "(access_signin, sms_message)" in problem


def test_a_role_that_may_do_too_much_is_told():
    with as_owner():
        assert any("web och workers" in problem for problem in checked("Databas").problems)


def test_a_migration_that_has_not_been_run_is_told():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'teleq' AND name = '0002_trigrams'")
    assert any("manage.py migrate" in problem for problem in checked("Databas").problems)


def test_a_redis_that_is_there_takes_what_it_is_given():
    assert checked("Redis").problems == []


def test_one_that_is_not_there_is_told(settings):
    settings.CELERY_BROKER_URL = f"redis://:hemligt@127.0.0.1:{free_port()}/0"
    [problem] = checked("Redis").problems
    assert problem.startswith("Redis tar inte emot: ")
    assert "hemligt" not in problem


def test_an_address_that_answers_is_right_but_for_a_certificate_that_ends_soon(site):
    site()
    check = checked("Adress")
    [found] = check.found
    assert found.endswith("svarar med inloggningssidan.")
    assert check.problems == ["Certifikatet gäller i 0 dagar."]  # the tests' own is of a day


def test_a_certificate_that_nobody_vouches_for_is_told(site):
    site(is_trusted=False)
    [problem] = checked("Adress").problems
    assert "godtas inte" in problem


def test_an_address_that_answers_with_an_error_is_told(site):
    site(status=400)
    assert any("svarar HTTP 400. Kontrollera ALLOWED_HOSTS" in problem for problem in checked("Adress").problems)


def test_a_proxy_that_does_not_reach_web_is_told(site):
    site(status=502)
    assert any("svarar HTTP 502: proxyn når inte web." in problem for problem in checked("Adress").problems)


def test_an_address_where_nobody_answers_is_told(settings):
    settings.TELEQ_URL = f"https://localhost:{free_port()}"
    [problem] = checked("Adress").problems
    assert "svarar inte" in problem


def test_an_address_without_https_is_told(settings):
    settings.TELEQ_URL = f"http://localhost:{free_port()}"
    assert any("https://" in problem for problem in checked("Adress").problems)


def test_clocks_that_agree_are_right(site):
    site()
    assert checked("Klocka").problems == []


def test_clocks_that_differ_are_told(site):
    site(ahead=timedelta(minutes=2))
    [problem] = checked("Klocka").problems
    assert re.search(r"skiljer 1(19|20),\d sekunder", problem)


def test_a_check_sends_nothing_and_ends_with_1_where_something_is_wrong(settings):
    settings.TELEQ_URL = f"https://localhost:{free_port()}"
    with pytest.raises(CommandError, match=r"Att rätta: \d+\."):
        call_command("setup", check=True, stdout=io.StringIO())
    assert not Message.objects.exists()
    assert not User.objects.exists()


# The command itself --------------------------------------------------------------------------------------------------


def manage_setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """As an operator runs it in web's container: by web's role."""
    return subprocess.run(
        [sys.executable, "manage.py", "setup", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address_as(WEB)} | environment,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_runs_by_webs_role_and_asks_nobody_where_nobody_is():
    options = [
        *("--operator=drift", "--operator-name=Dag Driftsson", "--care-provider=Region Norrsund", "--consent-ordered"),
        *("--unit=VC Björken", "--queue=Rådgivning", "--hours=mån-fre 8-16", "--sender=VCBjorken"),
        *("--administrator=maria.ek", "--administrator-name=Maria Ek"),
    ]
    done = manage_setup(*options)
    assert done.returncode == 0, done.stderr
    assert len(links(done.stdout)) == 2
    assert Queue.objects.get().telephone_hours.count() == 5
    assert manage_setup(*options).returncode == 0
    assert Queue.objects.count() == 1
    assert manage_setup("--check", TELEQ_URL=f"https://localhost:{free_port()}").returncode == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_on_a_terminal_it_asks_and_asks_again_for_what_can_not_be_read():
    told = on_a_terminal(
        *("drift", "Dag Driftsson", "Region Norrsund", "japp", "J", "VC Björken", "Rådgivning", "123", "08-465 004 05"),
        *("vardagar", "mån-fre 16-8", "mån-fre 8-16", "1177", "VCBjorken", "maria.ek", "Maria Ek"),
    )
    assert told.count("! Svara ja eller nej.") == 1
    assert told.count("! Telefontiden måste stänga efter att den har öppnat.") == 1
    assert told.count("! Skriv ett giltigt telefonnummer") == 1
    assert told.count("! Telefontiden ”vardagar” går inte att läsa") == 1
    assert told.count("! Skriv 3–11 tecken") == 1
    queue = Queue.objects.get()
    assert (str(queue), str(queue.phone_number)) == ("VC Björken Rådgivning", "+46846500405")
    assert queue.outgoing_sms.sender == "VCBjorken"
    assert queue.telephone_hours.count() == 5
    assert CareProvider.objects.get().sms_consent_ordered
    assert {str(user) for user in User.objects.all()} == {"Dag Driftsson", "Maria Ek"}
    assert "Systemförvaltarens användarnamn:" not in on_a_terminal()  # all is there: nothing is asked


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_who_breaks_off_is_told_what_there_is():
    told = on_a_terminal("drift", "Dag Driftsson", "\x04")
    assert "Avbrutet. Det som redan är skapat finns kvar." in told
    assert "Traceback" not in told
    assert User.objects.get().username == "drift"


def on_a_terminal(*answers: str) -> str:
    """Types an answer to each question. Returns all that was on the screen."""
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "manage.py", "setup"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address_as(WEB)},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ):
        os.close(terminal)
        left, shown = list(answers), b""
        while True:
            try:
                shown += os.read(screen, 4096)
            except OSError:  # the command has ended
                break
            if shown.endswith(b": ") and left:
                os.write(screen, left.pop(0).encode() + b"\n")
    os.close(screen)
    assert left == []
    return shown.decode()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_without_a_database_it_says_so_in_a_line_and_makes_nothing():
    place = urlsplit(address_as(WEB))
    nowhere = place._replace(netloc=f"{place.netloc.rpartition(':')[0]}:{free_port()}").geturl()
    production = {
        **{"TELEQ_DEMO": "false", "SECRET_KEY": STRONG, "SMS_PROVIDERS": "kannel", "TELEQ_URL": "https://localhost:1"},
        **{"KANNEL_URL": "http://localhost:1", "KANNEL_USERNAME": "teleq", "KANNEL_PASSWORD": STRONG},
    }
    for environment in ({}, production):
        done = manage_setup("--operator=drift", DATABASE_URL=nowhere, **environment)
        assert done.returncode == 1
        assert "Databasen svarar inte" in done.stdout
        assert "Traceback" not in done.stderr
    without_a_provider = manage_setup("--check", **(production | {"KANNEL_URL": ""}))
    assert "kannel: KANNEL_URL is not set." in without_a_provider.stderr


# The operator's first page -------------------------------------------------------------------------------------------


def first_day(html: str) -> list[tuple[str, str]]:
    """The steps, and whether each is done."""
    section = html.partition('aria-labelledby="first-day"')[2].partition("</section>")[0]
    return [
        (re.sub("<[^>]+>", "", name), chip)
        for name, chip in re.findall(r"<strong>(.+?)</strong> .*?>(\w+)</span>", section)
    ]


def test_the_operators_first_page_says_what_to_do_while_nothing_is_set_up(client, operator):
    client.force_login(operator)
    html = client.get("/admin/").content.decode()
    assert first_day(html) == [
        ("Systemförvaltarens inloggning", "Klart"),
        ("Två systemförvaltare", "Kvar"),
        ("Vårdgivare", "Kvar"),
        ("Kö", "Kvar"),
        ("Administratör hos varje vårdgivare", "Kvar"),
    ]
    steps = html.partition('aria-labelledby="first-day"')[2].partition("</section>")[0]
    addresses = re.findall(r'href="([^"]+)"', steps)
    assert addresses == ["/admin/teleq/careprovider/add/", "/admin/teleq/queue/add/", "/admin/teleq/user/add/"]


def test_what_setup_leaves_to_do_stands_there_until_it_is_done(client, operator, queue, provider_administrator):
    client.force_login(operator)
    assert [name for name, chip in first_day(client.get("/admin/").content.decode()) if chip == "Kvar"] == [
        "Två systemförvaltare",
        "Administratör hos varje vårdgivare",
    ]
    Client().force_login(provider_administrator)  # who is in for the first time
    User.objects.create_superuser("drift-2")
    assert first_day(client.get("/admin/").content.decode()) == []


def test_nobody_else_is_told(client, provider_administrator):
    client.force_login(provider_administrator)
    assert "Kom igång" not in text_of(client.get("/admin/"))
