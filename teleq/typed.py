"""Types that Django knows only while it runs, written down for mypy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import HttpRequest

from teleq.models import User

__all__ = ["ModelForm", "SignedInRequest"]

if TYPE_CHECKING:
    from django.forms import ModelForm
else:

    class ModelForm(forms.ModelForm):
        """`ModelForm[Case]` is a form of a Case. To mypy Django's own class is generic; while it runs it is not."""

        def __class_getitem__(cls, _model):
            return cls


class SignedInRequest(HttpRequest):
    """The request that a view gets. Its user is never anonymous, as `LoginMiddleware` has asked for a login."""

    user: User
