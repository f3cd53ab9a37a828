"""Signing in, and one's own account under /konto/. allauth's views, in the product's pages and on its record."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.account.views import LoginView, PasswordChangeView, ReauthenticateView
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.base.views import ReauthenticateView as ReauthenticateByCodeView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView, ViewRecoveryCodesView
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView, ReauthenticateWebAuthnView, RemoveWebAuthnView
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import PasswordResetConfirmView
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from access import forms, openid, record, second_factor, sessions
from access.invitations import tokens
from access.sessions import signed_out
from teleq.models import CareProviderRole, Membership, User

TOO_MANY = 429
LAST_ONE = gettext_noop("Lägg till en annan andra faktor först. Den här är din enda.")


class LimitedForm:
    """A form that was not looked at, since too many were wrong before it, is answered with 429."""

    def form_invalid(self, form: BaseForm) -> HttpResponseBase:
        response: HttpResponseBase = super().form_invalid(form)  # type: ignore[misc]
        if forms.is_limited(form.errors):
            response.status_code = TOO_MANY
        return response


# Signing in ----------------------------------------------------------------------------------------------------------


@method_decorator(login_not_required, name="dispatch")
class SignInView(LimitedForm, LoginView):
    form_class = forms.SignInForm
    template_name = "access/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        provider = settings.OIDC_NAME if openid.is_configured() else ""
        return {**super().get_context_data(**kwargs), "identity_provider": provider}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Here, and on no other page, a form leads on to the identity provider: the policy lets it through."""
        view = super().dispatch
        if openid.is_configured():
            view = csp_update({"form-action": openid.origins()})(view)
        return view(request, *args, **kwargs)

    def form_valid(self, form: forms.SignInForm) -> HttpResponse:
        """Whoever was signed in here is so no more, also while the second factor is asked for. Who comes after another
        begins at their own work list."""
        another = sessions.was_anothers(self.request, form.user)
        next_url = resolve_url(settings.LOGIN_REDIRECT_URL) if another else self.get_success_url()
        if self.request.user.is_authenticated:
            get_adapter().logout(self.request)
        response: HttpResponse = form.login(self.request, redirect_url=next_url)
        return response


@method_decorator(login_stage_required(stage=AuthenticateStage.key, redirect_urlname="account_login"), name="dispatch")
class SecondFactorView(LimitedForm, AuthenticateView):
    form_class = forms.CodeForm
    webauthn_form_class = forms.PasskeyForm
    template_name = "access/second_factor.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "cancel" in request.POST:
            return self.stage.abort()
        return super().post(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kinds = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        return {**super().get_context_data(**kwargs), "person": self.stage.login.user, "kinds": kinds}


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    get_adapter().logout(request)
    return signed_out()


@login_not_required
@require_POST
def oidc_begin(request: HttpRequest) -> HttpResponse:
    if not openid.is_configured():
        raise Http404
    return openid.begin(request, get_next_redirect_url(request))


@login_not_required
@require_GET
def oidc_callback(request: HttpRequest) -> HttpResponse:
    if not openid.is_configured():
        raise Http404
    return openid.complete(request)


@method_decorator([login_not_required, sensitive_post_parameters()], name="dispatch")
class InvitationView(PasswordResetConfirmView):
    """Where the link leads that an administrator has handed over. The new password signs in, as far as it goes: the
    second factor is asked for, or has to be added."""

    form_class = forms.FirstPasswordForm
    template_name = "access/invitation.html"
    token_generator = tokens
    success_url = reverse_lazy("account_login")
    reset_url_token = "nytt-losenord"  # noqa: S105  what stands in the address in the token's place

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        super().form_valid(form)  # saves, and takes the token out of the session
        user: User = form.user
        record.note(record.What.INVITATION_USED, user, record.Method.INVITATION)
        record.note(record.What.PASSWORD_CHANGED, user)
        if self.request.user.is_authenticated:
            get_adapter().logout(self.request)
        return perform_password_login(self.request, {"username": user.username}, Login(user=user))


# One's own account ---------------------------------------------------------------------------------------------------


class AccountView(IndexView):
    template_name = "access/account.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = forms.PreferencesForm(request.POST, instance=User.objects.get(pk=request.user.pk))
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(preferences=form), status=422)
        with translation.override(form.save().language):
            messages.success(request, _("Utseende och språk är sparade."))
        return redirect("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        memberships = Membership.objects.in_force().filter(user=self.request.user).select_related("queue")
        roles = CareProviderRole.objects.in_force().filter(user=self.request.user).select_related("care_provider")
        required = settings.SECOND_FACTOR_REQUIRED and not second_factor.is_strongly_signed_in(self.request)
        codes = context["authenticators"].get(Authenticator.Type.RECOVERY_CODES)
        return {
            "preferences": forms.PreferencesForm(instance=self.request.user),
            **context,
            "sessions": [
                (session, sessions.name_of(session.pk), session.pk == self.request.session.session_key)
                for session in sessions.of_user(self.request.user)
            ],
            "memberships": memberships.order_by("queue__unit", "queue__name"),
            "provider_roles": roles.order_by("care_provider__name"),
            "idle_minutes": round(settings.SESSION_IDLE_MINUTES),
            "must_add": required,
            "app": context["authenticators"].get(Authenticator.Type.TOTP),
            "passkeys": context["authenticators"].get(Authenticator.Type.WEBAUTHN, []),
            "codes_left": len(codes.get_unused_codes()) if codes else 0,
        }


class OwnPasswordView(LimitedForm, PasswordChangeView):
    form_class = forms.PasswordForm
    template_name = "access/password.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not (isinstance(request.user, User) and request.user.has_usable_password()):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: BaseForm) -> HttpResponse:
        messages.success(self.request, _("Lösenordet är bytt."))
        return super().form_valid(form)


class AddAppView(ActivateTOTPView):
    form_class = forms.AddAppForm
    template_name = "access/add_app.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        authenticator = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        second_factor.use_totp_code(authenticator, form.cleaned_data["code"])  # it doesn't sign in once more
        second_factor.added(self.request, self.request.user, authenticator)
        messages.success(self.request, _("Appen är tillagd."))
        return response


class RemoveAppView(DeactivateTOTPView):
    template_name = "access/remove_app.html"

    def form_valid(self, form: BaseForm) -> HttpResponse:
        response = super().form_valid(form)
        record.note(record.What.FACTOR_REMOVED, self.request.user, record.Method.TOTP)
        messages.success(self.request, _("Appen är borttagen."))
        return response


class AddPasskeyView(AddWebAuthnView):
    form_class = forms.AddPasskeyForm
    template_name = "access/add_passkey.html"

    def form_valid(self, form: BaseForm) -> HttpResponse:
        response = super().form_valid(form)
        passkeys = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.WEBAUTHN)
        second_factor.added(self.request, self.request.user, passkeys.latest("pk"))
        messages.success(self.request, _("Passkeyn är tillagd."))
        return response


class RemovePasskeyView(RemoveWebAuthnView):
    template_name = "access/remove_passkey.html"
    success_url = reverse_lazy("mfa_index")

    def form_valid(self, form: BaseForm) -> HttpResponse:
        if not second_factor.may_remove(self.get_object()):
            messages.error(self.request, _(LAST_ONE))
            return redirect("mfa_index")
        response = super().form_valid(form)
        record.note(record.What.FACTOR_REMOVED, self.request.user, record.Method.PASSKEY)
        messages.success(self.request, _("Passkeyn är borttagen."))
        return response


class RecoveryCodesView(ViewRecoveryCodesView):
    """Shown once, when they have been made."""

    template_name = "access/recovery_codes.html"


class NewRecoveryCodesView(GenerateRecoveryCodesView):
    template_name = "access/new_recovery_codes.html"

    def form_valid(self, form: BaseForm) -> HttpResponse:
        response = super().form_valid(form)
        record.note(record.What.CODES_MADE, self.request.user, record.Method.RECOVERY_CODE)
        return response


class NewSessionKey:
    """Of a view that asks who somebody is: once they have shown it, the session has another key than before, which
    somebody else may have come by (OWASP ASVS 5, 7.2.4)."""

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]  # a mixin
        self.request.session.cycle_key()  # type: ignore[attr-defined]
        return response


class ConfirmByPasswordView(LimitedForm, NewSessionKey, ReauthenticateView):
    form_class = forms.ConfirmByPasswordForm
    template_name = "access/confirm.html"


class ConfirmByCodeView(LimitedForm, NewSessionKey, ReauthenticateByCodeView):
    form_class = forms.ConfirmByCodeForm
    template_name = "access/confirm.html"


class ConfirmByPasskeyView(NewSessionKey, ReauthenticateWebAuthnView):
    form_class = forms.ConfirmByPasskeyForm
    template_name = "access/confirm_by_passkey.html"
