"""Admin's first page and the row of links on every page: what there is, by task, for each role."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import RequestFactory

from administration import menu
from teleq.models import Queue, User
from tests.administration.forms import text_of

pytestmark = pytest.mark.django_db

GROUPS = {
    "administrator": [
        *("SMS till patienter", "Köer och ärenden", "Telefonmeny", "Användare och behörigheter"),
        "Patienters uppgifter",
    ],
    "provider_administrator": [
        *("SMS till patienter", "Köer och ärenden", "Telefonmeny", "Användare och behörigheter"),
        "Patienters uppgifter",
    ],
    "log_reviewer": ["Patienters uppgifter", "Användare och behörigheter"],
    "operator": [
        *("SMS till patienter", "Köer och ärenden", "Telefonmeny", "Användare och behörigheter"),
        "Vårdgivare och drift",
    ],
}
OFTEN = {
    "administrator": ["Utgående SMS", "Standardtexter", "Köer", "Statistik", "Användare"],
    "provider_administrator": [
        *("Utgående SMS", "Standardtexter", "Köer", "Statistik", "Användare", "Loggkontroll", "Loggutdrag"),
    ],
    "log_reviewer": ["Loggkontroll", "Loggutdrag"],
    "operator": [
        *("Utgående SMS", "Standardtexter", "Köer", "Statistik", "Användare", "Vårdgivare"),
        *("Nycklar för telefonsystem", "Driftläge"),
    ],
}


@pytest.fixture
def page(client, request):
    def open_as(role: str, address: str = "/admin/") -> str:
        client.force_login(request.getfixturevalue(role))
        return client.get(address).content.decode()

    return open_as


def links(html: str) -> list[str]:
    return re.findall(r"<a [^>]*>([^<]+)</a>", html)


def row_of_links(html: str) -> list[str]:
    return links(html.split('<nav class="menu"')[1].split("</nav>", maxsplit=1)[0])


def test_before_the_first_queue_no_link_leads_to_a_page_that_is_closed(client, provider_administrator):
    assert not Queue.objects.exists()
    client.force_login(provider_administrator)
    html = client.get("/admin/").content.decode()
    addresses = set(re.findall(r'href="(/admin/[^"#]+)"', html))
    assert "/admin/teleq/queue/" in addresses
    assert {address: client.get(address, follow=True).status_code for address in addresses} == dict.fromkeys(
        addresses, 200
    )


@pytest.mark.parametrize("role", GROUPS)
def test_the_pages_stand_by_task_for_each_role(role, page, queue):
    assert re.findall(r'<h2 id="group-\d+">([^<]+)</h2>', page(role)) == GROUPS[role]


@pytest.mark.parametrize("role", OFTEN)
def test_the_pages_that_are_opened_most_are_a_click_away_on_every_page(role, page, queue):
    for address in ("/admin/", "/admin/access/signin/"):
        assert row_of_links(page(role, address)) == [*OFTEN[role], "Alla sidor"]


@pytest.mark.parametrize("role", ["administrator", "provider_administrator", "operator"])
def test_utgaende_sms_is_first_on_the_first_page_and_in_the_row(role, page, queue):
    html = page(role)
    assert links(html.split('id="content-main"')[1])[0] == "Utgående SMS"
    assert row_of_links(html)[0] == "Utgående SMS"


@pytest.mark.parametrize("role", GROUPS)
def test_each_page_says_in_a_line_what_it_is_for(role, client, request, queue):
    client.force_login(request.getfixturevalue(role))
    pages = [each for group in client.get("/admin/").context["app_list"] for each in group["models"]]
    assert len(pages) >= 4
    assert [each["name"] for each in pages if not each["says"]] == []
    assert len({str(each["says"]) for each in pages}) == len(pages)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/admin/teleq/outgoingsms/", "Utgående SMS"),
        ("/admin/teleq/queue/add/", "Köer"),
        ("/admin/statistics/", "Statistik"),
        ("/admin/", "Alla sidor"),
    ],
)
def test_the_row_says_where_one_is(address, name, page, queue, plain_queue):
    row = page("administrator", address).split('<nav class="menu"')[1].split("</nav>")[0]
    assert re.findall(r'aria-current="\w+">([^<]+)<', row) == [name]


def test_a_page_that_has_no_place_in_the_menu_is_shown_last_all_the_same():
    found = {"Queue": {"name": "Köer", "admin_url": "/q/"}, "new": {"name": "Nytt", "admin_url": "/new/"}}
    shown = menu.grouped(found, menu.GROUPS, "/q/1/")
    assert [group["models"][0]["name"] for group in shown] == ["Köer", "Nytt"]
    assert [group["models"][0]["is_here"] for group in shown] == [True, False]


def test_every_page_of_the_menu_exists(operator, rf: RequestFactory):
    """But for those of parts that are not there yet, nothing is told of that nobody can open."""
    request = rf.get("/admin/")
    request.user = User.objects.get(pk=operator.pk)
    models = {model._meta.object_name for model in admin.site._registry}
    told = {key for _title, pages in menu.GROUPS for key in pages if key[0].isupper()}
    assert told == models


def test_the_first_page_costs_as_many_queries_however_much_was_changed(office, queue, django_assert_max_num_queries):
    user = User.objects.get(username=office.get("/admin/").context["user"].username)
    for number in range(12):
        LogEntry.objects.log_actions(user.pk, [queue], 2, change_message=f"Nr {number}.", single_object=True)
    with django_assert_max_num_queries(17):
        page = office.get("/admin/")
    assert "Nr 11." in text_of(page)
    assert "Nr 1." not in text_of(page)  # the ten latest
