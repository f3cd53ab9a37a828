"""Promise 11: a page undoes nothing it didn't show. "Ändra uppgifter" and "Boka om", on pages that were left open."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.utils import timezone

from cases import callbacks
from cases.models import Case
from cases.rebooking import to_time
from teleq.changes import Change
from teleq.swedish import date_and_clock
from tests.cases.desk import at_once, desk_of, rebooking
from tests.conftest import MOBILE

SAVE, SAVE_TIME = "Spara uppgifterna", "Spara tiden"


@pytest.fixture
def case(book) -> Case:
    return book(reason="Yrsel", a_number="+46846500411", personal_identity_number="191212121212")


@pytest.fixture
def left_open(case, desk):
    return rebooking(desk, case)


@pytest.fixture
def colleagues(case, colleague):
    """The colleague's page of the case, as it is now."""
    return lambda: rebooking(desk_of(colleague), case)


def local(at) -> str:
    return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}"


def stored(case: Case) -> dict[str, object]:
    case.refresh_from_db()
    return {name: getattr(case, name) for name in CHANGED}


CHANGED = {
    "name": ("Bert Testsson", "Berta Testsson"),
    "reason": ("Recept", "Sårvård"),
    "interpreter_language": ("arabiska", "teckenspråk"),
    "speak_with": ("läkare", "samma sköterska som sist"),
    "a_number": ("08-465 004 00", ""),
    "personal_identity_number": ("", "19900101-0017"),
    "callback_at": (local(timezone.now() + timedelta(days=2)), local(timezone.now() + timedelta(days=3))),
}
"""Each field, and what two people make of it."""


def button(name: str) -> str:
    """Which button saves the field."""
    return SAVE_TIME if name == "callback_at" else SAVE


def saved(name: str) -> str:
    return "Ärendet är ombokat till " if name == "callback_at" else "Uppgifterna är sparade."


@pytest.mark.parametrize(("other", "name"), list(permutations(CHANGED, 2)))
def test_what_was_not_changed_on_the_page_stays_as_a_colleague_has_made_it(other, name, case, left_open, colleagues):
    assert colleagues().press(button(other), **{other: CHANGED[other][0]}).status == 200
    theirs = stored(case)
    after = left_open.press(button(name), **{name: CHANGED[name][0]})
    assert (after.status, saved(name) in after.text) == (200, True)
    assert stored(case)[name] != theirs[name]
    assert {each: value for each, value in stored(case).items() if each != name} == {
        each: value for each, value in theirs.items() if each != name
    }


@pytest.mark.parametrize("name", CHANGED)
def test_a_field_that_both_changed_stops_the_whole_save_and_shows_both(name, case, left_open, colleagues):
    theirs_typed, typed = CHANGED[name]
    colleagues().press(button(name), **{name: theirs_typed})
    theirs, events = stored(case), case.events.count()
    beside = next(each for each in ("reason", "name") if each != name)
    typed_beside = {beside: "Också skrivet"} if button(name) == SAVE else {}

    after = left_open.press(button(name), **{name: typed}, **typed_beside)

    assert after.status == 409
    assert "Ändrat av Karim Noor till " in after.text
    assert "Ingenting är sparat. Spara igen om det som du angav ska gälla." in after.text
    assert (stored(case), case.events.count()) == (theirs, events)
    for each, value in ({name: typed} | typed_beside).items():
        assert after.typed(each, beside=button(name)) == value

    again = after.press(button(name))  # having read it
    assert again.status == 200
    assert stored(case)[name] != theirs[name]
    assert {each: stored(case)[each] for each in typed_beside} == typed_beside


def test_both_values_are_told_in_words(case, left_open, colleagues):
    at, other = (timezone.now() + timedelta(days=days) for days in (2, 3))
    colleagues().press(SAVE, name="", a_number="")
    colleagues().press(SAVE_TIME, callback_at=local(at))
    told = left_open.press(SAVE_TIME, callback_at=local(other)).text
    assert f"Ändrat av Karim Noor till {date_and_clock(at)}. Du angav {date_and_clock(other)}." in told
    after = left_open.press(SAVE, name="Berta", a_number="08-465 004 00")
    for told in (
        "Ändrat av Karim Noor till tomt. Du angav ”Berta”.",
        "Ändrat av Karim Noor till dolt. Du angav 08-465 004 00.",
    ):
        assert told in after.text


def test_the_page_then_shows_what_stands_in_the_other_fields_too(case, left_open, colleagues):
    colleagues().press(SAVE, name="Bert Testsson", reason="Recept", a_number="")
    after = left_open.press(SAVE, name="Berta Testsson")
    assert after.typed("reason", beside=SAVE) == "Recept"
    assert after.typed("a_number", beside=SAVE) == ""
    colleagues().press(SAVE, reason="Sårvård")
    assert after.press(SAVE).status == 200
    assert (stored(case)["name"], stored(case)["reason"], stored(case)["a_number"]) == (
        "Berta Testsson",
        "Sårvård",
        None,
    )


def test_both_who_make_the_same_of_it_agree(case, left_open, colleagues):
    colleagues().press(SAVE, name="Bert Testsson")
    after = left_open.press(SAVE, name="Bert Testsson")
    assert (after.status, "Inget är ändrat." in after.text) == (200, True)
    assert [event.kind for event in case.events.all()] == ["created", "details_changed"]


def test_a_time_moved_by_the_patient_meanwhile_is_theirs(case, left_open):
    to = case.callback_at + timedelta(days=1)
    callbacks.move(case, to, by=None)
    left_open.press(SAVE, reason="Recept")
    assert stored(case)["callback_at"] == to
    after = left_open.press(SAVE_TIME, callback_at=local(to + timedelta(hours=1)))
    assert "Ändrat av patienten till " in after.text


def test_a_time_that_nobody_touched_may_have_passed_since(case, left_open):
    Case.objects.update(callback_at=timezone.now() - timedelta(hours=1))
    after = left_open.press(SAVE, reason="Recept")
    assert (after.status, "Tiden har redan passerat." in after.text) == (200, False)


@pytest.mark.parametrize("shown", [None, "i morgon"], ids=["left out", "nonsense"])
@pytest.mark.parametrize("name", ["callback_at", "a_number", "personal_identity_number"])
def test_a_page_that_does_not_say_what_it_showed_changes_nothing(name, shown, case, left_open):
    before = stored(case)
    form, _ = left_open._button(button(name))
    form.fields.pop(f"initial-{name}")
    told = {f"initial-{name}": shown} if shown else {}
    assert left_open.press(button(name), **told, **{name: CHANGED[name][1]}).status == 409
    assert stored(case) == before


def test_a_page_with_something_else_wrong_keeps_what_it_was_shown_with(case, left_open, colleagues):
    wrong = left_open.press(SAVE, personal_identity_number="1", name="Berta Testsson")
    assert wrong.status == 422
    colleagues().press(SAVE, name="Bert Testsson")
    assert wrong.press(SAVE, personal_identity_number="").status == 409
    assert stored(case)["name"] == "Bert Testsson"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_the_same_field_in_the_same_moment_one_is_told(case, nurse, colleague):
    pages = {name: desk_of(user).case(case) for name, user in (("Bert", nurse), ("Berta", colleague))}
    saves = [lambda name=name, page=page: page.press(SAVE, name=name) for name, page in pages.items()]
    assert sorted(after.status for after in at_once(case, *saves)) == [200, 409]
    assert case.events.filter(kind="details_changed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_different_fields_in_the_same_moment_both_are_saved(case, nurse, colleague):
    typed = {"name": "Bert", "reason": "Recept"}
    pages = zip(typed.items(), [desk_of(user).case(case) for user in (nurse, colleague)], strict=True)
    saves = [
        lambda name=name, value=value, page=page: page.press(SAVE, **{name: value}) for (name, value), page in pages
    ]
    assert [after.status for after in at_once(case, *saves)] == [200, 200]
    assert (stored(case)["name"], stored(case)["reason"]) == ("Bert", "Recept")


# The history ---------------------------------------------------------------------------------------------------------


def test_the_history_says_from_what_to_what(case, desk):
    before, to = case.callback_at, case.callback_at + timedelta(days=1)
    rebooking(desk, case).press(SAVE_TIME, callback_at=local(to))
    page = desk.case(case).press(SAVE, name="", reason="Recept", a_number="")
    text = page.press("Spara numret", phone_number="070-174 06 06").text
    for told in (
        "Uppgifterna ändrades. Namn från ”Berit Testsson” till tomt. Kontaktorsak från ”Yrsel” till ”Recept”.",
        f"Tiden ändrades. Från {date_and_clock(before)} till {date_and_clock(to)}.",
        "Telefonnumret ändrades. Från 070-174 06 05 till 070-174 06 06.",
    ):
        assert told in text


def test_an_event_holds_values_and_no_sentence(case, nurse):
    at, to = case.callback_at, case.callback_at + timedelta(days=1)
    callbacks.save_details(case, {"a_number": Change(case.a_number, None)}, by=nurse)
    to_time(case, {"callback_at": Change(at, to)}, by=nurse, as_free=False)
    case.refresh_from_db()
    callbacks.change_number(case, Case(phone_number="+46701740606").phone_number, shown=MOBILE, by=nurse)
    told = {event.kind: event.changes for event in case.events.all()}
    assert told["details_changed"] == {"a_number": ["+46846500411", None]}
    assert told["moved"] == {"callback_at": [at.isoformat(), to.isoformat()]}
    assert told["number_changed"] == {"phone_number": [MOBILE, "+46701740606"]}
