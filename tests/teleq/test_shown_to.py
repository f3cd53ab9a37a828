"""A form belongs to whoever it was shown to."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from cases import callbacks
from cases.models import Case, Note
from teleq.clock import database_now
from tests.administration.forms import text_of
from tests.cases.desk import forms_on
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
ORIGIN = {"Origin": "http://testserver"}


@pytest.fixture
def case(queue) -> Case:
    return callbacks.create(Case(queue=queue, phone_number="+46701740605", callback_at=database_now()), by=None)


@pytest.fixture
def browser(nurse) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(nurse)
    return client


def form_of(page, name: str) -> dict[str, str]:
    """What a browser would post of the form that leads there, or has such a field."""
    forms = forms_on(page.content.decode())
    [form] = [each for each in forms if name in each.fields or name in each.attributes.get("action", "")]
    return form.fields


def sign_in_again(browser: Client, user) -> None:
    """In another tab: the cookies are the browser's."""
    token = {"csrfmiddlewaretoken": form_of(browser.get("/login/"), "password")["csrfmiddlewaretoken"]}
    assert browser.post("/login/", {"login": user.username, "password": PASSWORD} | token).status_code == 302


@pytest.mark.parametrize("who", ["nurse", "administrator"])
def test_a_form_from_before_the_last_login_is_not_saved(who, browser, case, request):
    user = request.getfixturevalue(who)
    address = reverse("cases:add_note", args=[case.pk])
    form = form_of(browser.get(f"/cases/{case.pk}/"), "/sms/") | {"note_text": "Hör <b>illa</b>."}
    sign_in_again(browser, user)
    response = browser.post(address, form, headers=ORIGIN)
    assert response.status_code == 409
    assert f"Någon har loggat in sedan sidan visades. Nu är {user} inloggad här. Ingenting sparades." in text_of(
        response
    )
    assert "Hör &lt;b&gt;illa&lt;/b&gt;." in response.content.decode()
    assert not Note.objects.exists()


def test_another_site_gets_nothing_shown(browser, case):
    form = {"csrfmiddlewaretoken": "a" * 64, "text": "Ring 0900-123"}
    for headers in ({"Origin": "https://elsewhere.example"}, {}):
        response = browser.post(reverse("cases:add_note", args=[case.pk]), form, headers=headers)
        assert response.status_code == 403
        assert "0900" not in response.content.decode()


@pytest.mark.parametrize("shown_to", ["nurse", None, "0", "x"])
def test_what_is_saved_in_place_says_whom_it_was_shown_to(shown_to, browser, case, nurse, administrator):
    form = form_of(browser.get(f"/cases/{case.pk}/"), "/sms/") | {"note_text": "Hör illa."}
    sign_in_again(browser, administrator)
    form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"].value  # as the page's script does
    told = {"nurse": str(nurse.pk)}.get(shown_to, shown_to)
    headers = {"HX-Request": "true"} | ({"X-Shown-To": told} if told is not None else {})
    response = browser.post(reverse("cases:add_note", args=[case.pk]), form, headers=headers)
    assert (response.status_code, response["HX-Reswap"]) == (409, "none")
    assert "Sidan visades för någon annan. Nu är Maria Ek inloggad här. Ingenting sparades." in text_of(response)
    assert response["Cache-Control"].count("no-store")
    assert not Note.objects.exists()


def test_whoever_signs_in_again_may_go_on(browser, case, nurse):
    page = browser.get(f"/cases/{case.pk}/")
    [shown_to] = re.findall(r"""hx-headers='\{"X-Shown-To": "(\d+)"\}'""", page.content.decode())
    form = form_of(page, "/sms/") | {"note_text": "Hör illa."}
    sign_in_again(browser, nurse)
    form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"].value
    headers = {"HX-Request": "true", "X-Shown-To": shown_to}
    assert browser.post(reverse("cases:add_note", args=[case.pk]), form, headers=headers).status_code == 302
    assert Note.objects.get().author == nurse
