"""Forms for signing in and for one's own account: allauth's, with limits that count in PostgreSQL, and our words."""

from __future__ import annotations

import json
from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, ReauthenticateWebAuthnForm
from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.adapters import LIMITED, WRONG_CODE, too_many
from access.limits import TooMany
from access.second_factor import check_code, steps_of
from teleq.models import User
from teleq.typed import ModelForm

AGAIN = gettext_lazy("Lösenordet igen")
NEW = gettext_lazy("Nytt lösenord")
HOW_LONG = gettext_lazy(
    "Minst 12 tecken. Gärna flera ord efter varandra. Inte ditt namn, användarnamn eller din enhet."
)


def is_limited(errors: ErrorDict) -> bool:
    """Whether a form was not looked at, since too many were wrong before it."""
    return any(error.code == LIMITED for found in errors.values() for error in found.as_data())


def _without_placeholders(form: forms.BaseForm) -> None:
    """The label says it; a placeholder is gone when it is needed."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label, self.fields["password"].label = _("Användarnamn"), _("Lösenord")
        self.fields["login"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        _without_placeholders(self)


class CodeField(forms.CharField):
    """Of an authenticator app, or a recovery code."""

    def __init__(self) -> None:
        attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        super().__init__(label=gettext_lazy("Kod"), max_length=20, widget=forms.TextInput(attrs=attrs))


class _LimitedCode(forms.Form):
    """allauth's form, but each code counts once, and wrong ones are counted for all processes."""

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        try:
            authenticator = check_code(context.request, self.user, code)  # type: ignore[attr-defined]
        except TooMany as problem:
            raise too_many(problem) from None
        if authenticator is None:
            raise ValidationError(WRONG_CODE)
        self.authenticator = authenticator
        return code


class CodeForm(_LimitedCode, AuthenticateForm):
    code = CodeField()


class ConfirmByCodeForm(_LimitedCode, ReauthenticateByCodeForm):
    code = CodeField()


class ConfirmByPasswordForm(ReauthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("Lösenord")
        _without_placeholders(self)


class AddAppForm(ActivateTOTPForm):
    """allauth's, but by PostgreSQL's clock."""

    code = CodeField()

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not steps_of(self.secret, code):
            raise ValidationError(WRONG_CODE)
        return code


class _Decoder(json.JSONDecoder):
    """A number that is too long for Python to read is bad JSON like any other, which Django's field tells of."""

    def decode(self, s: str) -> Any:  # type: ignore[override]  # the stubs name an argument that nobody passes
        try:
            return super().decode(s)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), s, 0) from error


class CredentialField(forms.JSONField):
    """What the browser answers for a passkey."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(decoder=_Decoder)


class PasskeyForm(AuthenticateWebAuthnForm):
    credential = CredentialField()


class ConfirmByPasskeyForm(ReauthenticateWebAuthnForm):
    credential = CredentialField()


class AddPasskeyForm(AddWebAuthnForm):
    credential = CredentialField()
    name = forms.CharField(label=gettext_lazy("Namn på passkeyn"), max_length=60, required=False)


class PasswordForm(ChangePasswordForm):
    """One's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in {"oldpassword": _("Nuvarande lösenord"), "password1": NEW, "password2": AGAIN}.items():
            self.fields[name].label = label
        self.fields["password1"].help_text = HOW_LONG
        _without_placeholders(self)

    def clean_oldpassword(self) -> str:
        """A session that is left open must not be where the password is guessed: as limited as a sign-in."""
        from allauth.account.adapter import get_adapter  # noqa: PLC0415

        typed: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, typed):
            raise get_adapter().validation_error("enter_current_password")
        return typed


class FirstPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs only
    """By a link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label, self.fields["new_password2"].label = NEW, AGAIN
        self.fields["new_password1"].help_text = HOW_LONG


class PreferencesForm(ModelForm[User]):
    """How one's own pages look, and which language they speak."""

    class Meta:
        model = User
        fields = ("colour_scheme", "language")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.show_hidden_initial = True  # only what was chosen on this page is saved

    def save(self, commit: bool = True) -> User:
        self.instance.save(update_fields=self.changed_data)
        return self.instance
