"""Skyddade personuppgifter in Admin: registerutdrag, removal, retention, the dry run; and the box of other queues."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from administration.models import RetentionRun
from administration.patient_data import removal
from administration.patient_data.extract import extract
from administration.patient_data.stored import Patient
from cases import acts
from cases.models import Case, ProtectionMark, Status
from consent.models import Answer
from sms import inbound
from sms.models import UnplacedSms
from sms.providers.base import Reply
from teleq.models import Membership, Queue
from tests.administration.forms import text_of
from tests.cases.desk import OTHER_MOBILE
from tests.cases.protecting import WHY, end, is_protected, mark
from tests.cases.reminding import turn_on
from tests.conftest import MOBILE
from tests.database_roles import a_night_goes_by

pytestmark = pytest.mark.django_db

PERSON, OTHER_PERSON = "191212121212", "201505054385"
NUMBER, TOLVAN = Patient(number=MOBILE), Patient(person=PERSON)
CHECK, PROVIDER = "/admin/teleq/outgoingsms/check/", "/admin/teleq/careprovider/{}/change/"
MARKS = "Markering om skyddade personuppgifter"


@pytest.fixture
def marked(book, nurse) -> Case:
    case = book(personal_identity_number=PERSON)
    mark(case, nurse)
    return case


@pytest.fixture
def queues(queue):
    return Queue.objects.filter(care_provider=queue.care_provider)


def marks_left() -> list[str]:
    return sorted(ProtectionMark.objects.values_list("identifier", flat=True))


def told(items: list[removal.Item]) -> list[tuple[int, str]]:
    return [(item.count, item.kept_because) for item in items if item.what == MARKS]


# Extract -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patient", [NUMBER, TOLVAN], ids=["number", "person"])
def test_the_extract_tells_who_marked_and_who_ended_it(patient, marked, administrator, queues):
    end(marked, administrator)
    [section] = [
        each for each in extract(patient, queues, by=administrator) if each.title == "Skyddade personuppgifter"
    ]
    rows = [(row[0], row[1], row[3], row[4], row[6], row[7]) for row in section.rows]
    by = ("Vårdgivare 1", "Anna Lind", WHY, "Maria Ek", "Markeringen är hävd.")
    number, person = ("telefonnumret 070-174 06 05", *by), ("personnumret 19121212-1212", *by)
    assert sorted(rows) == ([number] if patient is NUMBER else [person, number])


def test_it_tells_nothing_of_another_care_providers(marked, book, other_queue, outsider, administrator):
    theirs = Queue.objects.filter(pk=other_queue.pk)
    assert WHY not in str(extract(NUMBER, theirs, by=outsider))


# Removal -------------------------------------------------------------------------------------------------------------


def test_a_removal_takes_the_marks_and_their_history(marked, administrator, nurse, queues):
    acts.close(marked, Status.DONE, by=nurse)
    assert told(removal.plan(TOLVAN, queues, by=administrator)) == [(2, "")]
    removal.remove(TOLVAN, queues, by=administrator)
    assert marks_left() == []
    assert not ProtectionMark.history().exists()


def test_a_mark_that_protects_a_case_that_stays_stays_with_it(marked, administrator, queues):
    items = removal.remove(TOLVAN, queues, by=administrator)
    assert told(items) == [(2, "Markeringen skyddar ett ärende som pågår.")]
    assert is_protected(marked)


def test_of_a_number_that_others_use_a_persons_removal_takes_the_persons_mark_only(
    marked, book, administrator, nurse, queues
):
    book(personal_identity_number=OTHER_PERSON)
    acts.close(marked, Status.DONE, by=nurse)
    removal.remove(TOLVAN, queues, by=administrator)
    assert marks_left() == [MOBILE]


def test_a_mark_counts_in_all_queues_and_goes_only_for_who_administers_them_all(marked, administrator, nurse, queue):
    acts.close(marked, Status.DONE, by=nurse)
    Queue.objects.create(care_provider=queue.care_provider, unit="VC Spindeln", name="Barn")
    some = Queue.objects.filter(pk=queue.pk)
    why = "Markeringen gäller även för andra köer hos Vårdgivare 1; den tas bort av vårdgivarens administratör."
    assert told(removal.remove(TOLVAN, some, by=administrator)) == [(2, why)]
    assert marks_left() == [MOBILE, PERSON]


# Retention -----------------------------------------------------------------------------------------------------------


def test_a_mark_that_was_ended_goes_as_late_as_the_log_and_one_in_force_never(marked, administrator, book, nurse):
    end(marked, administrator)
    other = book(phone_number=OTHER_MOBILE)
    mark(other, nurse)
    long_ago = timezone.now() - settings.KEEP_ACCESS_LOG - timedelta(days=1)
    ProtectionMark.objects.update(marked_at=long_ago)
    a_night_goes_by()
    assert marks_left() == [MOBILE, OTHER_MOBILE, PERSON]
    ProtectionMark.objects.exclude(ended_at=None).update(ended_at=long_ago)
    a_night_goes_by()
    assert marks_left() == [OTHER_MOBILE]
    assert set(ProtectionMark.history().values_list("identifier", flat=True)) == {OTHER_MOBILE}
    assert RetentionRun.objects.latest("pk").removed["markeringar"] == 2


# What an SMS would become --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("manual", "Ja, SMS:et skulle skickas."),
        ("confirmation", "Nej: numret är markerat med skyddade personuppgifter. Inga automatiska SMS skickas."),
        ("reminder", "Nej: numret är markerat med skyddade personuppgifter. Inga automatiska SMS skickas."),
    ],
)
def test_a_dry_run_says_what_planning_does(kind, answer, marked, office, queue, say):
    turn_on(queue)
    say(Answer.YES)
    page = office.post(CHECK, {"phone_number": "070-174 06 05", "queue": queue.pk, "kind": kind})
    assert answer in text_of(page)


def test_an_opened_sms_that_could_not_be_placed_says_that_its_number_is_marked(
    marked, client, provider_administrator, care_provider
):
    client.force_login(provider_administrator)
    for number in (MOBILE, OTHER_MOBILE):
        inbound.receive("kannel", Reply(number, "+46701740698", "Hej", number))
        sms = UnplacedSms.objects.latest("pk")
        inbound.hand_over_unplaced(sms.pk, care_provider)
        page = text_of(client.post("/admin/unplaced-sms/", {"sms": sms.pk}))
        assert ("Skyddade personuppgifter" in page) == (number == MOBILE)


# The box of Öppna ärende i annan kö ----------------------------------------------------------------------------------


def test_the_operator_ticks_the_box_of_a_care_provider(client, operator, care_provider, nurse, book):
    elsewhere = Queue.objects.create(care_provider=care_provider, unit="VC Spindeln", name="Barn")
    case = book(queue=elsewhere)
    client.force_login(operator)
    address = PROVIDER.format(care_provider.pk)
    assert "Tillåt att ärenden öppnas i annan kö, med angiven anledning" in text_of(client.get(address))
    posted = {"name": "Vårdgivare 1", "sms_consent_ordered": "on", "opens_other_queues": "on"}
    shown = {
        "initial-name": "Vårdgivare 1",
        "initial-sms_consent_ordered": "True",
        "initial-opens_other_queues": "False",
    }
    assert not Case.objects.in_other_queues_for(nurse).exists()
    assert client.post(address, posted | shown).status_code == 302
    assert list(Case.objects.in_other_queues_for(nurse)) == [case]
    Membership.objects.create(user=nurse, queue=elsewhere)
    assert not Case.objects.in_other_queues_for(nurse).exists()
