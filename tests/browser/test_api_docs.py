"""The intake API's page: its operations, tried out with a key, under the product's own security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from cases.models import Case
from tests.intake.telephone_system import an_open_day, at, connect, keep_open

pytestmark = pytest.mark.django_db(transaction=True)

OPERATIONS = [
    "The care provider's queues",
    "A queue's free times",
    "Book a callback",
    "Read a callback's state",
    "Move a callback",
    "Cancel a callback",
]


@pytest.fixture
def page(open_page) -> Page:
    page = open_page()
    page.goto("/api/v1/docs")
    return page


def operation(page: Page, summary: str) -> Locator:
    """Unfolded, and ready to be tried out."""
    block = page.locator(".opblock", has_text=summary)
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def execute(block: Locator) -> Locator:
    """What the product answered."""
    block.get_by_role("button", name="Execute").click()
    return block.locator(".live-responses-table .response")


def authorize(page: Page, key: str) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(key)
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").click()


def test_it_shows_every_operation_to_anyone(page):
    expect(page.locator(".opblock-summary-description")).to_have_text(OPERATIONS)
    expect(page.get_by_text("Whether a patient may be texted is asked by the nurse")).to_be_visible()


def test_without_a_key_it_is_told_that_there_is_none(page, complaints):
    complaints.expect("status of 401")
    answer = execute(operation(page, "The care provider's queues"))
    expect(answer).to_contain_text("401")
    expect(answer).to_contain_text("Nyckeln saknas eller gäller inte.")


def test_with_a_key_a_callback_can_be_booked(page, queue, administrator):
    keep_open(queue)
    authorize(page, connect(queue.care_provider, by=administrator).key)
    expect(execute(operation(page, "The care provider's queues"))).to_contain_text("Rådgivning")

    booking = operation(page, "Book a callback")
    time = at(an_open_day(queue), "08:00")
    booking.locator("textarea").fill(
        f'{{"queue": {queue.pk}, "call_id": "a", "a_number": "070-174 06 05", "callback_at": "{time.isoformat()}"}}'
    )
    expect(execute(booking)).to_contain_text('"state": "waiting"')
    assert Case.objects.get().callback_at == time


def test_its_security_policy_lets_in_drawn_arrows_and_nothing_else(client):
    looser, strict = [
        set(client.get(address)["Content-Security-Policy"].split("; ")) for address in ("/api/v1/docs", "/login/")
    ]
    assert looser ^ strict == {"img-src 'self'", "img-src 'self' data:"}
