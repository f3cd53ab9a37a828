"""Promise 9: your queues only."""

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from cases import acts, urls
from cases.models import Case, Presence, Status
from consent.models import Answer
from teleq.models import Membership, Queue
from tests.cases.desk import OTHER_MOBILE, desk_of, in_a_month
from tests.conftest import MOBILE

ONE_CASE = [pattern.name for pattern in urls.urlpatterns if "case_id" in str(pattern.pattern)]
READS = {"case", "live", "free_times", "journal"}
WRITES = {
    "save_details": {"name": "Ny Testsson", "initial-name": "Berit Testsson"}
    | dict.fromkeys(("initial-reason", "initial-interpreter_language", "initial-speak_with"), "")
    | dict.fromkeys(("initial-a_number", "initial-personal_identity_number"), ""),
    "save_number": {"phone_number": OTHER_MOBILE, "shown_number": MOBILE},
    "save_consent": {"answer": "yes", "shown_number": MOBILE, "seen_event": ""},
    "sms": {"text": "Hej!", "shown_number": MOBILE, "token": "5f0d1f3e-6d4a-4c3c-9d0e-0d0b1f9f9a11", "send": "1"},
    "add_note": {"note_text": "Ringer igen.", "note_press": "5f0d1f3e-6d4a-4c3c-9d0e-0d0b1f9f9a12"},
    "draft": {"field": "note", "text": "Ringer"},
    "save_protection": {"reason": "Sekretessmarkering.", "shown": MOBILE},
    "rebook": {"callback_at": in_a_month()},
    "move_to_queue": {},
    "act": {"act": "take"},
    "done": {"outcome": "advice"},
    "take_over": {},
    "leave": {},
}
CHANGES_NOTHING = READS | {"leave"}


OURS = ("cases", "consent", "sms", "intake", "telephony")


def everything() -> dict[str, list]:
    """All rows of cases, consents and messages; not who has looked at them or has them open, which to read adds to."""
    models = [model for app in OURS for model in apps.get_app_config(app).get_models()]
    models.remove(Presence)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def write(name: str, case: Case) -> dict[str, object] | None:
    """What a page of the case posts, if the address takes anything."""
    seen: dict[str, object] = {}
    if name in ("act", "done", "take_over", "move_to_queue"):
        seen = {"seen_event": case.events.latest_act().pk}
    if name == "move_to_queue":
        there = {"care_provider": case.queue.care_provider, "unit": "VC Spindeln", "name": "Tidbokning"}
        seen["queue"] = Queue.objects.get_or_create(**there)[0].pk
    if name == "rebook":
        seen["initial-callback_at"] = case.callback_at.isoformat()
    return WRITES[name] | seen if name in WRITES else None


def signed_in(user) -> Client:
    return desk_of(user).client


def test_the_table_below_has_every_address_of_a_case():
    assert READS | set(WRITES) == set(ONE_CASE)


@pytest.mark.parametrize("role", ["nurse", "administrator"])
@pytest.mark.parametrize("name", ONE_CASE)
def test_a_member_is_served_in_either_role(name, role, case, colleague, request):
    if name == "take_over":
        acts.take(case, by=colleague)
    client, address = signed_in(request.getfixturevalue(role)), reverse(f"cases:{name}", args=[case.pk])
    before = everything()
    assert client.get(address).status_code == (200 if name in READS else 405)
    assert everything() == before
    assert client.post(address, write(name, case)).status_code in ((405,) if name in READS else (200, 204, 302, 422))
    assert (everything() == before) == (name in CHANGES_NOTHING)


@pytest.mark.parametrize("role", ["outsider", "superuser"])
@pytest.mark.parametrize("name", ONE_CASE)
def test_others_find_nothing_there_and_change_nothing(name, role, case, request):
    client, address = signed_in(request.getfixturevalue(role)), reverse(f"cases:{name}", args=[case.pk])
    before = everything()
    assert client.get(address).status_code == (404 if name in READS else 405)
    assert client.post(address, write(name, case)).status_code == (405 if name in READS else 404)
    assert everything() == before


@pytest.mark.parametrize("name", ONE_CASE)
def test_a_case_that_is_not_there_answers_as_one_that_is_somebody_elses(name, case, outsider):
    client = signed_in(outsider)
    send = client.get if name in READS else client.post
    for case_id in (case.pk, case.pk + 1, 10**30):
        assert send(reverse(f"cases:{name}", args=[case_id]), WRITES.get(name)).status_code == 404


@pytest.mark.parametrize("pattern", urls.urlpatterns, ids=lambda pattern: pattern.name)
def test_who_is_not_signed_in_is_sent_to_the_login(pattern, case):
    args = [case.pk] if "_id" in str(pattern.pattern) else []
    address = reverse(f"cases:{pattern.name}", args=args)
    client, before = Client(), everything()
    login = reverse("account_login")
    ways = ((client.get, None, f"{login}?next={address}"), (client.post, WRITES.get(pattern.name), login))
    for send, data, leads_to in ways:
        response = send(address, data)
        assert (response.status_code, response.url) == (302, leads_to)
        assert send(address, data, headers={"HX-Request": "true"}).status_code == 401
    assert everything() == before


@pytest.mark.parametrize("role", ["outsider", "superuser"])
@pytest.mark.parametrize("query", ["", "?queue={queue}", "?queue={queue}&status=all", "?status=all"])
def test_the_work_list_shows_others_nothing(role, query, case, queue, request):
    Queue.objects.filter(pk=queue.pk).update(unit="VC Myran")
    page = desk_of(request.getfixturevalue(role)).work_list(query.format(queue=queue.pk))
    assert (page.status, page.rows) == (200, [])
    assert case.name not in page.text
    assert "VC Myran" not in page.text


@pytest.mark.parametrize("role", ["outsider", "superuser"])
@pytest.mark.parametrize("query", [MOBILE, "191212121212"])
def test_search_finds_others_nothing(role, query, book, request, nurse):
    book(personal_identity_number="191212121212")
    page = desk_of(request.getfixturevalue(role)).work_list().press("Sök", query=query)
    assert "Inget ärende i dina köer har det numret." in page.text
    assert "Berit" not in page.text
    assert "Berit" in desk_of(nurse).work_list().press("Sök", query=query).text


def test_a_superuser_is_told_why_the_work_list_is_empty(superuser, case):
    page = desk_of(superuser).work_list()
    assert "Du är inte medlem i någon kö." in page.text
    assert "ställer du in i Admin. Till Admin" in page.text  # not "be an administrator": they are one


def test_whoever_is_not_yet_a_member_is_told_whom_to_ask(make_user):
    page = desk_of(make_user("ny", "Nina", "Ny")).work_list()
    assert "Be en administratör på din vårdenhet att lägga till dig." in page.text


def test_a_case_of_the_same_number_in_anothers_queue_is_not_told_of(case, book, other_queue, nurse, outsider):
    others = book(queue=other_queue, name="Cecilia Testsson")
    for user, own, hidden in ((nurse, case, others), (outsider, others, case)):
        desk = desk_of(user)
        for page in (desk.case(own), desk.work_list(), desk.work_list().press("Sök", query=MOBILE)):
            assert own.name in page.text
            assert "Fler ärenden på samma nummer" not in page.text
            assert hidden.name not in page.text
            assert reverse("cases:case", args=[hidden.pk]) not in page.links


def test_a_case_can_not_be_made_in_anothers_queue(queue, outsider, other_queue):
    page = desk_of(outsider).open(reverse("cases:new_case"))
    assert page.typed("queue", beside="Skapa ärendet") == str(other_queue.pk)
    before = everything()
    after = page.press("Skapa ärendet", queue=queue.pk, phone_number="070-174 06 05", callback_at=in_a_month())
    assert after.status == 422
    assert "Välj en av dina köer." in after.text
    assert everything() == before


def test_membership_counts_from_one_page_to_the_next(case, nurse, queue):
    desk = desk_of(nurse)
    page = desk.case(case)
    Membership.objects.filter(user=nurse, queue=queue).delete()
    assert desk.case(case).status == 404
    assert page.press("Ta ärendet").status == 404
    case.refresh_from_db()
    assert case.status == Status.WAITING


def test_the_answer_of_the_same_number_at_another_care_provider_is_not_shown(say, book, other_queue, outsider):
    say(Answer.NO)
    page = desk_of(outsider).case(book(queue=other_queue))
    assert "Inget svar är sparat för numret." in page.text
    assert "Samtycke till SMS ändrat" not in page.text
