"""The demonstration's logins. Imports no models, so that the check at start can know them before there are any."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_noop

PASSWORD = "teleq-demo-2026"  # noqa: S105  known to everyone: demo/checks.py refuses it outside the demonstration
TOTP_KEY = "TELEQDEMOTELEQDEMO234567TELEQDEM"  # for an authenticator app: the second factor of whoever has one


@dataclass(frozen=True)
class Login:
    username: str
    first_name: str
    last_name: str
    role: str
    queues: tuple[str, ...] = ()
    administrator: bool = False
    operator: bool = False
    second_factor: bool = False
    care_provider: str = ""
    """Where it is the whole of one: its name, and which role the login has there."""
    provider_role: str = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


SPINDELN = ("rådgivning", "tidbokning")
LOGINS = [
    Login("anna", "Anna", "Lind", gettext_noop("Medarbetare, VC Spindeln"), SPINDELN),
    Login(
        "karim", "Karim", "Noor", gettext_noop("Medarbetare, VC Spindeln; andra faktor"), SPINDELN, second_factor=True
    ),
    Login("maria", "Maria", "Ek", gettext_noop("Administratör, VC Spindeln"), SPINDELN, administrator=True),
    Login(
        *("vera", "Vera", "Vik", gettext_noop("Administratör för hela Region Sundvik")),
        care_provider="Region Sundvik",
        provider_role="provider_administrator",
    ),
    Login(
        *("lars", "Lars", "Sund", gettext_noop("Loggranskare, Region Sundvik")),
        care_provider="Region Sundvik",
        provider_role="log_reviewer",
    ),
    Login("sara", "Sara", "Wiik", gettext_noop("Medarbetare, VC Myran"), ("myran",)),
    Login("jonas", "Jonas", "Rask", gettext_noop("Administratör, VC Myran"), ("myran",), administrator=True),
    Login("drift", "Disa", "Drake", gettext_noop("Systemförvaltare"), operator=True),
]
