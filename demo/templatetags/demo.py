"""What the sign-in pages show in the demonstration only."""

from django import template

from demo.logins import LOGINS, TOTP_KEY

register = template.Library()


@register.simple_tag
def totp_key() -> str:
    return TOTP_KEY


@register.simple_tag
def logins_with_second_factor() -> str:
    return ", ".join(login.username for login in LOGINS if login.second_factor)
