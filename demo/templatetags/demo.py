"""What the sign-in pages show in the demonstration only."""

from django import template

from demo import data

register = template.Library()


@register.simple_tag
def totp_key() -> str:
    return data.TOTP_KEY


@register.simple_tag
def logins_with_second_factor() -> str:
    return ", ".join(login.username for login in data.LOGINS if login.second_factor)
