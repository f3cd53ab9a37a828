"""What the sign-in pages show in the demonstration only."""

from django import template

from demo.logins import LOGINS, TOTP_KEY
from teleq.models import User

register = template.Library()


@register.simple_tag
def totp_key_of(user: User) -> str:
    """Of the demonstration's own app, for the logins that come with one."""
    return TOTP_KEY if user.username in logins_with_second_factor().split(", ") else ""


@register.simple_tag
def logins_with_second_factor() -> str:
    return ", ".join(login.username for login in LOGINS if login.second_factor)
