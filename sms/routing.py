"""Routing: which of the providers in SMS_PROVIDERS can send a message, by its sender.

A name can be sent by all of them. A telephone number can be sent only where it is rented (SMS_NUMBERS), as patients'
replies come there, STOPP among them. A number that stands nowhere is taken to be rented at the first provider.
"""

from django.conf import settings

from teleq.models import is_number


def able(sender: str) -> list[str]:
    """The names of the providers that can send for this sender, in order."""
    names: list[str] = settings.SMS_PROVIDERS
    if not is_number(sender):
        return names
    rented_at = {number: provider for provider, number in settings.SMS_NUMBERS}
    return [rented_at[sender]] if sender in rented_at else names[:1]


def can_send(provider: str, sender: str) -> bool:
    return not is_number(sender) or provider in able(sender)


def is_sent_by_one_of_several(sender: str) -> bool:
    """Whether what is sent from here waits while one provider is down, though others are there: said in Admin."""
    return len(able(sender)) < len(settings.SMS_PROVIDERS)
