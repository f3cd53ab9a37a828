"""Promise 11 in Admin: two administrators have the same page open."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client

from cases.models import ClosedDay, TelephoneHours
from intake.models import IntakeKey
from sms.models import StandardText
from teleq.changes import ChangesForm
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, User
from tests.administration.forms import shown, text_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(operator, queue, administrator, nurse, plain_queue):
    """The address of each page that changes something."""
    OutgoingSms.objects.filter(queue=queue).update(confirmation_text="Vi ringer\n{datum}.")
    text = StandardText.objects.create(queue=queue, name="ring", text="Hej.\nVi ringer.")
    Queue.objects.filter(pk=queue.pk).update(phone_number="+46846500401")
    TelephoneHours.objects.create(queue=queue, weekday=0, opens="08:00", closes="12:00")
    ClosedDay.objects.create(queue=queue, day="2031-01-02", reason="Utbildning")
    return {
        "outgoingsms": f"/admin/teleq/outgoingsms/{queue.pk}/change/",
        "standardtext": f"/admin/sms/standardtext/{text.pk}/change/",
        "queue": f"/admin/teleq/queue/{queue.pk}/change/",
        "careprovider": f"/admin/teleq/careprovider/{queue.care_provider_id}/change/",
        "user": f"/admin/teleq/user/{nurse.pk}/change/",
    }


@pytest.fixture
def operators(operator) -> Client:
    client = Client()
    client.force_login(operator)
    return client


CHANGES = [
    ("outgoingsms", {"sender": "Annan"}, {"reminder_minutes": 120}),
    ("outgoingsms", {"consent_required": None}, {"confirmation_text": "Vi ringer."}),
    ("outgoingsms", {"confirmation_text": "Vi ringer\r\n{tid}."}, {"free_text": None}),
    ("standardtext", {"name": "ring 3"}, {"text": "Hej då."}),
    ("queue", {"unit": "VC Tallen"}, {"phone_number": "08-465 004 02"}),
    ("queue", {"phone_number": ""}, {"slot_minutes": "20"}),
    ("queue", {"telephone_hours-0-closes": "13:00"}, {"telephone_hours-0-opens": "09:00"}),
    ("queue", {"closed_days-0-reason": "Städning"}, {"closed_days-0-day": "2031-01-03"}),
    ("careprovider", {"name": "Region Syd"}, {}),
    ("user", {"first_name": "Ann"}, {"last_name": "Lindh"}),
    ("user", {"is_active": None}, {"email": "anna@example.org"}),
]


def save(client: Client, address: str, form: dict, changes: dict):
    return client.post(address, {name: value for name, value in (form | changes).items() if value is not None})


def rows() -> list:
    models = (OutgoingSms, StandardText, Queue, CareProvider, User, Membership, TelephoneHours, ClosedDay)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize(("name", "theirs", "mine"), CHANGES)
def test_what_was_not_changed_on_the_page_stays_as_another_has_made_it(name, theirs, mine, page, operators):
    both_are_kept(operators, page[name], theirs, mine)


def test_a_membership_and_an_hsa_id_that_an_administrator_changes_stay_too(page, office):
    """Neither is the operator's to change alone."""
    changes = {"memberships-0-role": "administrator"}, {"hsa_id": "SE2321000016-1ABC"}
    both_are_kept(office, page["user"], *changes)


def both_are_kept(client, address, theirs, mine):
    form = shown(client.get(address))
    assert save(client, address, form, theirs).status_code == 302
    assert save(client, address, form, mine).status_code == 302
    now = shown(client.get(address))
    assert {field: now.get(field) or None for field in theirs | mine} == {
        field: (value and (value.replace("\r\n", "\n") if isinstance(value, str) else value)) or None
        for field, value in (theirs | mine).items()
    }


@pytest.mark.parametrize(
    ("name", "theirs", "mine", "told"),
    [
        ("outgoingsms", {"sender": "Annan"}, {"sender": "Tredje"}, "till ”Annan”. Du angav ”Tredje”."),
        (
            "outgoingsms",
            {"reminder_minutes": 120},
            {"reminder_minutes": "240"},
            "till 2 timmar före. Du angav 4 timmar",
        ),
        ("standardtext", {"text": "A\r\nB"}, {"text": "C"}, "till ”A B”. Du angav ”C”."),
        ("queue", {"slot_minutes": "20"}, {"slot_minutes": "30"}, "till ”20”. Du angav ”30”."),
        ("queue", {"phone_number": ""}, {"phone_number": "08-465 004 02"}, "till tomt. Du angav "),
        ("careprovider", {"name": "Region Syd"}, {"name": "Region Nord"}, "till ”Region Syd”. Du angav ”Region Nord”."),
        ("user", {"first_name": "Ann"}, {"first_name": "Anneli"}, "till ”Ann”. Du angav ”Anneli”."),
    ],
)
def test_a_field_that_both_changed_stops_the_save_and_shows_both(name, theirs, mine, told, page, operators):
    form = shown(operators.get(page[name]))
    save(operators, page[name], form, theirs)
    before = rows()
    response = save(operators, page[name], form, mine)
    assert response.status_code == 409
    assert f"Ändrat av någon annan {told}" in text_of(response)
    assert rows() == before
    again = shown(response)
    assert {field: again[field] for field in mine} == mine
    assert operators.post(page[name], again).status_code == 302
    assert rows() != before


def test_a_row_beside_is_stopped_too(page, operators):
    form = shown(operators.get(page["queue"]))
    save(operators, page["queue"], form, {"telephone_hours-0-closes": "13:00"})
    before = rows()
    response = save(operators, page["queue"], form, {"telephone_hours-0-closes": "14:00", "unit": "VC Tallen"})
    assert (response.status_code, "Ändrat av någon annan" in text_of(response)) == (409, True)
    assert rows() == before


def test_a_box_that_is_ticked_again_on_a_page_left_open_is_no_change(page, operators, queue):
    """The switch is off since; the page, which showed it on, changes the sender."""
    form = shown(operators.get(page["outgoingsms"]))
    assert form["consent_required"] == "on"
    save(operators, page["outgoingsms"], form, {"consent_required": None})
    save(operators, page["outgoingsms"], form, {"sender": "Annan"})
    outgoing_sms = OutgoingSms.objects.get(queue=queue)
    assert (outgoing_sms.consent_required, outgoing_sms.sender) == (False, "Annan")


def test_a_page_that_does_not_say_what_it_showed_changes_nothing(page, operators):
    before = rows()
    for name, changes in (("outgoingsms", {"sender": "Annan"}), ("user", {"first_name": "Ann"})):
        form = {key: value for key, value in shown(operators.get(page[name])).items() if "initial-" not in key}
        assert save(operators, page[name], form, changes).status_code == 409
    assert rows() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "model", "mine"),
    [("standardtext", StandardText, {"name": "ring 3"}), ("user", User, {"first_name": "Ann"})],
)
def test_a_change_that_is_committed_while_this_one_waits_is_seen(name, model, mine, page, operators):
    form = shown(operators.get(page[name]))
    pk = int(page[name].split("/")[-3])
    [(field, _)] = mine.items()
    with transaction.atomic():
        model.objects.filter(pk=pk).update(**{field: "Annat"})
        post = in_another_connection(lambda: save(operators, page[name], form, mine))
        wait_until_a_connection_waits_for_a_lock()
    assert post.result(20).status_code == 409
    assert getattr(model.objects.get(pk=pk), field) == "Annat"


def test_every_form_that_changes_a_row_does_so_by_what_was_changed():
    changing = [each for each in admin.site._registry.values() if each.may_change]
    forms = [each.form for each in changing] + [inline.form for each in changing for inline in each.inlines]
    assert len(forms) > 5
    assert [form for form in forms if not issubclass(form, ChangesForm)] == []


# One press -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_presses_in_the_same_moment_make_one_key(operators, care_provider):
    form = {"care_provider": care_provider.pk, "name": "Växeln"}
    address = "/admin/intake/intakekey/add/"
    with transaction.atomic():
        IntakeKey.objects.create(
            care_provider=care_provider, name="Växeln", digest="x", created_by=User.objects.first()
        )
        post = in_another_connection(lambda: operators.post(address, form))
        wait_until_a_connection_waits_for_a_lock()
    assert "Vårdgivaren har redan en giltig nyckel med det namnet." in text_of(post.result(20))
    assert IntakeKey.objects.count() == 1


def test_a_key_that_is_revoked_leaves_its_name_free(operators, care_provider):
    form = {"care_provider": care_provider.pk, "name": "Växeln"}
    operators.post("/admin/intake/intakekey/add/", form)
    assert "redan en giltig nyckel" in text_of(operators.post("/admin/intake/intakekey/add/", form))
    operators.post(f"/admin/intake/intakekey/{IntakeKey.objects.get().pk}/revoke/")
    assert operators.post("/admin/intake/intakekey/add/", form).status_code == 200
    assert IntakeKey.objects.count() == 2
