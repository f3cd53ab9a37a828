"""What administrators and operators do under the tab Admin, as the manual walks it and as the forms say it."""

from __future__ import annotations

import re

import pytest
from django.db import transaction

from administration import care_providers
from administration.outgoing_sms import not_ordered_text, save_outgoing_sms
from consent.models import ConsentText
from sms.models import StandardText
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from tests.administration.forms import errors, post_by_hand, said, save, shown, text_of
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db

WITHOUT_CONSENT = "Svaren sparas, men SMS skickas utan att samtycke krävs. Nej gäller fortfarande."


@pytest.fixture
def one_queue(administrator: User, queue: Queue) -> Queue:
    """The only queue that the administrator has."""
    administrator.memberships.exclude(queue=queue).delete()
    return queue


@pytest.fixture
def not_ordered(plain_queue: Queue) -> Queue:
    OutgoingSms.objects.update(consent_required=False)
    CareProvider.objects.update(sms_consent_ordered=False)
    return plain_queue


def settings_page(queue: Queue) -> str:
    return f"/admin/teleq/outgoingsms/{queue.pk}/change/"


def is_on(queue: Queue) -> bool:
    return OutgoingSms.objects.get(queue=queue).consent_required


def memberships(*rows: dict[str, object], existing: int = 0) -> dict[str, object]:
    data: dict[str, object] = {"memberships-TOTAL_FORMS": len(rows), "memberships-INITIAL_FORMS": existing}
    data |= {"provider_roles-TOTAL_FORMS": 0, "provider_roles-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        data |= {f"memberships-{number}-{name}": value for name, value in row.items()}
    return data


# Utgående SMS --------------------------------------------------------------------------------------------------------


def test_the_manuals_way_with_one_queue_admin_utgaende_sms_tick_save(office, one_queue):
    OutgoingSms.objects.update(consent_required=False)
    assert "Admin" in text_of(office.get("/"))
    assert "Utgående SMS" in text_of(office.get("/admin/"))
    form = office.get("/admin/teleq/outgoingsms/", follow=True)
    assert form.redirect_chain == [(settings_page(one_queue), 302)]
    assert next(iter(form.context["adminform"].form.fields)) == "consent_required"
    assert "Aktivera samtycke till SMS" in text_of(form)

    saved = office.post(settings_page(one_queue), shown(form) | {"consent_required": "on"}, follow=True)

    assert is_on(one_queue)
    assert "Sparat: utgående SMS" in text_of(saved)  # said once, on the form one lands on
    assert saved.redirect_chain[-1][0] == settings_page(one_queue)


def test_with_several_queues_the_click_opens_a_list_that_says_where_it_is_on(office, queue, plain_queue):
    page = office.get("/admin/teleq/outgoingsms/")
    assert page.status_code == 200
    text = text_of(page)
    assert f"{queue} Aktiverat" in text
    assert f"{plain_queue} Inte aktiverat" in text


def test_until_the_function_is_ordered_the_box_is_shut_and_says_why(office, not_ordered):
    page = office.get(settings_page(not_ordered))
    box = re.search(r'<input type="checkbox" name="consent_required"[^>]*>', page.content.decode()).group()
    assert "disabled" in box
    assert not_ordered_text(not_ordered.care_provider) in text_of(page)
    assert 'aria-describedby="id_consent_required_helptext"' in box


def test_a_tick_posted_by_hand_before_the_order_gets_the_reason_and_stores_nothing(office, not_ordered):
    response = save(office, settings_page(not_ordered), consent_required="on", sender="Annan")
    assert errors(response, "consent_required") == [not_ordered_text(not_ordered.care_provider)]
    assert not is_on(not_ordered)
    assert OutgoingSms.objects.get(queue=not_ordered).sender == "teleQ"


def test_the_sender_can_be_changed_while_the_function_is_not_ordered(office, not_ordered):
    response = save(office, settings_page(not_ordered), sender="VCSpindeln")
    assert OutgoingSms.objects.get(queue=not_ordered).sender == "VCSpindeln"
    assert WITHOUT_CONSENT not in said(response)


@pytest.mark.django_db(transaction=True)
def test_an_order_withdrawn_while_the_tick_is_being_saved_is_told_and_stores_nothing(office, plain_queue):
    provider = plain_queue.care_provider
    form = shown(office.get(settings_page(plain_queue))) | {"consent_required": "on", "sender": "Annan"}
    with transaction.atomic():
        OutgoingSms.objects.update(consent_required=False)
        provider.sms_consent_ordered = False
        care_providers.save_care_provider(provider)
        post = in_another_connection(lambda: office.post(settings_page(plain_queue), form))
        wait_until_a_connection_waits_for_a_lock()
    assert said(post.result(10)) == [not_ordered_text(provider)]
    assert not is_on(plain_queue)


def test_unticking_says_what_it_means_before_and_after(office, queue):
    assert WITHOUT_CONSENT in text_of(office.get(settings_page(queue)))
    response = save(office, settings_page(queue), consent_required=None)
    assert not is_on(queue)
    assert WITHOUT_CONSENT in said(response)


# Vårdgivare ----------------------------------------------------------------------------------------------------------


def test_the_operator_orders_the_function(client, operator, not_ordered):
    client.force_login(operator)
    provider = not_ordered.care_provider
    post = {"name": provider.name, "sms_consent_ordered": "on"}
    assert post_by_hand(client, f"/admin/teleq/careprovider/{provider.pk}/change/", post).status_code == 302
    provider.refresh_from_db()
    assert provider.sms_consent_ordered


def test_the_order_is_not_withdrawn_while_a_queue_has_it_on(client, operator, queue):
    client.force_login(operator)
    provider, address = queue.care_provider, f"/admin/teleq/careprovider/{queue.care_provider_id}/change/"
    response = post_by_hand(client, address, {"name": "Nytt namn"})
    assert response.context["adminform"].errors["sms_consent_ordered"] == [care_providers.in_use_text(provider)]
    provider.refresh_from_db()
    assert provider.sms_consent_ordered
    assert provider.name != "Nytt namn"

    OutgoingSms.objects.update(consent_required=False)
    assert post_by_hand(client, address, {"name": provider.name}).status_code == 302
    provider.refresh_from_db()
    assert not provider.sms_consent_ordered


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_turns_it_on_while_the_order_is_being_withdrawn_keeps_the_order(client, operator, plain_queue):
    client.force_login(operator)
    provider = plain_queue.care_provider
    address = f"/admin/teleq/careprovider/{provider.pk}/change/"
    with transaction.atomic():
        form = shown(client.get(address)) | {"sms_consent_ordered": ""}
        plain_queue.outgoing_sms.consent_required = True
        save_outgoing_sms(plain_queue.outgoing_sms)
        post = in_another_connection(lambda: client.post(address, form))
        wait_until_a_connection_waits_for_a_lock()
    assert said(post.result(10)) == [care_providers.in_use_text(provider)]
    provider.refresh_from_db()
    assert provider.sms_consent_ordered
    assert is_on(plain_queue)


# Användare -----------------------------------------------------------------------------------------------------------


def test_an_administrators_new_user_works_in_one_of_their_queues(office, queue):
    person = {"username": "nyanna"}
    response = office.post("/admin/teleq/user/add/", {**person, **memberships({"queue": "", "role": Role.NURSE})})
    assert "Välj minst en kö." in text_of(response)
    assert not User.objects.filter(username="nyanna").exists()

    added = {**person, **memberships({"queue": queue.pk, "role": Role.NURSE})}
    assert "Länk för nyanna" in text_of(office.post("/admin/teleq/user/add/", added))
    assert User.objects.get(username="nyanna").queues.get() == queue


def test_a_user_name_that_differs_in_case_only_is_taken(office, nurse, queue):
    added = {"username": nurse.username.upper(), **memberships({"queue": queue.pk, "role": Role.NURSE})}
    response = office.post("/admin/teleq/user/add/", added)
    assert errors(response, "username") == ["En användare med det användarnamnet finns redan."]


def test_a_membership_is_given_and_ended(office, nurse, queue, plain_queue):
    address = f"/admin/teleq/user/{nurse.pk}/change/"
    first, second = nurse.memberships.get(queue=queue), nurse.memberships.get(queue=plain_queue)
    person = {"username": nurse.username, "is_active": "on"}
    rows = [{"id": each.pk, "user": nurse.pk, "role": Role.NURSE} for each in (first, second)]
    assert post_by_hand(
        office, address, {**person, **memberships(rows[0], {**rows[1], "DELETE": "on"}, existing=2)}
    ).url
    assert list(nurse.queues.all()) == [queue]
    given = {"queue": plain_queue.pk, "role": Role.ADMINISTRATOR}
    assert post_by_hand(office, address, {**person, **memberships(rows[0], given, existing=1)}).url
    assert nurse.memberships.get(queue=plain_queue).role == Role.ADMINISTRATOR


def test_a_user_is_deactivated_and_can_no_longer_log_in(office, nurse):
    address = f"/admin/teleq/user/{nurse.pk}/change/"
    assert post_by_hand(office, address, {"username": nurse.username, **memberships()}).status_code == 302
    nurse.refresh_from_db()
    assert not nurse.is_active


@pytest.mark.parametrize("leaving", [{"DELETE": "on"}, {"role": Role.NURSE}])
def test_a_queues_last_administrator_does_not_leave_it_without_one(leaving, office, administrator, one_queue, nurse):
    address, own = f"/admin/teleq/user/{administrator.pk}/change/", administrator.memberships.get()
    row = {"id": own.pk, "user": administrator.pk, "role": Role.ADMINISTRATOR, **leaving}
    post = {"username": administrator.username, "is_active": "on", **memberships(row, existing=1)}
    assert f"{one_queue} skulle sakna administratör." in text_of(post_by_hand(office, address, post))
    own.refresh_from_db()
    assert own.role == Role.ADMINISTRATOR

    Membership.objects.filter(user=nurse, queue=one_queue).update(role=Role.ADMINISTRATOR)
    User.objects.filter(pk=nurse.pk).update(is_active=False)
    assert "skulle sakna administratör." in text_of(post_by_hand(office, address, post))
    User.objects.filter(pk=nurse.pk).update(is_active=True)
    assert post_by_hand(office, address, post).status_code == 302
    assert not administrator.memberships.filter(role=Role.ADMINISTRATOR).exists()


@pytest.mark.parametrize("existing", [0, 2])
def test_a_queues_last_administrator_does_not_deactivate_themselves(existing, office, administrator):
    """Nor by leaving the memberships out of what is posted."""
    rows = [{"id": each.pk, "user": administrator.pk, "role": each.role} for each in administrator.memberships.all()]
    post = {"username": administrator.username, **memberships(*rows[:existing], existing=existing)}
    assert "skulle sakna administratör." in text_of(
        post_by_hand(office, f"/admin/teleq/user/{administrator.pk}/change/", post)
    )
    administrator.refresh_from_db()
    assert administrator.is_active


def test_the_operator_may_make_a_user_without_queues_and_close_a_unit(client, operator, administrator):
    client.force_login(operator)
    person = {"username": "nyanna"}
    assert "Länk för nyanna" in text_of(client.post("/admin/teleq/user/add/", {**person, **memberships()}))
    post = {"username": administrator.username, **memberships()}
    assert post_by_hand(client, f"/admin/teleq/user/{administrator.pk}/change/", post).status_code == 302
    administrator.refresh_from_db()
    assert not administrator.is_active


# Texter --------------------------------------------------------------------------------------------------------------


def test_a_standard_text_is_stored_as_it_will_be_sent_and_its_length_stands_in_the_list(office, queue):
    decomposed = "  Va\u030ardcentralen\r\nringer igen.  "
    post = {"queue": queue.pk, "name": "ring 3 gånger", "text": decomposed}
    assert office.post("/admin/sms/standardtext/add/", post).status_code == 302
    assert StandardText.objects.get().text == "Vårdcentralen\nringer igen."
    assert "26 av 160 tecken – 1 SMS" in text_of(office.get("/admin/sms/standardtext/"))


def test_a_standard_text_too_long_to_send_is_refused_with_its_length_and_the_limit(office, queue):
    post = {"queue": queue.pk, "name": "lång", "text": "ł" * 500}  # in no GSM alphabet: 67 to a part
    [error] = office.post("/admin/sms/standardtext/add/", post).context["adminform"].errors["text"]
    assert error == "Meddelandet är för långt: 500 av 536 tecken – 8 SMS. Högst 6 SMS får skickas."
    post["text"] = "a" * 919
    assert office.post("/admin/sms/standardtext/add/", post).context["adminform"].errors["text"]
    assert not StandardText.objects.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Vi ringer {tid}.", "{tid} fylls inte i här, utan bara i bokningsbekräftelser och påminnelser."),
        ("Hej 19121212\u22121212!", "Meddelandet innehåller ett personnummer."),
        ("\u200b\u2060", "Skriv ett meddelande."),
    ],
)
def test_a_standard_text_that_could_not_be_sent_is_not_saved_and_says_why(text, problem, office, queue):
    post = {"queue": queue.pk, "name": "ring", "text": text}
    [error] = office.post("/admin/sms/standardtext/add/", post).context["adminform"].errors["text"]
    assert error.startswith(problem)
    assert not StandardText.objects.exists()


def test_a_standard_text_is_renamed_moved_between_own_queues_and_deleted(office, queue, plain_queue):
    text = StandardText.objects.create(queue=queue, name="ring", text="Hej.")
    address = f"/admin/sms/standardtext/{text.pk}"
    moved = {"queue": plain_queue.pk, "name": "ring 3 gånger", "text": "Hej."}
    assert post_by_hand(office, f"{address}/change/", moved).status_code == 302
    text.refresh_from_db()
    assert (text.queue, text.name) == (plain_queue, "ring 3 gånger")
    assert office.post(f"{address}/delete/", {"post": "yes"}).status_code == 302
    assert not StandardText.objects.exists()


def test_a_new_wording_is_a_new_row_and_the_list_says_which_one_is_read_out(
    office, care_provider, provider_administrator
):
    old = ConsentText.objects.get()
    office.force_login(provider_administrator)
    post = {"care_provider": care_provider.pk, "text": "Får vi skicka SMS till dig?"}
    assert office.post("/admin/consent/consenttext/add/", post).status_code == 302
    assert ConsentText.objects.current(care_provider.pk).text == "Får vi skicka SMS till dig?"
    assert ConsentText.objects.filter(pk=old.pk, text=old.text).exists()
    text = text_of(office.get("/admin/consent/consenttext/"))
    assert re.search(r"Får vi skicka SMS till dig\? .{1,40} Ja .*på det här numret\? .{1,40} Nej, ersatt", text)


# Every page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def several_queues(queue: Queue, plain_queue: Queue) -> None: ...


PAGES = [
    "/admin/",
    "/admin/teleq/outgoingsms/",
    "/admin/teleq/queue/",
    "/admin/teleq/queue/add/",
    "/admin/teleq/user/",
    "/admin/teleq/user/add/",
    "/admin/sms/standardtext/",
    "/admin/sms/standardtext/add/",
    "/admin/consent/consenttext/",
    "/admin/consent/consenttext/add/",
    "/admin/teleq/careprovider/",
    "/admin/teleq/careprovider/add/",
    "/admin/intake/intakekey/",
    "/admin/intake/intakekey/add/",
    "/admin/unplaced-sms/",
    "/admin/access/signin/",
    "/admin/access/rightschange/",
    "/admin/second-person/",
]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_has_one_heading_the_way_back_and_no_script_or_style_of_its_own(
    address, client, operator, several_queues
):
    client.force_login(operator)
    body = client.get(address).content.decode()
    assert body.count("<h1") == 1
    assert '<a href="/">Arbetslista</a>' in body
    assert 'action="/logout/"' in body
    # The content security policy would stop them, and the page would be broken for everybody.
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)[^>]*>\s*\S", body)


@pytest.mark.parametrize("address", PAGES[:10])
def test_a_page_costs_few_queries(address, office, several_queues, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        office.get(address)
