"""Registerutdrag (GDPR article 15), removal (article 17), and the log of who has looked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from access.models import AccessEntry
from administration.patient_data import removal
from administration.patient_data.extract import Section, extract
from administration.patient_data.removal import Item
from administration.patient_data.stored import Patient, Stored
from cases import acts, callbacks
from cases.models import Case, CaseEvent, Status
from consent.models import Answer, Consent
from sms import gateway, inbound
from sms.models import InboundSms, Lane, Message, UnplacedSms
from sms.providers.base import Reply
from teleq.changes import Change
from teleq.models import Membership, Queue, User
from tests.administration.forms import text_of
from tests.cases.desk import desk_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/patient-data/"
PERSON = "191212121212"
OTHER = "+46701740606"
NUMBER = Patient(number=MOBILE)


@pytest.fixture
def case(queue) -> Case:
    at = timezone.now() + timedelta(hours=1)
    values = {"name": "Tolvan Tolvansson", "personal_identity_number": PERSON, "reason": "Yrsel", "callback_at": at}
    return callbacks.create(Case(queue=queue, phone_number=MOBILE, a_number=OTHER, **values), by=None)


@pytest.fixture
def told(case, nurse, say, provider) -> Case:
    """The patient has said Ja, been texted, and is written about."""
    say(Answer.YES)
    callbacks.send_sms(case, "Hej Tolvan!", token="1", shown=MOBILE, by=nurse)
    gateway.drain(Lane.MANUAL)
    callbacks.add_note(case, "Hör illa", by=nurse)
    return case


@pytest.fixture
def queues(queue):
    """All of the care provider's, as for its administrator: an answer counts in all of them."""
    return Queue.objects.filter(care_provider=queue.care_provider)


def reader() -> User:
    """Who gathers and removes. Whether they may is asked by the page."""
    return User.objects.get_or_create(username="vera", first_name="Vera", last_name="Vik")[0]


def section(title: str, patient: Patient, queues) -> Section:
    return next(each for each in extract(patient, queues, by=reader()) if each.title == title)


# What is in no queue -------------------------------------------------------------------------------------------------


def test_an_sms_that_could_not_be_placed_is_in_the_extract_and_goes_with_the_rest(queues, case):
    inbound.receive("kannel", Reply(MOBILE, "+46701740698", "Fel nummer?", "1"))
    inbound.receive("kannel", Reply("Vodafone", "+46701740698", "Någon annans", "2"))
    for sms in UnplacedSms.objects.all():
        inbound.hand_over_unplaced(sms.pk, case.queue.care_provider)
    for patient in (NUMBER, Patient(person=PERSON)):
        rows = section("SMS från patienten", patient, queues).rows
        assert [(row[0], row[1], row[3]) for row in rows] == [("Ingen kö", MOBILE, "Fel nummer?")]
    removal.remove(NUMBER, queues, by=reader())
    assert [sms.text for sms in UnplacedSms.objects.all()] == ["Någon annans"]


# The log -------------------------------------------------------------------------------------------------------------


def test_promise_8_who_opens_a_case_is_on_record(case, nurse):
    desk_of(nurse).case(case)
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.act, entry.case_id) == (nurse, AccessEntry.Act.VIEW, case.pk)
    assert (entry.phone_number, entry.person) == (MOBILE, PERSON)


def test_who_works_in_it_too(case, nurse):
    desk_of(nurse).case(case).press("Ta ärendet")
    looks = AccessEntry.objects.order_by("pk").values_list("act", flat=True)
    assert list(looks) == ["view", "change", "view"]


def test_nothing_that_a_client_says_keeps_a_look_off_it(case, nurse, client):
    client.force_login(nurse)
    client.get(f"/cases/{case.pk}/", headers={"HX-Request": "true", "HX-Trigger": "history"})
    assert AccessEntry.objects.get().act == "view"


@pytest.mark.parametrize(("query", "number", "person"), [("070-174 06 05", MOBILE, ""), ("19121212-1212", "", PERSON)])
def test_a_search_is_on_record_whether_or_not_it_finds(query, number, person, nurse, client):
    client.force_login(nurse)
    client.post("/cases/search/", {"query": query}, follow=True)
    entry = AccessEntry.objects.get()
    assert (entry.act, entry.phone_number, entry.person) == ("search", number, person)


def test_somebody_elses_case_is_not_seen_and_that_it_was_asked_for_is_on_record(case, outsider, client):
    client.force_login(outsider)
    assert client.get(f"/cases/{case.pk}/").status_code == 404
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.act, entry.case_id, entry.roles) == (outsider, "refused", case.pk, "")
    assert entry.care_provider == case.queue.care_provider


@pytest.mark.parametrize("change", ["update", "delete"])
def test_promise_8_the_log_is_append_only(change, case, nurse, outsider):
    desk_of(nurse).case(case)
    entries = AccessEntry.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        entries.update(user=outsider) if change == "update" else entries.delete()


# Extract -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("patient", [NUMBER, Patient(person=PERSON)], ids=["number", "person"])
def test_an_extract_has_answers_cases_notes_messages_and_who_looked(patient, told, queues, nurse):
    desk_of(nurse).case(told)
    sections = {each.title: each.rows for each in extract(patient, queues, by=reader())}
    [answer] = sections["Samtycke till SMS"]
    assert answer[:4] == ("070-174 06 05", "Vårdgivare 1", "Ja", "Registrerat")
    assert answer[6] == "Anna Lind"
    assert sections["Ärenden"][0][1:3] == ("Tolvan Tolvansson", "19121212-1212")
    assert sections["Anteckningar"][0][1:] == ("Anna Lind", "Hör illa")
    assert sections["SMS"][0][4:] == ("Anna Lind", "Hej Tolvan!", "Skickat", "Ja")
    looked = [row[1:4] for row in sections["Vem som har tagit del av uppgifterna"]]
    assert looked == [
        ("Anna Lind", "VC Spindeln Rådgivning", "Öppnade ärendet"),
        ("Vera Vik", "Vårdgivare 1", "Tog fram registerutdrag"),
    ]


def test_what_the_patient_needs_is_in_it_and_goes_with_the_case(told, queues, nurse):
    needs = {"interpreter_language": Change("", "tigrinska"), "speak_with": Change("", "kuratorn")}
    callbacks.save_details(told, needs, by=nurse)
    cases = section("Ärenden", NUMBER, queues)
    case = dict(zip(cases.columns, cases.rows[0], strict=True))
    assert (case["Behov av tolk"], case["Önskar tala med"]) == ("tigrinska", "kuratorn")
    assert any(
        "Behov av tolk från tomt till ”tigrinska”" in row[2]
        for row in section("Händelser i ärenden", NUMBER, queues).rows
    )
    acts.close(told, Status.DONE, by=nurse)
    removal.remove(NUMBER, queues, by=reader())
    assert not Case.objects.exists()
    assert section("Händelser i ärenden", NUMBER, queues).rows == []


def test_what_the_patient_has_answered_is_in_it_and_goes(told, queues, queue, nurse):
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Ring efter tolv", provider="simulator")
    sections = {each.title: each.rows for each in extract(NUMBER, queues, by=reader())}
    [answer] = sections["SMS från patienten"]
    assert (answer[1], answer[3]) == ("070-174 06 05", "Ring efter tolv")
    items = removal.remove(NUMBER, queues, by=reader())
    assert next(item for item in items if item.what == "SMS från patienten").count == 1
    assert not InboundSms.objects.exists()


def test_it_says_since_when_the_log_is_kept(told, queues):
    assert "Åtkomstlogg saknas före" in section("Vem som har tagit del av uppgifterna", NUMBER, queues).note


def test_an_answer_that_was_taken_back_is_in_it_with_its_history(told, queues, say):
    say(Answer.NO)
    assert [row[2] for row in section("Samtycke till SMS", NUMBER, queues).rows] == ["Ja", "Nej"]


def test_of_a_number_that_several_use_a_person_gets_their_own_cases(told, queue, queues):
    at = timezone.now() + timedelta(hours=2)
    other = Case(queue=queue, phone_number=MOBILE, name="Elsa", personal_identity_number="201505054385", callback_at=at)
    callbacks.create(other, by=None)
    assert [row[1] for row in section("Ärenden", Patient(person=PERSON), queues).rows] == ["Tolvan Tolvansson"]
    assert [row[1] for row in section("Ärenden", NUMBER, queues).rows] == ["Tolvan Tolvansson", "Elsa"]
    assert "också där flera använder det" in section("Samtycke till SMS", Patient(person=PERSON), queues).note


def test_a_page_to_print_and_json_say_the_same(told, office):
    page = text_of(office.post(ADDRESS, {"query": "070-174 06 05", "act": "show"}))
    assert "Tolvan Tolvansson 19121212-1212" in page
    response = office.post(ADDRESS, {"query": "070-174 06 05", "act": "json"})
    assert response["Content-Disposition"] == 'attachment; filename="registerutdrag.json"'
    assert response.json()["Ärenden"]["uppgifter"][0]["Namn"] == "Tolvan Tolvansson"
    assert AccessEntry.objects.filter(act="extract", phone_number=MOBILE).count() == 2


def test_bad_input_gets_a_message(office):
    response = office.post(ADDRESS, {"query": "070", "act": "show"})
    assert response.status_code == 422
    assert "Skriv ett helt telefonnummer eller personnummer." in text_of(response)


def test_promise_9_only_what_is_in_ones_own_queues(told, client, outsider):
    client.force_login(outsider)
    page = text_of(client.post(ADDRESS, {"query": "070-174 06 05", "act": "show"}))
    assert "Tolvan" not in page
    assert "Hej Tolvan" not in page
    assert "Vårdgivare 1" not in page


def test_promise_9_being_the_operator_opens_no_patients_data(told, client, operator):
    client.force_login(operator)
    response = client.post(ADDRESS, {"query": "070-174 06 05", "act": "show"})
    assert response.status_code == 403
    assert "Tolvan" not in text_of(response)


def test_promise_9_nurses_are_not_let_in(told, client, nurse):
    client.force_login(nurse)
    assert client.post(ADDRESS, {"query": "070-174 06 05", "act": "show"}).status_code == 403


def test_an_extract_shows_nothing_of_another_care_provider(told, queues, other_queue, outsider):
    """It did until looks were kept by care provider: who had looked at the same number elsewhere."""
    at = timezone.now() + timedelta(hours=1)
    others = Case(queue=other_queue, phone_number=MOBILE, name="Annan", personal_identity_number=PERSON, callback_at=at)
    desk_of(outsider).case(callbacks.create(others, by=None))
    desk_of(outsider).work_list().press("Sök", query=MOBILE)
    unplaced = {"sender": MOBILE, "from_number": MOBILE, "text": "Till någon annan", "provider": "kannel"}
    UnplacedSms.objects.create(care_provider=other_queue.care_provider, **unplaced)
    for patient in (NUMBER, Patient(person=PERSON)):
        written = str(extract(patient, queues, by=reader()))
        for foreign in ("Olle Ute", "Annan", "Till någon annan", "Vårdgivare 2"):
            assert foreign not in written
        assert "Olle Ute" in str(extract(patient, Queue.objects.filter(pk=other_queue.pk), by=reader()))


def test_an_answer_that_counts_in_queues_of_others_is_removed_by_the_care_providers_administrator_only(
    told, client, administrator, provider_administrator, plain_queue
):
    Membership.objects.filter(user=administrator, queue=plain_queue).delete()
    why = "Svaret gäller även för andra köer hos Vårdgivare 1; det tas bort av vårdgivarens administratör."
    client.force_login(administrator)
    for act, stays in (("plan", "Blir kvar"), ("remove", "Kvar")):
        page = text_of(client.post(ADDRESS, {"query": "070-174 06 05", "act": act}))
        assert f"Svar: Ja och Ej valt 1 {stays}: {why}" in page
    assert Consent.objects.get().answer == Answer.YES
    assert Consent.history().exists()

    client.force_login(provider_administrator)
    page = text_of(client.post(ADDRESS, {"query": "070-174 06 05", "act": "remove"}))
    assert "Svar: Ja och Ej valt 1 Borttaget" in page
    assert not Consent.objects.exists()


def test_an_extract_has_what_was_changed_and_a_removal_takes_it_away(case, nurse, queues):
    callbacks.save_details(case, {"name": Change(case.name, "Tolva Tolvansson")}, by=nurse)
    done = [act for _, _, act in section("Händelser i ärenden", NUMBER, queues).rows]
    assert done == [
        "Patienten bokade återuppringning.",
        "Uppgifterna ändrades. Namn från ”Tolvan Tolvansson” till ”Tolva Tolvansson”.",
    ]
    acts.close(case, Status.DONE, by=nurse)
    removal.remove(NUMBER, queues, by=reader())
    assert not CaseEvent.objects.exists()


# Removal -------------------------------------------------------------------------------------------------------------


def test_before_it_is_done_the_page_says_what_goes_and_what_stays_and_why(told, office):
    page = text_of(office.post(ADDRESS, {"query": "070-174 06 05", "act": "plan"}))
    assert "Pågående ärenden 1 Blir kvar: Ärendet pågår: patienten ska ringas upp." in page
    assert "Svar: Ja och Ej valt 1 Tas bort" in page
    assert "Texter i SMS 1 Tas bort" in page
    assert Consent.objects.exists()


def test_what_may_go_goes_and_the_rest_stays(told, office, nurse):
    acts.close(told, Status.DONE, by=nurse)
    page = text_of(office.post(ADDRESS, {"query": "070-174 06 05", "act": "remove"}))
    assert "Avslutade ärenden med anteckningar 1 Borttaget" in page
    assert not Case.objects.exists()
    assert not Consent.objects.exists()
    message = Message.objects.get()
    assert (message.text, message.consent_answer) == ("", "yes")
    assert [event.pk for event in Consent.history()] == [message.consent_event_id]
    assert AccessEntry.objects.filter(act="removal", phone_number=MOBILE).count() == 1


def test_an_open_case_stays_and_its_patient_is_asked_anew(told, queues, nurse):
    removal.remove(NUMBER, queues, by=reader())
    page = desk_of(nurse).case(told)
    assert "Inget svar är sparat för numret." in page.text
    assert not page.can_press("Skicka SMS")


def test_a_nej_stays_so_that_no_sms_is_sent(told, queues, say):
    say(Answer.NO)
    items = removal.remove(NUMBER, queues, by=reader())
    assert Consent.objects.get().answer == Answer.NO
    assert next(item for item in items if item.what == "Svar: Nej").kept_because == removal.WHY_NO


def test_what_is_on_its_way_stays(case, queues, accept):
    message = accept()
    removal.remove(NUMBER, queues, by=reader())
    message.refresh_from_db()
    assert message.text == "Hej!"


@pytest.mark.django_db(transaction=True)
def test_what_would_be_removed_is_told_without_a_lock(case, queues, accept):
    accept()
    assert removal.WHY_UNDER_WAY in [item.kept_because for item in removal.plan(NUMBER, queues, by=reader())]


def test_of_nobody_there_is_nothing_to_take_away(queues):
    assert removal.plan(Patient(number=OTHER), queues, by=reader()) == []


def test_a_removal_takes_nothing_of_anybody_else(told, queue, queues, say, accept, nurse):
    at = timezone.now() - timedelta(hours=1)
    callbacks.create(Case(queue=queue, phone_number=OTHER, callback_at=at, status=Status.DONE), by=None)
    say(Answer.YES, OTHER)
    accept(to_number=OTHER)
    gateway.drain(Lane.BULK)
    removal.remove(NUMBER, queues, by=reader())
    assert Case.objects.filter(phone_number=OTHER).exists()
    assert Consent.objects.get().phone_number.as_e164 == OTHER
    assert Message.objects.get(to_number=OTHER).text == "Hej!"


# A number that several use -------------------------------------------------------------------------------------------

ELSA = "201505054385"
TOLVAN = Patient(person=PERSON)


@pytest.fixture
def elsas(queue) -> Case:
    """Another person's case, on the same number."""
    at = timezone.now() + timedelta(hours=2)
    case = Case(queue=queue, phone_number=MOBILE, name="Elsa", personal_identity_number=ELSA, callback_at=at)
    return callbacks.create(case, by=None)


def told_of(items: list[Item]) -> dict[str, tuple[int, str]]:
    return {item.what: (item.count, item.kept_because) for item in items}


@pytest.mark.parametrize("whose", ["", ELSA])
def test_by_personnummer_the_answer_of_a_number_that_others_use_stays(whose, case, elsas, queues, say):
    say(Answer.YES, person=whose)
    planned, removed = removal.plan(TOLVAN, queues, by=reader()), removal.remove(TOLVAN, queues, by=reader())
    assert Consent.objects.get().answer == Answer.YES
    assert Consent.history().count() == 1
    assert told_of(planned)["Svar på nummer som också andra använder"] == (1, removal.WHY_SHARED)
    assert told_of(removed) == told_of(planned) | {
        "Poster i åtkomstloggen": (1, removal.WHY_LOG)
    }  # that it was planned


def test_by_personnummer_the_persons_own_answer_goes_though_others_use_the_number(case, elsas, queues, say):
    say(Answer.YES, person=PERSON)
    assert told_of(removal.remove(TOLVAN, queues, by=reader()))["Svar: Ja och Ej valt"] == (1, "")
    assert not Consent.objects.exists()
    assert not Consent.history().exists()


def test_by_personnummer_the_answer_of_a_number_that_nobody_else_uses_goes(case, queues, say):
    say(Answer.YES)
    removal.remove(TOLVAN, queues, by=reader())
    assert not Consent.objects.exists()


@pytest.mark.parametrize("identity", ["", ELSA])
def test_who_else_uses_it_is_asked_of_all_the_care_providers_queues(identity, case, plain_queue, queues, say):
    """Also of a case without a personnummer: whose that is, nobody knows."""
    at = timezone.now() + timedelta(hours=2)
    other = Case(queue=plain_queue, phone_number=MOBILE, personal_identity_number=identity, callback_at=at)
    callbacks.create(other, by=None)
    say(Answer.YES)
    removal.remove(TOLVAN, queues, by=reader())
    assert Consent.objects.exists()


def test_another_care_providers_patient_on_the_number_does_not_keep_it(case, other_queue, queues, say):
    at = timezone.now() + timedelta(hours=2)
    other = Case(queue=other_queue, phone_number=MOBILE, personal_identity_number=ELSA, callback_at=at)
    callbacks.create(other, by=None)
    say(Answer.YES)
    removal.remove(TOLVAN, queues, by=reader())
    assert not Consent.objects.exists()


def test_by_personnummer_what_others_may_have_texted_stays(case, elsas, queue, queues):
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Ring", provider="simulator")
    removed = told_of(removal.remove(TOLVAN, queues, by=reader()))
    assert removed["SMS från nummer som också andra använder"] == (1, removal.WHY_SHARED)
    assert InboundSms.objects.exists()


def test_by_personnummer_what_was_answered_before_by_others_stays_in_the_history(case, elsas, queues, say):
    say(Answer.YES, person=ELSA)
    with as_owner():
        Consent.objects.all().delete()
    removal.remove(TOLVAN, queues, by=reader())
    assert {event.pgh_label for event in Consent.history()} == {"insert", "delete"}


def test_by_number_all_of_it_goes_and_the_page_says_whose_it_may_be(case, elsas, office, say):
    say(Answer.YES, person=ELSA)
    page = text_of(office.post(ADDRESS, {"query": "070-174 06 05", "act": "plan"}))
    assert str(removal.OF_SEVERAL_BY_NUMBER) in page
    office.post(ADDRESS, {"query": "070-174 06 05", "act": "remove"})
    assert not Consent.objects.exists()


def test_by_personnummer_the_page_says_what_stays_since_it_may_be_somebody_elses(case, elsas, office, say):
    say(Answer.YES)
    page = text_of(office.post(ADDRESS, {"query": "19121212-1212", "act": "plan"}))
    assert str(removal.OF_SEVERAL_BY_PERSON) in page
    assert f"Svar på nummer som också andra använder 1 Blir kvar: {removal.WHY_SHARED}" in page


def test_of_a_number_that_one_person_uses_it_says_nothing_of_others(case, office):
    for query in ("070-174 06 05", "19121212-1212"):
        page = text_of(office.post(ADDRESS, {"query": query, "act": "plan"}))
        assert str(removal.OF_SEVERAL_BY_NUMBER) not in page
        assert str(removal.OF_SEVERAL_BY_PERSON) not in page


# Meanwhile -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_case_that_is_reopened_meanwhile_is_waited_for_and_stays(case, queues, nurse):
    acts.close(case, Status.DONE, by=nurse)
    with transaction.atomic():
        acts.reopen(case, by=nurse)
        removed = in_another_connection(lambda: removal.remove(NUMBER, queues, by=reader()))
        wait_until_a_connection_waits_for_a_lock()
    told = told_of(removed.result(20))
    assert Case.objects.get().is_open
    assert told["Pågående ärenden"] == (1, removal.WHY_OPEN)
    assert "Avslutade ärenden med anteckningar" not in told


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_becomes_a_nej_meanwhile_is_waited_for_and_stays(case, queues, say):
    say(Answer.YES)
    with transaction.atomic():
        say(Answer.NO)
        removed = in_another_connection(lambda: removal.remove(NUMBER, queues, by=reader()))
        wait_until_a_connection_waits_for_a_lock()
    told = told_of(removed.result(20))
    assert Consent.objects.get().answer == Answer.NO
    assert told["Svar: Nej"] == (1, removal.WHY_NO)
    assert "Svar: Ja och Ej valt" not in told


@pytest.mark.django_db(transaction=True)
def test_a_text_that_is_being_handed_over_is_waited_for_and_counted_as_what_it_became(case, queues, accept):
    message = accept()
    with transaction.atomic():
        gateway.cancel(Message.objects.filter(pk=message.pk))
        removed = in_another_connection(lambda: removal.remove(NUMBER, queues, by=reader()))
        wait_until_a_connection_waits_for_a_lock()
    assert told_of(removed.result(20))["Texter i SMS"] == (1, "")
    message.refresh_from_db()
    assert message.text == ""


@pytest.mark.parametrize("patient", [NUMBER, Patient(person=PERSON)], ids=["by number", "by personnummer"])
def test_a_patients_messages_and_looks_are_found_without_reading_everybodys(patient, queues, told):
    stored = Stored(patient, queues)
    assert stored.messages.exists()
    with connection.cursor() as cursor:
        # As in a large table: only where there is no other way. To go through a whole index beside sorted ids is one.
        for way in ("seqscan", "mergejoin", "hashjoin"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
    for rows in (stored.messages, stored.access):
        reads = list(reads_of(rows.model._meta.db_table, json.loads(rows.order_by().explain(format="json"))[0]["Plan"]))
        assert reads
        assert all("Index Cond" in read or "Recheck Cond" in read for read in reads)


def reads_of(table: str, plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """How PostgreSQL's plan reads the table, and those that are its partitions."""
    if plan.get("Relation Name", "").startswith(table):
        yield plan
    for part in plan.get("Plans", []):
        yield from reads_of(table, part)
