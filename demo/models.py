"""The SMS that the simulator has taken, and the calls from the telephone in the browser."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq import phone_numbers
from teleq.models import is_number


class SimulatedSms(models.Model):
    """An SMS on the patient's telephone, for which the simulator stands in."""

    to_number = PhoneNumberField(gettext_lazy("till"))
    sender = models.CharField(max_length=20)
    text = models.TextField()
    callback_url = models.URLField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("simulerat SMS")
        verbose_name_plural = gettext_lazy("simulerade SMS")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("simulerat SMS %(pk)s") % {"pk": self.pk}

    @property
    def can_be_replied_to(self) -> bool:
        """An SMS from a name can't be."""
        return is_number(self.sender)


def new_call_id() -> str:
    return f"sim-{secrets.token_hex(8)}"


class SimulatedCall(models.Model):
    """A call from the telephone in the browser, as the network knows it. The numbers are made up, or typed by whoever
    tries the demonstration."""

    call_id = models.CharField(max_length=40, unique=True, default=new_call_id)
    from_number = models.CharField(max_length=20)
    """As the network tells it: in E.164, or the word for a withheld one."""
    to_number = models.CharField(max_length=20)
    action = models.JSONField(default=dict)
    """What teleQ has said that is to be done now, in 46elks' words. Empty: the call is over."""
    told_when_it_ends = models.TextField(blank=True, default="")
    """The address."""
    played = models.PositiveSmallIntegerField(default=0)
    """How many times the action's file has been played."""
    keyed = models.CharField(max_length=40, blank=True, default="")
    """Keys that have been pressed so far, where several are waited for."""
    is_talking = models.BooleanField(default=False)
    """Whether the person has answered whom the call was put through to."""
    log = models.JSONField(default=list)
    """What was said and done, in order: a dictionary with `what`, and what that has (`demo.telephone`)."""
    began_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("simulerat samtal")
        verbose_name_plural = gettext_lazy("simulerade samtal")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("simulerat samtal %(pk)s") % {"pk": self.pk}

    @property
    def shown_from(self) -> str:
        return phone_numbers.show(phone_numbers.read(self.from_number)) or _("dolt nummer")

    @property
    def is_over(self) -> bool:
        return not self.action

    @property
    def waits_for_keys(self) -> bool:
        return "ivr" in self.action

    @property
    def is_ringing(self) -> bool:
        """At the person whom it is put through to."""
        return "connect" in self.action and not self.is_talking

    @property
    def digits(self) -> int:
        """How many keys are waited for at the most."""
        return int(self.action.get("digits", 1))

    @property
    def seconds_for_a_key(self) -> int:
        return int(self.action.get("timeout", 10))

    def note(self, what: str, **more: Any) -> None:
        self.log.append({"what": what, **more})
