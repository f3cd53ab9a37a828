"""Hjälp: every page that somebody can be on has its place in the handbook, whose links and pictures are there."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django.asserts import assertRedirects

from teleq.handbook.pages import FOLDER, INDEX, PAGES, anchor_of, read_page
from teleq.handbook.places import HELP, about, place_for
from teleq.models import Membership, Role
from tests.browser.pictures import PICTURES

NO_PAGES = re.compile(
    r"api:|sms:|health:|handbook:|telephony:|demo:simulator_|admin:(jsi18n|autocomplete|login|logout|None)|None$"
)
"""Views by which nobody comes to a page of teleQ's: for machines, scripts and providers, and the handbook itself."""


def views(resolver: URLResolver, space: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.add(f"{space}{pattern.name}")
        else:
            found |= views(pattern, f"{pattern.namespace}:" if pattern.namespace else space)
    return found


def text_of(page: str) -> str:
    return (FOLDER / f"{page}.md").read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    return {anchor_of(heading) for heading in re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)}


def test_every_view_has_a_page_and_a_heading_that_are_there():
    reachable = {view for view in views(get_resolver()) if not NO_PAGES.match(view)}
    assert len(reachable) > 80
    assert {view for view in reachable if not about(view)} == set()


def test_the_table_names_headings_that_are_there_and_views_that_are_there():
    there = views(get_resolver())
    for view, places in HELP.items():
        assert any(name.startswith(view) for name in there), view
        for place in places:
            page, _, anchor = place.partition("#")
            assert anchor in anchors(page), f"{view}: {place}"


@pytest.mark.parametrize("page", [INDEX, *PAGES])
def test_every_link_in_the_handbook_leads_somewhere(page):
    for file, anchor in re.findall(r"\]\(([\w-]*(?:\.md)?)#?([^)]*)\)(?<!\.png\))", text_of(page)):
        name = file.removesuffix(".md") or page
        assert name in {INDEX, *PAGES}, file
        assert not anchor or anchor in anchors(name), f"{file}#{anchor}"


@pytest.mark.parametrize("page", [INDEX, *PAGES])
def test_no_heading_stands_twice_on_a_page(page):
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert len(re.findall(r"^# ", text_of(page), re.MULTILINE)) == 1


def test_the_handbook_shows_every_picture_that_is_made_and_no_other():
    shown = {
        name for page in [INDEX, *PAGES] for name in re.findall(r"!\[[^\]]+\]\(bilder/([\w-]+)\.png\)", text_of(page))
    }
    assert shown == set(PICTURES)
    assert {file.stem for file in (FOLDER / "bilder").glob("*")} == shown


def test_pictures_are_small():
    assert {file.name: file.stat().st_size for file in FOLDER.glob("bilder/*") if file.stat().st_size > 150_000} == {}


def test_html_in_a_page_is_text_and_a_link_to_another_page_leads_there():
    index = read_page(INDEX)
    assert f'href="{reverse("handbook:page", args=["medarbetare"])}"' in index.html
    assert "<script" not in "".join(read_page(page).html for page in PAGES)


@pytest.mark.parametrize(
    ("roles", "view", "place"),
    [
        (["medarbetare"], "cases:case", ("medarbetare", "ärendet")),
        (["administrator", "medarbetare"], "admin:teleq_queue_change", ("administrator", "köer")),
        (["systemforvaltare"], "admin:statistics", ("systemforvaltare", "statistik")),
        (["loggranskare"], "admin:index", ("loggranskare", "admin")),
        (["loggranskare"], "admin:log_reviews", ("loggranskare", "loggkontroll")),
        (["administrator"], "admin:log_reviews", ("administrator", "loggkontroll")),
        ([], "admin:access_signin_changelist", ("administrator", "inloggningar-och-ändrade-behörigheter")),
        (["medarbetare"], "nowhere", ("", "")),
    ],
)
def test_help_is_about_the_page_one_is_on_in_ones_own_role(roles, view, place):
    assert place_for(view, roles) == place


@pytest.mark.django_db
class TestInTheProduct:
    def test_the_case_leads_to_what_the_handbook_says_about_it(self, client, nurse, case):
        client.force_login(nurse)
        page = client.get(reverse("cases:case", args=[case.pk]))
        assert 'href="/hjalp/till/cases:case/"' in page.text
        assertRedirects(
            client.get("/hjalp/till/cases:case/"), "/hjalp/medarbetare/#%C3%A4rendet", fetch_redirect_response=False
        )

    def test_an_administrator_is_led_to_the_administrators_page_from_admin(self, client, administrator):
        client.force_login(administrator)
        assert 'href="/hjalp/till/admin:index/"' in client.get("/admin/").text
        assert client.get("/hjalp/till/admin:index/")["Location"] == "/hjalp/administrator/#admin"

    def test_ones_own_pages_come_first(self, client, nurse, queue):
        client.force_login(nurse)
        listed = re.findall(r'href="/hjalp/(\w+)/"', client.get("/hjalp/").text.partition('id="contents"')[2])
        assert listed[0] == "medarbetare"
        Membership.objects.filter(user=nurse).update(role=Role.ADMINISTRATOR)
        listed = re.findall(r'href="/hjalp/(\w+)/"', client.get("/hjalp/").text.partition('id="contents"')[2])
        assert listed[:2] == ["administrator", "medarbetare"]

    @pytest.mark.parametrize("page", PAGES)
    def test_every_page_is_shown_with_its_headings_and_pictures(self, page, client, nurse):
        client.force_login(nurse)
        shown = client.get(f"/hjalp/{page}/")
        for anchor in anchors(page):
            assert f'id="{anchor}"' in shown.text
        for picture in re.findall(r"bilder/([\w-]+\.png)", text_of(page)):
            assert f'src="/static/handbok/{picture}"' in shown.text
            assert client.get(f"/static/handbok/{picture}").status_code == 200

    def test_a_page_that_is_not_there_is_not_found(self, client, nurse):
        client.force_login(nurse)
        assert client.get("/hjalp/README/").status_code == 404
        assert client.get("/hjalp/..%2f..%2fREADME/").status_code == 404

    def test_it_asks_for_a_login(self, client):
        for address in ("/hjalp/", "/hjalp/medarbetare/", "/hjalp/till/cases:case/"):
            assert unquote(client.get(address)["Location"]) == f"/login/?next={address}"
