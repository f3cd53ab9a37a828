"""Which heading of the handbook is about which page of teleQ."""

from __future__ import annotations

from collections.abc import Iterable

from teleq.models import Membership, ProviderRole, Role, User

HELP: dict[str, tuple[str, ...]] = {
    # The callback, as nurses work it.
    "cases": ("medarbetare#ärendet",),
    "cases:work_list": ("medarbetare#arbetslistan",),
    "cases:live_list": ("medarbetare#arbetslistan",),
    "cases:take_next": ("medarbetare#ta-nästa-ärende",),
    "cases:release_mine": ("medarbetare#när-du-går",),
    "cases:search": ("medarbetare#hitta-ett-ärende",),
    "cases:found": ("medarbetare#hitta-ett-ärende",),
    "cases:other_queues": ("medarbetare#öppna-ärende-i-annan-kö",),
    "cases:new_case": ("medarbetare#nytt-ärende",),
    "cases:inbound": ("medarbetare#när-patienten-svarar-på-ett-sms",),
    "cases:mark_read": ("medarbetare#när-patienten-svarar-på-ett-sms",),
    "cases:journal": ("medarbetare#kopiera-till-journal",),
    "cases:case": ("medarbetare#ärendet",),
    "cases:live": ("medarbetare#ärendet",),
    "cases:act": ("medarbetare#ring-upp-en-patient",),
    "cases:done": ("medarbetare#avsluta-ett-ärende",),
    "cases:leave": ("medarbetare#två-i-samma-ärende",),
    "cases:take_over": ("medarbetare#två-i-samma-ärende",),
    "cases:save_details": ("medarbetare#ändra-nummer-och-uppgifter",),
    "cases:save_number": ("medarbetare#ändra-nummer-och-uppgifter",),
    "cases:save_consent": ("medarbetare#fråga-om-samtycke-till-sms",),
    "cases:sms": ("medarbetare#skicka-ett-sms",),
    "cases:free_times": ("medarbetare#boka-om",),
    "cases:rebook": ("medarbetare#boka-om",),
    "cases:move_to_queue": ("medarbetare#flytta-till-annan-kö",),
    "cases:save_protection": ("medarbetare#skyddade-personuppgifter",),
    "cases:add_note": ("medarbetare#anteckna",),
    "cases:draft": ("medarbetare#anteckna",),
    "demo:simulator": ("medarbetare#sms-simulatorn",),
    "demo:telephone": ("medarbetare#telefonen",),
    # Signing in and one's own account.
    "account": ("medarbetare#logga-in",),
    "oidc": ("medarbetare#logga-in",),
    "invitation": ("medarbetare#logga-in",),
    "mfa": ("medarbetare#ditt-konto",),
    "mfa_authenticate": ("medarbetare#logga-in",),
    "mfa_reauthenticate": ("medarbetare#logga-in",),
    "account_change": ("medarbetare#ditt-konto",),
    "sign_out": ("medarbetare#ditt-konto",),
    "session": ("medarbetare#när-du-går",),
    # Admin. Where several roles have a page, whoever has it is shown their own.
    "admin": ("administrator#admin", "systemforvaltare#admin", "loggranskare#admin"),
    "admin:teleq_outgoingsms": ("administrator#utgående-sms", "systemforvaltare#köer-och-texter"),
    "admin:teleq_outgoingsms_check": ("administrator#skulle-det-här-smset-skickas",),
    "admin:teleq_outgoingsms_history": ("administrator#historik", "systemforvaltare#köer-och-texter"),
    "admin:sms_standardtext": ("administrator#standardtexter", "systemforvaltare#köer-och-texter"),
    "admin:consent_consenttext": ("administrator#texter-att-läsa-upp", "systemforvaltare#köer-och-texter"),
    "admin:teleq_queue": ("administrator#köer", "systemforvaltare#köer-och-texter"),
    "admin:teleq_queue_add": ("administrator#ny-kö", "systemforvaltare#köer-och-texter"),
    "admin:telephony_patientsnumber": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:telephony_queuebyphone": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:telephony_menu": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:telephony_announcement": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:phone_trial": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:recordings": ("administrator#telefonmeny", "systemforvaltare#nummer-till-telefonmenyn"),
    "admin:teleq_user": ("administrator#användare-och-behörigheter", "systemforvaltare#användare-och-behörigheter"),
    "admin:rights": ("administrator#behörigheter-att-gå-igenom",),
    "admin:end_right": ("administrator#behörigheter-att-gå-igenom",),
    "admin:second_person": (
        "administrator#väntar-på-en-andra-person",
        "systemforvaltare#användare-och-behörigheter",
    ),
    "admin:held_cases": ("administrator#pågående-ärenden",),
    "admin:sms_stop": ("systemforvaltare#stoppa-alla-utskick",),
    "admin:stopped_sms": ("administrator#stoppade-sms",),
    "admin:lost_callbacks": ("administrator#återuppringningar-som-kan-ha-gått-förlorade",),
    "admin:statistics": ("administrator#statistik", "systemforvaltare#statistik"),
    "admin:patient_data": ("administrator#registerutdrag",),
    "admin:unplaced_sms": (
        "administrator#sms-som-inte-kunde-placeras",
        "systemforvaltare#sms-som-inte-kunde-placeras",
    ),
    "admin:reserve": ("administrator#reservrutin", "systemforvaltare#reservrutin"),
    "admin:access": (
        "administrator#inloggningar-och-ändrade-behörigheter",
        "systemforvaltare#inloggningar-och-ändrade-behörigheter",
        "loggranskare#inloggningar-och-ändrade-behörigheter",
    ),
    "admin:log_review": ("loggranskare#loggkontroll", "administrator#loggkontroll"),
    "admin:log_reviews": ("loggranskare#loggkontroll", "administrator#loggkontroll"),
    "admin:log_extract": ("loggranskare#loggutdrag", "administrator#loggkontroll"),
    "admin:teleq_careprovider": ("systemforvaltare#vårdgivare",),
    "admin:intake_intakekey": ("systemforvaltare#nycklar-för-telefonsystem",),
    "admin:operations": ("systemforvaltare#driftläge",),
    "admin:runbook": ("systemforvaltare#driftläge",),
    "admin:administration_retentionrun": ("systemforvaltare#gallring",),
}
"""By the view's name, or as much of its beginning as is needed: pages and headings' anchors, one for each role that has
something of its own to be told there."""


def about(view: str) -> tuple[str, ...]:
    """What `HELP` has for the view, by the longest beginning of its name that stands there."""
    while view not in HELP:
        shorter = view.rpartition("_")[0] or view.rpartition(":")[0]
        if not shorter:
            return ()
        view = shorter
    return HELP[view]


def place_for(view: str, roles: Iterable[str]) -> tuple[str, str]:
    """Page and anchor to show somebody who asks for help on this view; ("", "") where the handbook has nothing."""
    places = [(page, anchor) for page, _, anchor in (place.partition("#") for place in about(view))]
    own = set(roles)
    return next((place for place in places if place[0] in own), places[0] if places else ("", ""))


def pages_of(user: User) -> list[str]:
    """The handbook's pages for the roles that the user has today, the one with most in it for them first."""
    roles = set(Membership.objects.in_force().filter(user_id=user.pk).values_list("role", flat=True))
    whole = set(user.provider_roles.in_force().values_list("role", flat=True))
    has = {
        "systemforvaltare": user.is_superuser,
        "administrator": Role.ADMINISTRATOR in roles or ProviderRole.ADMINISTRATOR in whole,
        "loggranskare": ProviderRole.LOG_REVIEWER in whole,
        "medarbetare": bool(roles),
    }
    return [page for page, is_theirs in has.items() if is_theirs]
