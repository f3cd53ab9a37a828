"""Promise 9 in Admin: what someone sees and changes there follows from the queues they administer, nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from access.models import RightsChange, SignIn
from administration.models import RetentionRun
from administration.queues import create_queue
from cases.models import ClosedDay, TelephoneHours
from consent.models import ConsentText
from intake.keys import make_key
from intake.models import IntakeKey
from sms.models import StandardText
from telephony.models import Announcement, Menu, PatientsNumber, QueueByPhone
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from tests.administration.forms import post_by_hand, save, shown
from tests.database_roles import as_owner

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def standard_text(queue: Queue) -> StandardText:
    return StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Hej.")


@pytest.fixture
def consent_text(care_provider: CareProvider) -> ConsentText:
    return ConsentText.objects.get(care_provider=care_provider)


@pytest.fixture
def intake_key(care_provider: CareProvider, operator: User) -> IntakeKey:
    key = IntakeKey(care_provider=care_provider, name="Växeln")
    make_key(key, by=operator)
    return key


@pytest.fixture
def elsewhere(care_provider: CareProvider) -> Queue:
    """A queue of the same care provider that the administrator does not administer."""
    return create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name="Rådgivning"))


@pytest.fixture
def colleague(make_user: Callable[..., User], queue: Queue, elsewhere: Queue) -> User:
    """Works in the administrator's queue and in one that is not the administrator's."""
    user = make_user("colleague", "Kim", "Berg")
    Membership.objects.create(user=user, queue=queue)
    Membership.objects.create(user=user, queue=elsewhere)
    return user


@pytest.fixture
def signed_in(client: Client, request: pytest.FixtureRequest):
    def sign_in(who: str) -> Client:
        if who != "anonymous":
            client.force_login(request.getfixturevalue(who))
        return client

    return sign_in


def memberships(*rows: dict[str, object], existing: int = 0) -> dict[str, object]:
    """The memberships' part of a user's form, as a browser posts it."""
    data: dict[str, object] = {"memberships-TOTAL_FORMS": len(rows), "memberships-INITIAL_FORMS": existing}
    data |= {"provider_roles-TOTAL_FORMS": 0, "provider_roles-INITIAL_FORMS": 0}
    for number, row in enumerate(rows):
        data |= {f"memberships-{number}-{name}": value for name, value in row.items()}
    return data


def powers(user: User) -> list[object]:
    """What Django itself could let the user do."""
    flags = [name for name in ("is_staff", "is_superuser") if getattr(user, name)]
    return [*flags, *user.groups.all(), *user.user_permissions.all()]


# Who sees which page -------------------------------------------------------------------------------------------------

SEEN = {"anonymous": 302, "nurse": 403, "administrator": 200, "outsider": 404, "operator": 200}
EVERY_ADMINISTRATOR = {**SEEN, "outsider": 200}
OPERATOR_ONLY = {"anonymous": 302, "nurse": 403, "administrator": 403, "outsider": 403, "operator": 200}
NOBODY = {"anonymous": 302, "nurse": 403, "administrator": 403, "outsider": 403, "operator": 403}
NOBODY_AND_NOT_FOUND = {**NOBODY, "outsider": 404}

PAGES = [
    ("admin:index", None, EVERY_ADMINISTRATOR),
    ("admin:access_signin_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:access_rightschange_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:second_person", None, EVERY_ADMINISTRATOR),
    ("admin:teleq_outgoingsms_change", "queue", SEEN),
    ("admin:teleq_outgoingsms_history", "queue", SEEN),
    ("admin:teleq_outgoingsms_add", None, NOBODY),
    ("admin:teleq_outgoingsms_delete", "queue", NOBODY_AND_NOT_FOUND),
    ("admin:sms_standardtext_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:sms_standardtext_add", None, EVERY_ADMINISTRATOR),
    ("admin:sms_standardtext_change", "standard_text", SEEN),
    ("admin:sms_standardtext_delete", "standard_text", SEEN),
    ("admin:teleq_queue_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:teleq_queue_add", None, EVERY_ADMINISTRATOR),
    ("admin:teleq_queue_change", "queue", SEEN),
    ("admin:teleq_queue_delete", "queue", NOBODY_AND_NOT_FOUND),
    ("admin:teleq_user_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:teleq_user_add", None, EVERY_ADMINISTRATOR),
    ("admin:teleq_user_change", "nurse", SEEN),
    ("admin:teleq_user_invitation", "nurse", SEEN),
    ("admin:teleq_user_invitation", "colleague", {**SEEN, "administrator": 403}),
    ("admin:teleq_user_invitation", "operator", {**OPERATOR_ONLY, "administrator": 404, "outsider": 404}),
    ("admin:teleq_user_second_factor", "nurse", SEEN),
    ("admin:teleq_user_second_factor", "colleague", SEEN),
    ("admin:teleq_user_second_factor", "operator", {**NOBODY, "administrator": 404, "outsider": 404}),
    ("admin:teleq_user_history", "nurse", OPERATOR_ONLY),
    ("admin:teleq_user_delete", "nurse", NOBODY_AND_NOT_FOUND),
    ("admin:consent_consenttext_changelist", None, EVERY_ADMINISTRATOR),
    ("admin:consent_consenttext_add", None, {**EVERY_ADMINISTRATOR, "operator": 403}),
    ("admin:consent_consenttext_change", "consent_text", SEEN),
    ("admin:consent_consenttext_delete", "consent_text", NOBODY_AND_NOT_FOUND),
    ("admin:teleq_careprovider_changelist", None, OPERATOR_ONLY),
    ("admin:teleq_careprovider_add", None, OPERATOR_ONLY),
    ("admin:teleq_careprovider_change", "care_provider", {**OPERATOR_ONLY, "outsider": 404}),
    ("admin:teleq_careprovider_delete", "care_provider", NOBODY_AND_NOT_FOUND),
    ("admin:operations", None, OPERATOR_ONLY),
    ("admin:runbook", None, OPERATOR_ONLY),
    ("admin:stopped_sms", None, {**EVERY_ADMINISTRATOR, "operator": 403}),
    ("admin:lost_callbacks", None, {**EVERY_ADMINISTRATOR, "operator": 403}),
    ("admin:unplaced_sms", None, OPERATOR_ONLY),
    ("admin:reserve", None, OPERATOR_ONLY),
    ("admin:intake_intakekey_changelist", None, OPERATOR_ONLY),
    ("admin:intake_intakekey_add", None, OPERATOR_ONLY),
    ("admin:intake_intakekey_change", "intake_key", {**OPERATOR_ONLY, "outsider": 404}),
    ("admin:intake_intakekey_history", "intake_key", {**OPERATOR_ONLY, "outsider": 404}),
    ("admin:intake_intakekey_revoke", "intake_key", {**OPERATOR_ONLY, "outsider": 404}),
    ("admin:intake_intakekey_delete", "intake_key", NOBODY_AND_NOT_FOUND),
]


@pytest.mark.parametrize("who", ["anonymous", "nurse", "administrator", "outsider", "operator"])
@pytest.mark.parametrize(("view", "of", "answers"), PAGES)
def test_a_page_opens_for_those_whose_queue_it_is(*, who, view, of, answers, signed_in, request):
    args = [request.getfixturevalue(of).pk] if of else []
    assert signed_in(who).get(reverse(view, args=args)).status_code == answers[who]


def test_no_patients_data_is_in_admin():
    assert set(admin.site._registry) == {
        *(OutgoingSms, StandardText, Queue, User, ConsentText),
        *(CareProvider, IntakeKey, RetentionRun),
        *(SignIn, RightsChange),
        *(PatientsNumber, Menu, Announcement, QueueByPhone),
    }


def test_admin_shows_utgaende_sms_first(signed_in, administrator, operator):
    """The operator has no page with patients, nor others' rights to go through: none is theirs."""
    names = [
        "Utgående SMS",
        "Statistik",
        "Stoppade SMS",
        "Pågående ärenden",
        "Registerutdrag",
        "Behörigheter att gå igenom",
        "Väntar på en andra person",
        "Standardtexter",
        "Köer",
        "Användare",
        "Texter att läsa upp",
        "Inloggningar",
        "Ändrade behörigheter",
        "Skulle det här SMS:et skickas?",
        "Bokning i telefonmeny",
    ]

    def shown(client: Client) -> list[str]:
        return [each["name"] for group in client.get("/admin/").context["app_list"] for each in group["models"]]

    client = signed_in("administrator")
    assert shown(client)[0] == "Utgående SMS"
    assert sorted(shown(client)) == sorted(names)
    client.force_login(operator)
    assert shown(client)[0] == "Utgående SMS"
    of_patients = ("Pågående ärenden", "Registerutdrag", "Stoppade SMS", "Skulle det här SMS:et skickas?")
    others = (*of_patients, "Behörigheter att gå igenom")
    assert sorted(shown(client)) == sorted(
        [
            *(each for each in names if each not in others),
            "Vårdgivare",
            "Nycklar för telefonsystem",
            "Gallring",
            "Driftläge",
            "Stoppa alla utskick",
            "SMS som inte kunde placeras",
            "Reservrutin",
            *("Telefonnummer för patienter", "Menyer", "Egna meddelanden"),
        ]
    )


def test_whoever_is_not_logged_in_comes_to_the_products_own_login_and_then_where_they_were_going(client):
    response = client.get("/admin/teleq/queue/", follow=True)
    assert response.redirect_chain[-1][0] == "/login/?next=/admin/teleq/queue/"
    assert client.post("/admin/login/", {"username": "x", "password": "y"}).url == "/login/?next=/admin/"


def test_a_nurse_is_told_why_and_not_sent_round_to_the_login(signed_in):
    client = signed_in("nurse")
    for address in ("/admin/", "/admin/login/?next=/admin/"):
        response = client.get(address)
        assert response.status_code == 403
        assert "Du behöver vara inloggad som Administratör" in response.content.decode()


def test_is_staff_groups_and_djangos_permissions_open_nothing(signed_in, nurse, queue):
    with as_owner():  # the product has no right to these tables
        group = Group.objects.create(name="alla")
        group.permissions.set(Permission.objects.all())
        nurse.groups.add(group)
        nurse.user_permissions.set(Permission.objects.all())
    User.objects.filter(pk=nurse.pk).update(is_staff=True)
    assert signed_in("nurse").get(reverse("admin:teleq_queue_change", args=[queue.pk])).status_code == 403


def test_a_membership_that_ends_shuts_admin_at_the_next_click(signed_in, administrator):
    client = signed_in("administrator")
    assert client.get("/admin/").status_code == 200
    Membership.objects.filter(user=administrator).update(role=Role.NURSE)
    assert client.get("/admin/").status_code == 403


# What stands in lists and choices ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        "teleq_queue_changelist",
        "teleq_user_changelist",
        "sms_standardtext_changelist",
        "sms_standardtext_add",
        "consent_consenttext_changelist",
        "consent_consenttext_add",
        "teleq_queue_add",
        "teleq_user_add",
    ],
)
def test_lists_and_choices_hold_nothing_of_other_care_providers(
    *, view, signed_in, outsider, queue, nurse, standard_text, consent_text
):
    User.objects.filter(pk=nurse.pk).update(username="zsofia")
    Queue.objects.filter(pk=queue.pk).update(unit="VC Tallen")
    body = signed_in("outsider").get(reverse(f"admin:{view}")).content.decode()
    for foreign in ("VC Tallen", "zsofia", standard_text.name, consent_text.text, "Vårdgivare 1"):
        assert foreign not in body


def test_a_colleagues_memberships_elsewhere_are_not_shown(signed_in, colleague, administrator, elsewhere):
    client = signed_in("administrator")
    for address in ("/admin/teleq/user/", f"/admin/teleq/user/{colleague.pk}/change/"):
        body = client.get(address).content.decode()
        assert colleague.username in body
        assert str(elsewhere) not in body


def test_an_address_made_by_hand_filters_by_nothing_else(signed_in):
    client = signed_in("administrator")
    for query in ("is_superuser__exact=1", "password__startswith=p", "memberships__queue__name=x", "groups=1"):
        assert client.get(f"/admin/teleq/user/?{query}").status_code == 400
    assert client.get("/admin/teleq/queue/?cases__phone_number__contains=1").status_code == 400


# Posts made by hand --------------------------------------------------------------------------------------------------


def test_settings_of_somebody_elses_queue_are_not_changed(signed_in, queue):
    address = reverse("admin:teleq_outgoingsms_change", args=[queue.pk])
    assert signed_in("outsider").post(address, {"sender": "Annan"}).status_code == 404
    queue.outgoing_sms.refresh_from_db()
    assert queue.outgoing_sms.consent_required
    assert queue.outgoing_sms.sender != "Annan"


@pytest.mark.parametrize(
    ("model", "of"),
    [
        ("teleq_outgoingsms", "queue"),
        ("teleq_queue", "queue"),
        ("teleq_user", "nurse"),
        ("consent_consenttext", "consent_text"),
        ("teleq_careprovider", "care_provider"),
        ("intake_intakekey", "intake_key"),
    ],
)
@pytest.mark.parametrize("who", ["administrator", "operator"])
def test_nothing_but_a_standard_text_can_be_deleted(who, model, of, signed_in, request):
    row = request.getfixturevalue(of)
    address = reverse(f"admin:{model}_delete", args=[row.pk])
    assert signed_in(who).post(address, {"post": "yes"}).status_code == 403
    row.refresh_from_db()  # raises if it is gone


def test_delete_as_a_list_action_is_not_there(signed_in, queue):
    post = {"action": "delete_selected", "_selected_action": [queue.pk], "post": "yes"}
    signed_in("administrator").post("/admin/teleq/queue/", post)
    queue.refresh_from_db()


def test_somebody_elses_standard_text_is_neither_changed_nor_deleted(signed_in, standard_text):
    client = signed_in("outsider")
    change = {"queue": standard_text.queue_id, "name": "bytt", "text": "Bytt."}
    assert client.post(f"/admin/sms/standardtext/{standard_text.pk}/change/", change).status_code == 404
    assert client.post(f"/admin/sms/standardtext/{standard_text.pk}/delete/", {"post": "yes"}).status_code == 404
    standard_text.refresh_from_db()
    assert standard_text.name == "ring 3 gånger"


def test_a_standard_text_is_not_put_into_somebody_elses_queue(signed_in, queue, outsider, standard_text):
    client = signed_in("outsider")
    response = client.post("/admin/sms/standardtext/add/", {"queue": queue.pk, "name": "smyg", "text": "Hej."})
    assert response.context["adminform"].errors["queue"]
    assert not StandardText.objects.filter(name="smyg").exists()


def test_a_queue_is_not_made_under_somebody_elses_care_provider(signed_in, care_provider):
    post = {"care_provider": care_provider.pk, "unit": "VC Smyg", "name": "Rådgivning", "max_attempts": 3}
    response = signed_in("outsider").post("/admin/teleq/queue/add/", post)
    assert response.context["adminform"].errors["care_provider"]
    assert not Queue.objects.filter(unit="VC Smyg").exists()


def test_a_queue_keeps_its_care_provider(signed_in, queue, other_care_provider, operator):
    changes = {"care_provider": other_care_provider.pk, "name": "Ny", "max_attempts": 4}
    assert save(signed_in("operator"), f"/admin/teleq/queue/{queue.pk}/change/", **changes).status_code == 302
    care_provider = queue.care_provider
    queue.refresh_from_db()
    assert (queue.care_provider, queue.name, queue.max_attempts) == (care_provider, "Ny", 4)


def test_a_text_to_read_out_is_not_written_for_somebody_elses_care_provider_nor_changed(
    signed_in, care_provider, queue, consent_text, administrator, other_provider_administrator
):
    """The care provider's own is its administrator's to write; a queue's administrator writes the queue's."""
    client = signed_in("outsider")
    for post in ({"care_provider": care_provider.pk}, {"queue": queue.pk}):
        response = client.post("/admin/consent/consenttext/add/", {**post, "text": "Smyg?"})
        assert response.context["adminform"].errors["queue"]
    client.force_login(other_provider_administrator)
    response = client.post("/admin/consent/consenttext/add/", {"care_provider": care_provider.pk, "text": "Smyg?"})
    assert response.context["adminform"].errors["care_provider"]
    client.force_login(administrator)
    response = client.post("/admin/consent/consenttext/add/", {"care_provider": care_provider.pk, "text": "Smyg?"})
    assert response.context["adminform"].errors["queue"]
    change = {"care_provider": care_provider.pk, "text": "Bytt?"}
    assert client.post(f"/admin/consent/consenttext/{consent_text.pk}/change/", change).status_code == 403
    assert [text.text for text in ConsentText.objects.all()] == [consent_text.text]


def a_group() -> Group:
    with as_owner():  # the product has no right to make one
        return Group.objects.create(name="alla")


def test_a_new_user_gets_none_of_djangos_powers_whatever_is_posted(signed_in, queue, administrator):
    post = {
        "username": "nyanna", "password": "x", "password1": "x", "password2": "x",
        "is_staff": "on", "is_superuser": "on", "groups": a_group().pk,
        "user_permissions": Permission.objects.first().pk, **memberships({"queue": queue.pk, "role": Role.NURSE}),
    }  # fmt: skip
    assert signed_in("administrator").post("/admin/teleq/user/add/", post).status_code == 200
    made = User.objects.get(username="nyanna")
    assert powers(made) == []
    assert not made.has_usable_password()
    assert [(each.queue, each.role) for each in made.memberships.all()] == [(queue, Role.NURSE)]


def test_an_administrator_never_sees_nor_sets_superuser_permissions_or_groups(signed_in, nurse, queue):
    client, address = signed_in("administrator"), f"/admin/teleq/user/{nurse.pk}/change/"
    own = nurse.memberships.get(queue=queue)
    traces = ("is_staff", "is_superuser", "groups", "user_permissions", "Superanvändare", "Behörighet", nurse.password)
    for place in (address, "/admin/teleq/user/add/"):
        body = client.get(place).content.decode()
        assert [trace for trace in traces if trace in body] == []
    post = {
        "username": nurse.username, "first_name": "Ny", "is_active": "on", "password": "x",
        "is_staff": "on", "is_superuser": "on", "groups": a_group().pk,
        "user_permissions": Permission.objects.first().pk,
        **memberships({"id": own.pk, "user": nurse.pk, "role": Role.NURSE}, existing=1),
    }  # fmt: skip
    before = nurse.password
    assert post_by_hand(client, address, post).status_code == 302
    nurse.refresh_from_db()
    assert nurse.first_name == "Ny"
    assert nurse.password == before
    assert powers(nurse) == []


def test_nobody_types_anothers_password(signed_in, nurse, operator):
    """It was so until the password became its owner's to choose."""
    before = nurse.password
    for who in ("administrator", "operator"):
        new = {"password1": "fyra-stora-granar", "password2": "fyra-stora-granar"}
        assert signed_in(who).post(f"/admin/teleq/user/{nurse.pk}/password/", new).status_code in {302, 404}
    nurse.refresh_from_db()
    assert nurse.password == before


def test_a_link_for_a_password_is_made_where_all_of_the_users_queues_are_the_administrators(signed_in, nurse):
    answer = signed_in("administrator").post(reverse("admin:teleq_user_invitation", args=[nurse.pk]))
    assert f"Länk för {nurse}" in answer.content.decode()


@pytest.mark.parametrize(
    ("who", "whose", "answer"),
    [
        ("administrator", "colleague", 403),
        ("administrator", "outsider", 404),
        ("outsider", "nurse", 404),
        ("nurse", "colleague", 403),
        ("nurse", "nurse", 403),
    ],
)
def test_nobody_else_makes_a_link(who, whose, answer, signed_in, request):
    user = request.getfixturevalue(whose)
    assert signed_in(who).post(reverse("admin:teleq_user_invitation", args=[user.pk])).status_code == answer
    assert not SignIn.objects.exists()


def test_an_operators_password_and_name_stay_even_where_the_operator_is_a_colleague(signed_in, operator, queue):
    membership = Membership.objects.create(user=operator, queue=queue)
    client, before = signed_in("administrator"), operator.password
    assert client.post(reverse("admin:teleq_user_invitation", args=[operator.pk])).status_code == 403
    assert client.post(reverse("admin:teleq_user_second_factor", args=[operator.pk]), {"why": "x"}).status_code == 403
    client.post(
        f"/admin/teleq/user/{operator.pk}/change/",
        {"username": "kapad", **memberships({"id": membership.pk, "user": operator.pk, "role": "nurse"}, existing=1)},
    )
    operator.refresh_from_db()
    assert (operator.password, operator.username, operator.is_active) == (before, "operator", True)


def test_a_colleague_who_also_works_elsewhere_keeps_name_and_account(signed_in, colleague, queue):
    own = colleague.memberships.get(queue=queue)
    post = {
        "username": "kapad", "email": "kapad@example.org", "hsa_id": "SE2321000016-KAP",
        **memberships({"id": own.pk, "user": colleague.pk, "role": Role.ADMINISTRATOR}, existing=1),
    }  # fmt: skip
    address = f"/admin/teleq/user/{colleague.pk}/change/"
    assert post_by_hand(signed_in("administrator"), address, post).status_code == 302
    colleague.refresh_from_db()
    assert (colleague.username, colleague.email, colleague.hsa_id) == ("colleague", "", "")
    assert colleague.is_active
    own.refresh_from_db()
    assert own.role == Role.ADMINISTRATOR  # the membership in the administrator's own queue is theirs to change


@pytest.mark.parametrize("ending", [{"DELETE": "on"}, {"role": "administrator"}])
def test_a_membership_in_somebody_elses_queue_is_neither_ended_nor_changed(ending, signed_in, colleague, elsewhere):
    foreign = colleague.memberships.get(queue=elsewhere)
    row = {"id": foreign.pk, "user": colleague.pk, "queue": elsewhere.pk, "role": "nurse", **ending}
    signed_in("administrator").post(f"/admin/teleq/user/{colleague.pk}/change/", memberships(row, existing=1))
    foreign.refresh_from_db()
    assert (foreign.user, foreign.queue, foreign.role) == (colleague, elsewhere, Role.NURSE)


def test_a_membership_in_somebody_elses_queue_is_not_given(signed_in, nurse, elsewhere, administrator, queue):
    client = signed_in("administrator")
    row = {"queue": elsewhere.pk, "role": Role.ADMINISTRATOR}
    for user in (nurse, administrator):
        post = {"username": user.username, "is_active": "on", **memberships(row)}
        response = client.post(f"/admin/teleq/user/{user.pk}/change/", post)
        assert response.context["inline_admin_formsets"][0].formset.errors[0]["queue"]
    own = administrator.memberships.get(queue=queue)
    moved = {"id": own.pk, "user": administrator.pk, "queue": elsewhere.pk, "role": Role.ADMINISTRATOR}
    post = {"username": administrator.username, "is_active": "on", **memberships(moved, existing=1)}
    client.post(f"/admin/teleq/user/{administrator.pk}/change/", post)
    assert not Membership.objects.filter(queue=elsewhere).exists()


def test_a_user_of_another_care_provider_is_not_found(signed_in, outsider, queue):
    client = signed_in("administrator")
    post = memberships({"queue": queue.pk, "role": Role.NURSE})
    assert client.post(f"/admin/teleq/user/{outsider.pk}/change/", post).status_code == 404
    assert not outsider.memberships.filter(queue=queue).exists()


def test_the_operator_sees_every_user_and_queue_but_no_case(signed_in, operator, nurse, outsider, queue):
    client = signed_in("operator")
    users = client.get("/admin/teleq/user/").content.decode()
    assert nurse.username in users
    assert outsider.username in users
    assert str(queue.unit) in client.get("/admin/teleq/queue/").content.decode()


@pytest.mark.parametrize(
    ("who", "answer"), [("anonymous", 302), ("nurse", 403), ("administrator", 403), ("outsider", 403)]
)
def test_only_the_operator_makes_keys(who, answer, signed_in, care_provider):
    post = {"care_provider": care_provider.pk, "name": "Växeln"}
    assert signed_in(who).post(reverse("admin:intake_intakekey_add"), post).status_code == answer
    assert not IntakeKey.objects.exists()


@pytest.mark.parametrize(
    ("who", "answer"), [("anonymous", 302), ("nurse", 403), ("administrator", 403), ("outsider", 404)]
)
def test_only_the_operator_revokes_keys(who, answer, signed_in, intake_key):
    assert signed_in(who).post(reverse("admin:intake_intakekey_revoke", args=[intake_key.pk])).status_code == answer
    intake_key.refresh_from_db()
    assert intake_key.revoked_at is None


@pytest.mark.parametrize(
    ("who", "answer"),
    [("anonymous", 302), ("nurse", 403), ("administrator", 200), ("outsider", 404), ("operator", 200)],
)
def test_a_text_is_previewed_for_own_queues_only(who, answer, signed_in, queue):
    address = reverse("admin:teleq_outgoingsms_preview", args=[queue.pk, "reminder_text"])
    response = signed_in(who).post(address, {"reminder_text": "Häls. {enhet}"})
    assert response.status_code == answer
    assert (queue.unit in response.content.decode()) == (answer == 200)


def test_hours_and_closed_days_of_somebody_elses_queue_are_neither_shown_nor_changed(signed_in, queue, other_queue):
    hours = TelephoneHours.objects.create(queue=queue, weekday=0)
    closed = ClosedDay.objects.create(queue=queue, day="2026-12-31", reason="Inventering")
    client, own = signed_in("outsider"), reverse("admin:teleq_queue_change", args=[other_queue.pk])
    page = client.get(own)
    assert "Inventering" not in page.content.decode()
    taken = {
        "telephone_hours-TOTAL_FORMS": 1, "telephone_hours-INITIAL_FORMS": 1,
        "telephone_hours-0-id": hours.pk, "telephone_hours-0-queue": other_queue.pk,
        "telephone_hours-0-weekday": 6, "telephone_hours-0-opens": "01:00", "telephone_hours-0-closes": "02:00",
        "closed_days-TOTAL_FORMS": 1, "closed_days-INITIAL_FORMS": 1, "closed_days-0-DELETE": "on",
        "closed_days-0-id": closed.pk, "closed_days-0-queue": other_queue.pk, "closed_days-0-day": "2026-12-31",
    }  # fmt: skip
    client.post(own, shown(page) | taken)
    client.post(reverse("admin:teleq_queue_change", args=[queue.pk]), shown(page) | taken)
    hours.refresh_from_db()
    closed.refresh_from_db()
    assert (hours.queue, hours.weekday, closed.queue) == (queue, 0, queue)


def test_a_row_is_not_put_into_somebody_elses_queue(signed_in, queue, other_queue):
    row = {"telephone_hours-0-queue": queue.pk, "telephone_hours-0-weekday": 0}
    save(signed_in("outsider"), reverse("admin:teleq_queue_change", args=[other_queue.pk]), **row)
    assert not TelephoneHours.objects.filter(queue=queue).exists()
