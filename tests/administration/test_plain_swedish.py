"""Every page of Admin as each role reads it: no word of Django's that is not how teleQ speaks, and no link that leads
where the role may not go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client

from administration.queues import create_queue
from cases.models import ClosedDay
from intake.keys import make_key
from intake.models import IntakeKey
from sms.models import StandardText
from teleq.models import Queue
from tests.administration.forms import errors, save, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

CLUMSY = (
    *("relaterade objekt", "@/./+/-/_", "---------", "Radera", "ytterligare", "Var god", "Vänligen", "objekt"),
    *("Detta fält", "Säkerställ", "Kontrollera att detta", "Epost-adress", "Brödsmulor", "händelse", "Hoppa till"),
    *("Ta mig tillbaka", "ta mig tillbaka", "skall", "istället", "Sammanfattning", "Notera:", "Alternativ", "None"),
)
ROLES = ("administrator", "provider_administrator", "log_reviewer", "operator")
NOT_FOLLOWED = re.compile(r"csv=|jsi18n|/static/")


@pytest.fixture
def town(queue: Queue, plain_queue: Queue, care_provider: Any, operator: Any, nurse: Any) -> None:
    StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Hej.")
    ClosedDay.objects.create(queue=queue, day="2026-12-23")
    make_key(IntakeKey(care_provider=care_provider, name="Växeln"), by=operator)
    create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name="Rådgivning"))


def every_page(client: Client) -> Iterator[tuple[str, Any]]:
    """What can be reached by links from the first page; of pages that differ by their row only, one."""
    waiting, seen = ["/admin/"], set()
    while waiting:
        address = waiting.pop()
        kind = re.sub(r"\d+", "N", address.partition("?")[0]) + ("?" if "?" in address else "")
        if kind in seen:
            continue
        seen.add(kind)
        page = client.get(address, follow=True)
        yield address, page
        found = re.findall(r'href="(/admin/[^"#]*)', page.content.decode())
        waiting += [unescape(each) for each in found if not NOT_FOLLOWED.search(each)]


@pytest.mark.parametrize("role", ROLES)
def test_every_page_speaks_plain_swedish_and_every_link_leads_somewhere(role, client, request, town):
    client.force_login(request.getfixturevalue(role))
    pages = dict(every_page(client))
    assert len(pages) > (30 if role != "log_reviewer" else 4)
    assert {address: page.status_code for address, page in pages.items() if page.status_code != 200} == {}
    for address, page in pages.items():
        read = unescape(re.sub(r"<script.*?</script>", " ", page.content.decode(), flags=re.S))
        assert [word for word in CLUMSY if word in read] == [], address
        assert len(set(re.findall(r'\sid="([^"]+)"', read))) == len(re.findall(r'\sid="([^"]+)"', read)), address


def test_an_empty_choice_says_what_it_means(office, provider_administrator):
    assert "Välj kö" in text_of(office.get("/admin/sms/standardtext/add/"))
    office.force_login(provider_administrator)
    user = text_of(office.get(f"/admin/teleq/user/{provider_administrator.pk}/change/"))
    for said in ("Välj kö", "Välj vårdgivare", "Välj roll"):
        assert said in user
    assert "Ingen" in text_of(office.get("/admin/consent/consenttext/add/"))


def test_what_a_user_name_may_hold_is_said_in_words(office, nurse):
    allowed = "bokstäver, siffror, punkt, bindestreck, understreck, plus och snabel-a."
    page = text_of(office.get("/admin/teleq/user/add/"))
    assert f"Högst 150 tecken: {allowed}" in page
    response = office.post("/admin/teleq/user/add/", {"username": "a b"})
    assert f"Användarnamnet får bara innehålla {allowed}" in text_of(response)


def test_what_is_wrong_is_told_above_the_form_and_at_the_field(office, queue):
    response = save(office, f"/admin/teleq/queue/{queue.pk}/change/", name="", unit="Å" * 101)
    text = text_of(response)
    assert "Ingenting är sparat. Rätta felen nedan." in text
    assert "Det här måste fyllas i." in text
    assert "Skriv högst 100 tecken. Nu är det 101." in text
    assert errors(save(office, f"/admin/teleq/queue/{queue.pk}/change/", name=""), "name")


def test_what_was_done_is_said_in_one_way(office, queue):
    new = {"queue": queue.pk, "name": "ring", "text": "Ring oss."}
    added = office.post("/admin/sms/standardtext/add/", new, follow=True)
    assert "Tillagt: standardtext ” ring ”." in text_of(added)
    address = f"/admin/sms/standardtext/{StandardText.objects.get().pk}"
    saved = office.post(f"{address}/change/", {**new, "name": "ring igen", "initial-name": "ring"}, follow=True)
    assert "Sparat: standardtext" in text_of(saved) or saved.status_code == 409
    asked = text_of(office.get(f"{address}/delete/"))
    assert "Det går inte att ångra." in asked
    removed = office.post(f"{address}/delete/", {"post": "yes"}, follow=True)
    assert "Borttaget: standardtext ”" in text_of(removed)
    assert "Här finns inget än." in text_of(removed)


def test_a_search_without_a_hit_says_so_and_leads_back_to_all(office, nurse):
    page = office.get("/admin/teleq/user/?q=finnsinte")
    assert "Ingen träff. Visa alla" in text_of(page)
    assert str(nurse) in text_of(office.get("/admin/teleq/user/"))


def test_the_list_says_how_it_is_sorted_and_sorts_the_other_way(office, queue, plain_queue):
    def heads(address: str) -> list[str]:
        return re.findall(r'<th scope="col" aria-sort="(\w+)"><a href="([^"]+)">', office.get(address).content.decode())

    [(direction, other_way)] = heads("/admin/teleq/user/")
    assert direction == "ascending"
    assert heads(f"/admin/teleq/user/{unescape(other_way)}")[0][0] == "descending"
