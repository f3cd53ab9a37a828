"""One press is one thing done, whatever the network does: cases, notes."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.urls import reverse

from cases.models import Case, Note
from sms.models import Message
from tests.cases.desk import at_once, in_a_month
from tests.cases.reminding import turn_on
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

CREATE, SAVE = "Skapa ärendet", "Spara anteckningen"


@pytest.fixture
def typed(queue) -> dict[str, object]:
    turn_on(queue)
    return {"queue": queue.pk, "phone_number": "070-174 06 05", "callback_at": in_a_month(), "name": "Berit"}


@pytest.fixture
def form(desk):
    return desk.open(reverse("cases:new_case"))


def test_skapa_arendet_pressed_twice_makes_one_case_and_one_confirmation(form, typed):
    first, second = form.press(CREATE, **typed), form.press(CREATE, **typed)
    assert first.address == second.address == reverse("cases:case", args=[Case.objects.get().pk])
    assert "Ärendet är redan skapat." in second.text
    assert Message.objects.count() == 1


def test_a_second_press_after_the_time_has_passed_finds_the_case_too(form, typed):
    made = form.press(CREATE, **typed)
    Case.objects.update(callback_at="2020-01-01T10:30:00Z")
    after = form.press(CREATE, **typed | {"callback_at": "2020-01-01T11:30"})
    assert (after.status, made.status) == (200, 200)
    assert Case.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_of_one_press_in_the_same_moment_make_one_case(form, typed, queue):
    """The second waits for the first to commit; both have looked for the case in vain."""
    with transaction.atomic():
        type(queue).objects.select_for_update().get(pk=queue.pk)  # whoever makes a case in the queue waits
        posts = [in_another_connection(lambda: form.press(CREATE, **typed)) for _ in range(2)]
        wait_until_a_connection_waits_for_a_lock(2)
    pages = [post.result(20) for post in posts]
    assert {page.address for page in pages} == {reverse("cases:case", args=[Case.objects.get().pk])}
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("other", "cases"), [({"name": "Agda"}, 1), ({"phone_number": "070-174 06 06"}, 2), ({"reason": "Recept"}, 1)]
)
def test_after_back_another_case_is_another_press_and_nothing_typed_is_lost(other, cases, form, typed):
    form.press(CREATE, **typed)
    after = form.press(CREATE, **typed | other)
    assert after.status == 409
    assert "Härifrån har du redan skapat ett ärende, med andra uppgifter." in after.text
    assert reverse("cases:case", args=[Case.objects.get().pk]) in after.links
    for name, value in (typed | other).items():
        assert after.typed(name, beside=CREATE) == str(value)
    after.press(CREATE)
    assert Case.objects.count() == cases  # the same number at the same time is still refused


def test_a_press_that_cannot_be_read_makes_nothing_and_can_be_pressed_again(form, typed):
    after = form.press(CREATE, **typed, press="x")
    assert (after.status, "Sidan var för gammal. Tryck igen." in after.text) == (422, True)
    assert not Case.objects.exists()
    assert after.press(CREATE).status == 200
    assert Case.objects.count() == 1


def test_a_press_of_a_case_that_is_not_mine_makes_nothing_and_can_be_pressed_again(form, typed, other_queue):
    press = form.typed("press", beside=CREATE)
    Case.objects.create(queue=other_queue, phone_number="+46701740607", callback_at="2031-01-01T10:00Z", press=press)
    after = form.press(CREATE, **typed)
    assert (after.status, "Tryck igen." in after.text) == (409, True)
    assert after.press(CREATE).status == 200


# Notes ---------------------------------------------------------------------------------------------------------------


def test_a_note_pressed_twice_is_one(case, desk):
    page = desk.case(case)
    for after in [page.press(SAVE, note_text="Ringer\nigen.") for _ in range(2)]:
        assert "Anteckningen är sparad." in after.text
    assert Note.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_of_one_note_in_the_same_moment_are_one(case, desk):
    page = desk.case(case)
    press = lambda: page.press(SAVE, note_text="Ringer igen.")  # noqa: E731
    assert [after.status for after in at_once(case, press, press)] == [200, 200]
    assert Note.objects.count() == 1


def test_another_text_on_the_same_press_is_not_saved_and_not_lost(case, desk):
    page = desk.case(case)
    page.press(SAVE, note_text="Ringer igen.")
    after = page.press(SAVE, note_text="Hör illa.")
    assert after.status == 409
    assert "Den förra anteckningen är redan sparad." in after.text
    assert after.typed("note_text", beside=SAVE) == "Hör illa."
    after.press(SAVE)
    assert sorted(note.text for note in Note.objects.all()) == ["Hör illa.", "Ringer igen."]
