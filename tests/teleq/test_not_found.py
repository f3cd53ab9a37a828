"""A page that isn't there says what isn't, and where one is to go."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.administration.forms import text_of

NO_CASE = "Ärendet finns inte, eller hör till en kö där du inte är medlem."


def not_found(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 404
    return text_of(response)


def test_a_case(office):
    assert NO_CASE in not_found(office, "/cases/999999/")


@pytest.mark.parametrize(
    "address", ["/admin/teleq/outgoingsms/999999/change/", "/admin/teleq/outgoingsms/x/change/", "/admin/nothing/"]
)
def test_admins_are_admins(office, address):
    text = not_found(office, address)
    assert "Ärendet" not in text
    assert "Det som sidan skulle visa finns inte, eller hör inte till det som du administrerar." in text
    assert "Till Admin" in text


@pytest.mark.parametrize("address", ["/nothing/", "/cases/x/", "/simulator/x/"])
def test_others_are_no_case_either(office, address):
    text = not_found(office, address)
    assert "Ärendet" not in text
    assert "Det finns ingen sida i teleQ på den adressen." in text
    assert "Till arbetslistan" in text
