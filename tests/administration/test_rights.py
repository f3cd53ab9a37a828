"""Who is what, till when, given by whom; what the operator may not do alone; and going through it all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import RightsChange, SecondPersonRequest, SignIn
from administration.queues import create_queue
from consent.models import Consent, ConsentText
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role, User
from tests.administration.forms import save, text_of
from tests.cases.desk import desk_of
from tests.conftest import MOBILE, QUESTION

pytestmark = pytest.mark.django_db

RIGHTS = "/admin/rights/"
WHY = "Sommarvikarie"


@pytest.fixture
def today() -> date:
    return timezone.localdate()


@pytest.fixture
def browser() -> Callable[[User], Client]:
    def of(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return of


def page_of(user: User) -> str:
    return f"/admin/teleq/user/{user.pk}/change/"


def changes() -> list[tuple[str, str, str, str]]:
    """Who, from what, to what, by whom."""
    rows = RightsChange.objects.order_by("id").select_related("user", "by")
    return [(each.user.username, each.before, each.after, each.by.username) for each in rows]


# A right that ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "opens"), [(-1, False), (0, True), (1, True)])
def test_a_membership_counts_through_its_last_day_and_not_on_the_next(days, opens, case, nurse, queue, today):
    Membership.objects.filter(user=nurse).update(until=today + timedelta(days=days))
    desk = desk_of(nurse)
    assert desk.case(case).status == (200 if opens else 404)
    assert (case.name in desk.work_list().text) == opens


def test_an_administrator_whose_last_day_was_yesterday_is_out_of_admin(administrator, browser, today):
    client = browser(administrator)
    assert client.get("/admin/").status_code == 200
    Membership.objects.filter(user=administrator).update(until=today - timedelta(days=1))
    assert client.get("/admin/").status_code == 403


def test_a_role_for_a_care_provider_ends_too(provider_administrator, browser, queue, today):
    client = browser(provider_administrator)
    address = reverse("admin:teleq_outgoingsms_change", args=[queue.pk])
    assert client.get(address).status_code == 200
    CareProviderRole.objects.update(until=today - timedelta(days=1))
    assert client.get(address).status_code == 403


def test_whose_queues_they_are_is_one_query_with_one_exists(nurse, queue):
    with CaptureQueriesContext(connection) as queries:
        assert queue in list(Queue.objects.for_user(nurse))
    [asked] = [query["sql"] for query in queries]
    assert asked.count("EXISTS") == 1


def test_a_last_day_and_why_are_set_and_on_record(office, nurse, queue, administrator, today):
    last = today + timedelta(days=30)
    rows = list(nurse.memberships.order_by("pk"))
    place = next(number for number, each in enumerate(rows) if each.queue == queue)
    answer = save(office, page_of(nurse), **{f"memberships-{place}-until": last, f"memberships-{place}-why": WHY})
    assert answer.status_code == 302
    assert nurse.memberships.get(queue=queue).until == last
    change = RightsChange.objects.get()
    assert (change.queue, change.before, change.after) == (queue, Role.NURSE, Role.NURSE)
    assert (change.until, change.why, change.by) == (last, WHY, administrator)
    assert WHY in text_of(office.get("/admin/access/rightschange/"))


def test_a_last_day_that_has_been_is_refused(office, nurse, today):
    answer = save(office, page_of(nurse), **{"memberships-0-until": today - timedelta(days=1)})
    assert "Dagen har redan varit." in text_of(answer)
    assert not nurse.memberships.exclude(until=None).exists()


def test_why_a_membership_is_ended_is_on_record(office, nurse, administrator):
    ended = {"memberships-0-DELETE": "on", "memberships-0-why": "Bytt enhet"}
    assert save(office, page_of(nurse), **ended).status_code == 302
    change = RightsChange.objects.get()
    assert (change.before, change.after, change.why) == (Role.NURSE, "", "Bytt enhet")


def test_the_last_administrator_gets_no_last_day(office, administrator, today):
    answer = save(office, page_of(administrator), **{"memberships-0-until": today + timedelta(days=1)})
    assert "skulle sakna administratör." in text_of(answer)


def test_a_queue_that_an_administrator_makes_puts_their_right_on_record(office, administrator, care_provider):
    post = {"care_provider": care_provider.pk, "unit": "VC Ny", "name": "Rådgivning"}
    assert save(office, "/admin/teleq/queue/add/", **post).status_code == 302
    assert changes() == [("maria", "", Role.ADMINISTRATOR, "maria")]


# For a whole care provider -------------------------------------------------------------------------------------------


def test_the_care_providers_administrator_administers_every_queue_and_works_in_no_case(
    browser, provider_administrator, queue, plain_queue, other_queue, case
):
    client = browser(provider_administrator)
    for own in (queue, plain_queue):
        assert client.get(reverse("admin:teleq_queue_change", args=[own.pk])).status_code == 200
    assert client.get(reverse("admin:teleq_queue_change", args=[other_queue.pk])).status_code == 404
    desk = desk_of(provider_administrator)
    assert desk.case(case).status == 404
    assert case.name not in desk.work_list().text


def test_they_give_the_roles_for_the_whole_of_it_and_a_queues_administrator_does_not(
    browser, office, provider_administrator, nurse, care_provider
):
    assert "Roller för hela vårdgivaren" not in text_of(office.get(page_of(nurse))).replace("roller", "Roller")
    given = {"provider_roles-0-care_provider": care_provider.pk, "provider_roles-0-role": ProviderRole.LOG_REVIEWER}
    assert save(office, page_of(nurse), **given).status_code == 302
    assert not nurse.provider_roles.exists()
    assert save(browser(provider_administrator), page_of(nurse), **given).status_code == 302
    assert nurse.provider_roles.get().role == ProviderRole.LOG_REVIEWER
    assert changes() == [("anna", "", ProviderRole.LOG_REVIEWER, "vera")]


def test_a_queues_administrator_makes_no_way_in_to_the_care_providers(office, provider_administrator, queue):
    Membership.objects.create(user=provider_administrator, queue=queue)
    address = reverse("admin:teleq_user_invitation", args=[provider_administrator.pk])
    assert office.post(address).status_code == 403


def test_a_reviewer_of_logs_reads_the_record_of_the_care_provider_and_changes_nothing(
    browser, log_reviewer, nurse, outsider
):
    for user in (nurse, outsider):
        SignIn.objects.create(user=user, what=SignIn.What.SIGNED_IN)
    client = browser(log_reviewer)
    page = client.get("/admin/")
    names = [each["name"] for group in page.context["app_list"] for each in group["models"]]
    assert names == ["Loggkontroll", "Loggutdrag", "Ändrade behörigheter", "Inloggningar"]
    record = text_of(client.get("/admin/access/signin/"))
    assert str(nurse) in record
    assert str(outsider) not in record


# The operator --------------------------------------------------------------------------------------------------------


def test_the_operator_makes_a_first_administrator_and_no_second(browser, operator, care_provider, nurse, make_user):
    new = create_queue(Queue(care_provider=care_provider, unit="VC Ny", name="Rådgivning"))
    first, second = make_user("forsta", "Första", "Ek"), make_user("andra", "Andra", "Ek")
    client = browser(operator)
    given = {"memberships-0-queue": new.pk, "memberships-0-role": Role.ADMINISTRATOR}
    assert save(client, page_of(first), **given).status_code == 302
    assert new.memberships.get().user == first
    assert save(client, page_of(second), **given).status_code == 200
    Membership.objects.all().delete()  # nor where there has been one
    RightsChange.objects.filter(queue=new).get()
    assert save(client, page_of(second), **given).status_code == 200
    assert not Membership.objects.exists()


def test_the_operator_becomes_no_member_alone(browser, operator, queue, administrator):
    client = browser(operator)
    given = {"memberships-0-queue": queue.pk, "memberships-0-role": Role.NURSE}
    save(client, page_of(operator), **given, **{"memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0})
    assert not operator.memberships.exists()
    assert not SecondPersonRequest.objects.exists()


def test_the_operator_becomes_a_member_when_an_administrator_of_the_queue_has_confirmed(
    browser, operator, queue, administrator, outsider, case, today
):
    client = browser(operator)
    asked = {"role": Role.NURSE, "queue": queue.pk, "why": "Felsökning", "until": today + timedelta(days=1)}
    assert client.post(reverse("admin:teleq_user_right", args=[operator.pk]), asked).status_code == 302
    waiting = SecondPersonRequest.objects.get()
    confirm = {"confirm": waiting.pk}
    for who in (operator, outsider):
        browser(who).post("/admin/second-person/", confirm)
        assert not operator.memberships.exists()
    assert desk_of(operator).case(case).status == 404
    page = text_of(browser(administrator).get("/admin/second-person/"))
    assert f"Ge behörighet: Medarbetare, {queue}, till och med" in page
    browser(administrator).post("/admin/second-person/", confirm)
    given = operator.memberships.get()
    assert (given.queue, given.role, given.until) == (queue, Role.NURSE, today + timedelta(days=1))
    assert changes() == [("operator", "", Role.NURSE, "maria")]
    assert RightsChange.objects.get().why == "Begärt av Disa Drake: Felsökning"


def test_a_role_for_a_care_provider_waits_for_its_administrator(
    browser, operator, care_provider, provider_administrator
):
    asked = {"role": ProviderRole.ADMINISTRATOR, "care_provider": care_provider.pk, "why": "x"}
    browser(operator).post(reverse("admin:teleq_user_right", args=[operator.pk]), asked)
    browser(provider_administrator).post("/admin/second-person/", {"confirm": SecondPersonRequest.objects.get().pk})
    assert operator.provider_roles.get().role == ProviderRole.ADMINISTRATOR


def test_a_right_without_its_place_is_told_at_the_field(browser, operator):
    page = browser(operator).post(
        reverse("admin:teleq_user_right", args=[operator.pk]), {"role": Role.NURSE, "why": "x"}
    )
    assert "Välj kön som rollen gäller i." in text_of(page)


def test_a_link_for_a_member_is_the_second_persons_to_hand_over(browser, operator, nurse, administrator):
    client, address = browser(operator), reverse("admin:teleq_user_invitation", args=[nurse.pk])
    assert "Länk för lösenord" not in text_of(client.post(address))
    answer = client.post(address, {"why": "Glömt"}, follow=True)
    assert "/konto/inbjudan/" not in answer.content.decode()
    assert not SignIn.objects.exists()
    page = browser(administrator).post("/admin/second-person/", {"confirm": SecondPersonRequest.objects.get().pk})
    assert "/konto/inbjudan/" in page.content.decode()
    assert SignIn.objects.get().by == administrator


def test_nobody_confirms_a_link_for_themselves(browser, operator, administrator):
    """The queue's only administrator has lost the password: another operator is the second person."""
    browser(operator).post(reverse("admin:teleq_user_invitation", args=[administrator.pk]), {"why": "Glömt"})
    confirm = {"confirm": SecondPersonRequest.objects.get().pk}
    browser(administrator).post("/admin/second-person/", confirm)
    browser(operator).post("/admin/second-person/", confirm)
    assert not SignIn.objects.exists()
    another = User.objects.create_superuser("drift2")
    assert "/konto/inbjudan/" in browser(another).post("/admin/second-person/", confirm).content.decode()


def test_a_link_for_a_first_administrator_who_has_not_been_in_is_the_operators(
    browser, operator, care_provider, make_user
):
    new = create_queue(Queue(care_provider=care_provider, unit="VC Ny", name="Rådgivning"))
    first = make_user("forsta", "Första", "Ek")
    Membership.objects.create(user=first, queue=new, role=Role.ADMINISTRATOR)
    address = reverse("admin:teleq_user_invitation", args=[first.pk])
    first.set_unusable_password()
    first.save()
    assert "/konto/inbjudan/" in browser(operator).post(address).content.decode()
    User.objects.filter(pk=first.pk).update(last_login=timezone.now())
    assert "/konto/inbjudan/" not in browser(operator).post(address).content.decode()


def test_the_operator_gives_a_member_no_other_hsa_id(browser, operator, nurse):
    save(browser(operator), page_of(nurse), hsa_id="SE2321000016-KAP", first_name="Ny")
    nurse.refresh_from_db()
    assert (nurse.hsa_id, nurse.first_name) == ("", "Ny")


def test_the_operator_asks_about_no_number_and_is_told_no_counts(browser, operator, office, plain_queue, case):
    client = browser(operator)
    check = {"phone_number": MOBILE, "queue": plain_queue.pk, "kind": "manual"}
    assert client.post("/admin/teleq/outgoingsms/check/", check).status_code == 403
    address = reverse("admin:teleq_outgoingsms_change", args=[plain_queue.pk])
    assert "Skulle det här SMS:et skickas?" not in text_of(client.get(address))
    assert "Inget SMS som väntar stoppas" not in text_of(client.get(address))
    assert "Inget SMS som väntar stoppas" in text_of(office.get(address))


# Going through them --------------------------------------------------------------------------------------------------


@pytest.fixture
def overdue(nurse: User, administrator: User, care_provider: CareProvider) -> None:
    """A day was chosen a week ago, it was yesterday, and nobody has gone through anything since."""
    week = timezone.now() - timedelta(days=7)
    yesterday = timezone.localdate() - timedelta(days=1)
    CareProvider.objects.update(rights_review_by=yesterday, rights_review_asked_at=week)
    Membership.objects.update(reviewed_at=week - timedelta(days=1))


def test_the_list_has_every_right_of_own_queues_and_nothing_of_others(office, nurse, queue, outsider, log_reviewer):
    page = text_of(office.get(RIGHTS))
    assert f"{nurse} {queue} Medarbetare Tills vidare" in page
    assert str(outsider) not in page
    assert str(log_reviewer) not in page


def test_the_care_providers_administrator_goes_through_its_roles_too(
    browser, provider_administrator, nurse, log_reviewer
):
    page = text_of(browser(provider_administrator).get(RIGHTS))
    assert f"{log_reviewer} Vårdgivare 1 Loggranskare" in page
    assert str(nurse) in page


def test_what_is_overdue_stands_on_the_first_page_till_each_is_gone_through(office, administrator, overdue):
    assert "4 skulle ha varit genomgångna" in text_of(office.get("/admin/"))
    page = office.get(RIGHTS)
    assert text_of(page).count("Skulle ha varit genomgånget") == 4
    for row in page.context["rows"]:
        given = row["given"]
        office.post(RIGHTS, {"confirm": f"membership {given.pk}", "shown": row["shown"]})
        given.refresh_from_db()
        assert given.reviewed_by == administrator
    assert "skulle ha varit" not in text_of(office.get("/admin/"))
    assert {(before == after, by) for _, before, after, by in changes()} == {(True, "maria")}


def test_a_right_that_was_changed_meanwhile_is_not_confirmed(office, nurse, overdue):
    row = office.get(RIGHTS).context["rows"][0]
    Membership.objects.filter(pk=row["given"].pk).update(until=timezone.localdate())
    answer = office.post(RIGHTS, {"confirm": f"membership {row['given'].pk}", "shown": row["shown"]}, follow=True)
    assert "Behörigheten har ändrats av någon annan." in text_of(answer)
    assert not RightsChange.objects.exists()


def test_one_is_ended_with_the_reason(office, nurse, queue):
    given = nurse.memberships.get(queue=queue)
    address = reverse("admin:end_right", args=["membership", given.pk])
    assert office.post(address, {"shown": "nurse ", "why": ""}).status_code == 422
    office.post(address, {"shown": "nurse ", "why": "Slutat"})
    assert not nurse.memberships.filter(queue=queue).exists()
    assert (changes(), RightsChange.objects.get().why) == ([("anna", Role.NURSE, "", "maria")], "Slutat")


def test_the_last_administrator_is_not_ended(office, administrator, queue):
    given = administrator.memberships.get(queue=queue)
    address = reverse("admin:end_right", args=["membership", given.pk])
    answer = office.post(address, {"shown": "administrator ", "why": "x"}, follow=True)
    assert "skulle sakna administratör" in text_of(answer)
    assert administrator.memberships.filter(queue=queue).exists()


@pytest.mark.parametrize("kind", ["membership", "role", "x"])
def test_anothers_right_is_not_found(kind, browser, outsider, nurse, log_reviewer):
    for pk in (
        *nurse.memberships.values_list("pk", flat=True),
        *log_reviewer.provider_roles.values_list("pk", flat=True),
    ):
        if not outsider.memberships.filter(pk=pk).exists():
            assert browser(outsider).get(reverse("admin:end_right", args=[kind, pk])).status_code == 404
            assert browser(outsider).post(RIGHTS, {"confirm": f"{kind} {pk}", "shown": ""}).status_code == 404
    assert not RightsChange.objects.exists()


def test_the_care_providers_administrator_chooses_the_day(
    browser, office, provider_administrator, care_provider, today
):
    field, day = f"day-{care_provider.pk}-rights_review_by", today + timedelta(days=30)
    chosen = {"day": care_provider.pk, field: day, f"initial-{field}": ""}
    assert office.post(RIGHTS, chosen).status_code == 404
    client = browser(provider_administrator)
    assert client.post(RIGHTS, chosen).status_code == 302
    care_provider.refresh_from_db()
    assert care_provider.rights_review_by == day
    assert "Ska gås igenom" in text_of(client.get(RIGHTS))
    late = {**chosen, field: today - timedelta(days=1), f"initial-{field}": day}
    assert "Dagen har redan varit." in text_of(client.post(RIGHTS, late))


def test_the_list_costs_as_many_queries_for_many_as_for_few(office, administrator, nurse, queue, make_user):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            office.get(RIGHTS)
        return len(queries)

    few = cost()
    for number in range(5):
        Membership.objects.create(user=make_user(f"n{number}", "N", f"N{number}"), queue=queue, reviewed_by=nurse)
    assert cost() == few


# A queue's own words -------------------------------------------------------------------------------------------------


def test_a_queue_reads_out_its_own_text_and_the_answer_says_so(office, nurse, queue, plain_queue, case):
    assert office.post("/admin/consent/consenttext/add/", {"queue": queue.pk, "text": "Egen fråga?"}).status_code == 302
    page = desk_of(nurse).case(case)
    assert "Egen fråga?" in page.text
    assert QUESTION not in page.text
    page.press("Spara svaret", answer="yes")
    assert Consent.objects.get().text == ConsentText.objects.get(queue=queue)
    assert ConsentText.objects.current(queue.care_provider_id, plain_queue.pk).text == QUESTION


def test_an_empty_text_of_a_queue_brings_the_care_providers_back(office, queue):
    add = "/admin/consent/consenttext/add/"
    office.post(add, {"queue": queue.pk, "text": "Egen fråga?"})
    office.post(add, {"queue": queue.pk, "text": ""})
    assert ConsentText.objects.current(queue.care_provider_id, queue.pk).text == QUESTION
    assert "Vårdgivarens text" in text_of(office.get("/admin/consent/consenttext/"))


def test_a_queues_administrator_leaves_the_care_providers_text_as_it_is(office, care_provider):
    post = {"care_provider": care_provider.pk, "text": "Bytt?"}
    assert office.post("/admin/consent/consenttext/add/", post).status_code == 200
    assert [text.text for text in ConsentText.objects.all()] == [QUESTION]
