"""The demonstration: what it shows, that it is loaded once, and that its logins open nothing else."""

import re
from datetime import timedelta
from io import StringIO

import phonenumbers
import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from personnummer.personnummer import Personnummer

from cases import free_times, history
from cases.models import Case, CaseEvent, CaseMessage, Priority, Status
from consent.models import Answer, Channel, Consent, ConsentText
from consent.verdict import Verdict, answer_in_force, verdict
from demo import loader
from demo.checks import demonstration_logins_are_shut_out
from demo.data import TO_READ_OUT
from demo.logins import PASSWORD
from demo.models import SimulatedSms
from sms.models import Kind, Lane, Message, Refusal, StandardText, Unsettled
from sms.numbers import can_receive_sms
from sms.states import State
from telephony import hours as hours_of_callers
from telephony import recordings
from telephony.models import Call, Ended, Menu, PatientsNumber
from teleq.clock import database_now
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from teleq.phone_numbers import number_text

pytestmark = pytest.mark.django_db

FICTIONAL_MOBILE = re.compile(r"\+467017406(0[5-9]|[1-9]\d)")
FICTIONAL_LANDLINE = re.compile(r"\+468465004\d\d")


@pytest.fixture
def loaded(settings):
    settings.TELEQ_DEMO = True
    assert loader.load()


def queue(unit, name):
    return Queue.objects.get(unit=unit, name=name)


def answers_in(care_provider="Region Sundvik"):
    at = database_now()
    return {
        number_text(consent.phone_number): answer_in_force(consent, at)
        for consent in Consent.objects.filter(care_provider__name=care_provider)
    }


def command(*arguments):
    out = StringIO()
    call_command("demo", *arguments, stdout=out, skip_checks=True)
    return out.getvalue()


def everything():
    models = (CareProvider, Queue, User, Membership, ConsentText, Consent, Case, CaseEvent, Message, SimulatedSms)
    return [list(model.objects.order_by("pk").values()) for model in models]


# Loading


def test_the_command_loads_the_demonstration(settings):
    settings.TELEQ_DEMO = True
    assert "inlästa" in command()
    assert Case.objects.exists()


def test_loading_twice_changes_nothing(loaded):
    before = everything()
    assert "Ingenting lästes in" in command()
    assert everything() == before


def test_a_database_that_is_in_use_is_left_as_it_is(settings):
    settings.TELEQ_DEMO = True
    CareProvider.objects.create(name="Region Verklig")
    assert not loader.load()
    assert not User.objects.exists()


def test_all_is_loaded_or_nothing(settings, monkeypatch):
    settings.TELEQ_DEMO = True
    monkeypatch.setattr(loader, "_automatic_text", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        loader.load()
    assert not CareProvider.objects.exists()


@pytest.mark.parametrize("arguments", [(), ("--logins",)])
def test_the_command_is_refused_outside_the_demonstration(settings, arguments):
    settings.TELEQ_DEMO = False
    with pytest.raises(CommandError, match="TELEQ_DEMO=1"):
        command(*arguments)
    assert not CareProvider.objects.exists()


def test_loading_takes_little_time(settings, django_assert_max_num_queries):
    """A password's hash is slow on purpose, and is made once."""
    settings.TELEQ_DEMO = True
    with django_assert_max_num_queries(300):
        loader.load()
    assert len(set(User.objects.values_list("password", flat=True))) == 1


# Care providers and queues


def test_spindelns_radgivning_asks_for_consent_and_tidbokning_does_not(loaded):
    assert queue("VC Spindeln", "Rådgivning").outgoing_sms.consent_required
    assert not queue("VC Spindeln", "Tidbokning").outgoing_sms.consent_required
    assert queue("VC Spindeln", "Tidbokning").care_provider.sms_consent_ordered


def test_the_other_care_provider_has_not_ordered_the_function(loaded):
    myran = queue("VC Myran", "Rådgivning")
    assert myran.care_provider != queue("VC Spindeln", "Rådgivning").care_provider
    assert not myran.care_provider.sms_consent_ordered


def test_every_queue_has_its_settings_and_a_sender_a_provider_takes(loaded):
    assert OutgoingSms.objects.count() == Queue.objects.count() == 3
    for outgoing_sms in OutgoingSms.objects.all():
        outgoing_sms.full_clean()


def test_the_manuals_standard_text_is_there_to_the_letter(loaded):
    text = StandardText.objects.get(queue=queue("VC Spindeln", "Rådgivning"), name="ring 3 gånger")
    assert text.text == (
        "Hej. Vi har försökt nå dig tre gånger. Om du fortfarande vill komma i kontakt med oss, vänligen ring igen. "
        "Häls. VC Spindeln"
    )


def test_every_queue_has_both_standard_texts(loaded):
    for each in Queue.objects.all():
        assert {text.name for text in each.standard_texts.all()} == {"ring 3 gånger", "Vi har försökt ringa"}


def test_every_care_provider_has_a_text_to_read_out(loaded):
    for provider in CareProvider.objects.all():
        text = ConsentText.objects.current(provider.pk).text
        assert text.startswith("Får vi skicka SMS till dig på det här numret")
        assert text.endswith("Svaret sparas i 14 månader och du kan ändra dig när du vill.")


# Logins


def test_every_login_that_is_printed_can_sign_in(loaded, client):
    lines = command("--logins").splitlines()
    assert lines[0].split() == ["Namn", "Roll", "Användarnamn", "Lösenord"]
    assert len(lines) == 1 + User.objects.count()
    for line in lines[1:]:
        username, password = line.split()[-2:]
        assert client.login(username=username, password=password), line


def test_the_columns_of_the_logins_are_aligned(loaded):
    heading, *rows = command("--logins").splitlines()
    assert {row.index(PASSWORD) for row in rows} == {heading.index("Lösenord")}


@pytest.mark.parametrize(
    ("username", "role", "queues"),
    [
        ("anna", Role.NURSE, {"VC Spindeln Rådgivning", "VC Spindeln Tidbokning"}),
        ("karim", Role.NURSE, {"VC Spindeln Rådgivning", "VC Spindeln Tidbokning"}),
        ("maria", Role.ADMINISTRATOR, {"VC Spindeln Rådgivning", "VC Spindeln Tidbokning"}),
        ("sara", Role.NURSE, {"VC Myran Rådgivning"}),
        ("jonas", Role.ADMINISTRATOR, {"VC Myran Rådgivning"}),
    ],
)
def test_each_login_has_its_role_in_its_queues(loaded, username, role, queues):
    user = User.objects.get(username=username)
    assert {str(each) for each in Queue.objects.for_user(user, role)} == queues
    assert user.memberships.count() == len(queues)
    assert not user.is_superuser


def test_the_operator_is_a_superuser_and_a_member_nowhere(loaded):
    operator = User.objects.get(is_superuser=True)
    assert operator.username == "drift"
    assert not operator.memberships.exists()


# Cases


def test_there_are_some_thirty_cases(loaded):
    assert 28 <= Case.objects.count() <= 35
    assert set(Case.objects.values_list("status", flat=True)) == set(Status)


def test_every_number_is_fictional(loaded):
    numbers = {number_text(n) for n in Case.objects.values_list("phone_number", flat=True)}
    numbers |= {number_text(n) for n in Case.objects.exclude(a_number=None).values_list("a_number", flat=True)}
    for model, column in [(Consent, "phone_number"), (Message, "to_number"), (SimulatedSms, "to_number")]:
        numbers |= {number_text(n) for n in model.objects.values_list(column, flat=True)}
    assert numbers
    for number in numbers:
        assert FICTIONAL_MOBILE.fullmatch(number) or FICTIONAL_LANDLINE.fullmatch(number), number
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))


def test_every_personnummer_has_twelve_digits_and_the_right_check_digit(loaded):
    numbers = set(Case.objects.exclude(personal_identity_number="").values_list("personal_identity_number", flat=True))
    assert "191212121212" in numbers
    for number in numbers:
        assert re.fullmatch(r"\d{12}", number)
        assert Personnummer(number).format(True) == number


def test_one_patient_has_a_samordningsnummer(loaded):
    numbers = set(Case.objects.exclude(personal_identity_number="").values_list("personal_identity_number", flat=True))
    assert sum(Personnummer(number).is_coordination_number() for number in numbers) == 1


def test_one_person_has_one_personnummer_and_one_number(loaded):
    persons = set(Case.objects.exclude(name="").values_list("name", "personal_identity_number", "phone_number"))
    assert len({name for name, *_ in persons}) == len(persons)


def test_times_are_from_an_hour_ago_to_tomorrow_on_half_hours(loaded):
    at = database_now()
    times = list(Case.objects.values_list("callback_at", flat=True))
    assert all(t.minute in (0, 30) and t.second == t.microsecond == 0 for t in times)
    assert at - timedelta(minutes=91) <= min(times) <= at - timedelta(minutes=59)
    assert at + timedelta(hours=20) <= max(times) <= at + timedelta(hours=26)
    assert Case.objects.open().filter(callback_at__lt=at, status=Status.WAITING).exists()  # overdue


def test_whoever_has_a_case_is_a_member_of_its_queue(loaded):
    ongoing = Case.objects.filter(status=Status.ONGOING)
    assert {str(case.assignee) for case in ongoing} >= {"Anna Lind", "Karim Noor"}
    for case in ongoing:
        assert case.queue.memberships.filter(user=case.assignee, role=Role.NURSE).exists()


def test_there_is_a_withheld_a_number_and_one_that_is_another_than_the_phone_number(loaded):
    assert Case.objects.filter(a_number=None).exists()
    assert any(case.a_number != case.phone_number for case in Case.objects.exclude(a_number=None))


def test_there_is_a_case_without_a_name(loaded):
    assert Case.objects.filter(name="").count() == 1


def test_a_number_is_in_both_of_spindelns_queues(loaded):
    radgivning, tidbokning = (
        set(queue("VC Spindeln", name).cases.values_list("phone_number", flat=True))
        for name in ("Rådgivning", "Tidbokning")
    )
    assert radgivning & tidbokning


def test_a_number_is_used_by_two_patients(loaded):
    cases = Case.objects.filter(phone_number="+46701740620")
    assert len(set(cases.values_list("personal_identity_number", flat=True))) == 2


def test_a_number_with_ja_at_one_care_provider_has_no_answer_at_the_other(loaded):
    myran = {number_text(case.phone_number) for case in queue("VC Myran", "Rådgivning").cases.all()}
    assert any(answers_in()[number] is Answer.YES for number in myran & answers_in().keys())
    assert not answers_in("Region Norrsund")


def test_every_case_begins_with_its_booking_and_its_attempts_are_on_record(loaded):
    for case in Case.objects.all():
        events = list(case.events.order_by("at"))
        assert events[0].kind == CaseEvent.Kind.CREATED
        assert events[0].at == case.created_at
        called = [e for e in events if e.kind in (CaseEvent.Kind.REACHED, CaseEvent.Kind.NO_ANSWER)]
        assert len(called) == case.attempts
        assert all(event.at <= database_now() for event in events)


# Answers


def test_what_is_done_has_an_outcome_that_its_history_tells_too(loaded):
    done = Case.objects.filter(status=Status.DONE)
    assert done.count() >= 2
    for case in done:
        assert case.outcome == case.events.order_by("id").last().detail != ""


def test_one_is_urgent_one_is_being_called_and_some_have_been_called_in_vain(loaded):
    assert Case.objects.filter(priority=Priority.URGENT).count() == 1
    [calling] = Case.objects.exclude(call_began_at=None)
    assert calling.events.order_by("id").last().kind == CaseEvent.Kind.CALLED
    told = CaseEvent.objects.filter(kind=CaseEvent.Kind.NO_ANSWER).exclude(detail="").values_list("detail", flat=True)
    assert {*told} == {"busy", "voicemail"}


def test_every_answer_of_the_manual_is_among_them(loaded):
    assert set(answers_in().values()) == set(Answer)
    assert Consent.objects.filter(answer=Answer.UNSET).exists()  # chosen, not only lapsed


def test_some_cases_have_no_answer_at_all(loaded):
    stored = answers_in().keys()
    assert any(number_text(c.phone_number) not in stored for c in queue("VC Spindeln", "Rådgivning").cases.all())


def test_an_answer_has_lapsed(loaded):
    lapsed = Consent.objects.get(valid_until__lte=database_now())
    assert lapsed.answer == Answer.YES
    assert answers_in()[number_text(lapsed.phone_number)] is Answer.UNSET


def test_an_answer_lapses_within_the_month(loaded):
    at = database_now()
    soon = Consent.objects.get(valid_until__gt=at, valid_until__lte=at + timedelta(days=31))
    assert answers_in()[number_text(soon.phone_number)] is Answer.YES


def test_a_patient_has_taken_a_ja_back_by_sms(loaded):
    events = Consent.pgh_event_model.objects.filter(phone_number="+46701740611").order_by("pgh_id")
    assert [(event.answer, event.channel) for event in events] == [("yes", "case"), ("no", "sms")]


def test_every_answer_of_a_nurse_says_which_words_it_was_given_to(loaded):
    for consent in Consent.objects.filter(answered_by__isnull=False):
        assert consent.text.text == TO_READ_OUT
        assert Case.objects.filter(pk=consent.case_id, phone_number=consent.phone_number).exists()


def test_a_landline_has_said_ja(loaded):
    landline = next(c for c in queue("VC Spindeln", "Rådgivning").cases.all() if not can_receive_sms(c.phone_number))
    assert answers_in()[number_text(landline.phone_number)] is Answer.YES


# Messages


def test_there_are_messages_in_every_state(loaded):
    assert set(Message.objects.values_list("state", flat=True)) == set(State)


def test_there_is_a_refusal_for_every_reason(loaded):
    refused = Message.objects.filter(state=State.REFUSED)
    assert set(refused.values_list("refusal", flat=True)) == set(Refusal) - {
        Refusal.CONTENT
    }  # for texts that Admin lets nobody save


def test_every_message_belongs_to_a_case_with_its_number_and_queue(loaded):
    assert CaseMessage.objects.count() == Message.objects.count()
    for tie in CaseMessage.objects.select_related("case", "message"):
        assert tie.message.to_number == tie.case.phone_number
        assert tie.message.queue_id == tie.case.queue_id


def test_the_messages_are_what_the_verdict_says(loaded):
    """The demonstration tells nothing that the gateway would not do."""
    at = database_now()
    for message in Message.objects.exclude(state__in=[State.QUEUED, State.CANCELLED, State.EXPIRED]):
        consent = Consent.objects.filter(
            care_provider=message.queue.care_provider_id, phone_number=message.to_number
        ).first()
        answer = verdict(message.queue.outgoing_sms, consent, at)
        if message.state == State.REFUSED and message.refusal != Refusal.NOT_MOBILE:
            assert message.refusal == answer, message.key
        else:
            assert answer is Verdict.ALLOWED, message.key
            assert can_receive_sms(message.to_number) == (message.state != State.REFUSED)


def test_every_message_that_was_judged_says_by_which_answer(loaded):
    for message in Message.objects.exclude(state__in=[State.QUEUED, State.CANCELLED, State.EXPIRED]):
        assert message.consent_answer
        if message.consent_event_id:
            event = Consent.pgh_event_model.objects.get(pk=message.consent_event_id)
            assert (event.phone_number, event.answered_at) == (message.to_number, message.consent_answered_at)


def test_whoever_wrote_that_they_have_called_has_called_before(loaded):
    for tie in CaseMessage.objects.filter(message__text__contains="Vi har försökt"):
        attempts = tie.case.events.filter(kind=CaseEvent.Kind.NO_ANSWER, at__lt=tie.message.created_at)
        assert attempts.exists()


def test_what_waits_is_not_due_yet(loaded):
    assert not any(Unsettled.objects.waiting(lane).due() for lane in Lane)


def test_what_was_delivered_lies_in_the_simulator(loaded):
    delivered = Message.objects.filter(state=State.DELIVERED)
    assert sorted(SimulatedSms.objects.values_list("text", flat=True)) == sorted(m.text for m in delivered)


def test_every_automatic_message_left_when_the_queues_settings_say(loaded):
    for tie in CaseMessage.objects.exclude(message__kind=Kind.MANUAL).select_related("case", "message"):
        outgoing_sms = tie.message.queue.outgoing_sms
        if tie.message.kind == Kind.CONFIRMATION:
            assert outgoing_sms.confirmation_on
            assert tie.message.due_at == tie.case.booked_at
        else:
            assert outgoing_sms.reminder_on
            assert tie.message.due_at == tie.case.callback_at - timedelta(minutes=outgoing_sms.reminder_minutes)
            assert tie.message.due_at < database_now()


def test_every_number_to_the_telephone_menu_is_fictional_and_lacks_no_recording(loaded):
    numbers = list(PatientsNumber.objects.all())
    assert len(numbers) == 3
    for number in numbers:
        assert FICTIONAL_LANDLINE.fullmatch(number_text(number.number))
        assert FICTIONAL_LANDLINE.fullmatch(number_text(number.person_number))
        assert number.is_on
        assert recordings.missing(number) == []


def test_whoever_tries_it_finds_the_menu_and_radgivning_open(loaded):
    for number in PatientsNumber.objects.exclude(number="+46846500452"):
        for hours in range(0, 24 * 7, 5):
            assert hours_of_callers.closed(number, database_now() + timedelta(hours=hours)) is None


def test_the_menu_has_a_queue_another_that_asks_for_personnummer_an_announcement_and_a_person(loaded):
    one, two, three, zero = Menu.objects.get().choices.order_by("order")
    assert [choice.key for choice in (one, two, three, zero)] == [1, 2, 3, 0]
    assert one.queue.outgoing_sms.consent_required
    assert two.queue.by_phone.asks_personal_identity
    assert three.announcement
    assert zero.person_number
    assert PatientsNumber.objects.get(menu=Menu.objects.get()).languages == ["sv", "en"]


def test_calls_have_booked_been_abandoned_and_come_when_it_was_closed(loaded):
    calls = Call.objects.all()
    assert not calls.under_way().exists()
    assert {Ended.BOOKED, Ended.HUNG_UP, Ended.CLOSED, Ended.FULL, Ended.PERSON} <= {call.ended for call in calls}
    for call in calls:
        assert call.started_at < call.ended_at <= database_now()
        number = call.from_number
        assert not number or FICTIONAL_MOBILE.fullmatch(number) or FICTIONAL_LANDLINE.fullmatch(number)


def test_a_call_that_booked_began_before_its_case_and_came_from_its_a_number(loaded):
    booked = list(Call.objects.filter(ended=Ended.BOOKED).select_related("case"))
    assert booked
    for call in booked:
        assert call.started_at < call.case.booked_at < call.ended_at
        assert call.from_number == (number_text(call.case.a_number) if call.case.a_number else "")
        assert call.queue == call.case.queue
        said = [entry.sentence for entry in history.acts(call.case)]
        assert any(sentence.startswith("Patienten ringde ") and "och bokade" in sentence for sentence in said)


def test_a_patient_has_said_ja_by_key_to_the_recorded_words(loaded):
    consent = Consent.objects.get(channel=Channel.PHONE_KEYS)
    call = Call.objects.get(pk=consent.call_id)
    assert {"what": "consent", "answer": "yes"} in call.choices
    assert call.from_number == number_text(consent.phone_number)
    assert consent.text.recorded
    assert "Får vi skicka SMS" in consent.text.text
    assert call.started_at < consent.answered_at < call.ended_at


def test_the_telephone_system_can_book_in_both_of_spindelns_queues(loaded):
    today = timezone.localdate()
    for name in ("Rådgivning", "Tidbokning"):
        assert free_times.between(queue("VC Spindeln", name), today, today + timedelta(days=14))


# The check at start


def problems():
    return {message.id for message in run_checks() if (message.id or "").startswith("teleq.")}


def test_the_start_is_refused_while_demonstration_logins_exist_outside_the_demonstration(loaded, settings):
    assert problems() == set()
    settings.TELEQ_DEMO = False
    assert problems() == {"teleq.E001"}


def test_the_error_names_the_logins(loaded, settings):
    settings.TELEQ_DEMO = False
    [error] = demonstration_logins_are_shut_out()
    assert "anna" in error.msg
    assert "drift" in error.msg
    assert PASSWORD not in error.msg


def test_a_single_demonstration_login_is_enough_to_refuse_the_start(settings):
    settings.TELEQ_DEMO = False
    User.objects.create_user("drift", password=PASSWORD)
    assert problems() == {"teleq.E001"}


@pytest.mark.parametrize("harmless", [{"password": "another-password-2026"}, {"is_active": False}])
def test_a_login_that_nobody_could_guess_or_use_is_no_error(settings, harmless):
    settings.TELEQ_DEMO = False
    User.objects.create_user("anna", **{"password": PASSWORD} | harmless)
    assert problems() == set()


def test_the_check_asks_for_no_users_before_the_tables_are_there(settings, monkeypatch):
    settings.TELEQ_DEMO = False
    monkeypatch.setattr(connection.introspection, "table_names", lambda: [])
    monkeypatch.setattr(User.objects, "filter", lambda **_: pytest.fail("asked for users"))
    assert problems() == set()


def test_the_start_is_refused_when_the_database_can_not_be_asked(settings, monkeypatch):
    settings.TELEQ_DEMO = False

    def unreachable():
        raise OperationalError

    monkeypatch.setattr(connection.introspection, "table_names", unreachable)
    assert problems() == {"teleq.E002"}
