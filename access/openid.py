"""Sign-in by OpenID Connect, as SITHS and regional identity providers offer it: `docs/sign-in.md`.

Staff are matched by HSA-id. The protocol is django-allauth's (state, PKCE, the code's exchange); here the nonce is
asked for and checked, and the ID token's signature, which allauth leaves to TLS.

Source: OpenID Connect Core 1.0; names and levels from Inera's list of attributes ("Attributlista").
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.base.constants import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from access import record
from teleq.database import insert_unless_there
from teleq.models import User

logger = logging.getLogger(__name__)

PROVIDER_ID = "oidc"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
CLOCKS_DIFFER_BY = 180
"""Seconds, at the most, between the identity provider's clock and the web host's, of which there may be several, with
two minutes between their own."""
ASK = gettext_noop("Be en administratör för din kö att lägga in ditt HSA-id under Admin, Användare.")


def is_configured() -> bool:
    return bool(settings.OIDC_SERVER_URL)


def app() -> SocialApp:
    """The one identity provider, of the environment: none is looked for in the database."""
    return SocialApp(
        provider="openid_connect",
        provider_id=PROVIDER_ID,
        name=settings.OIDC_NAME,
        client_id=settings.OIDC_CLIENT_ID,
        secret=settings.OIDC_CLIENT_SECRET,
        settings={
            "server_url": settings.OIDC_SERVER_URL,
            "scope": settings.OIDC_SCOPES,
            "oauth_pkce_enabled": True,
        },
    )


def origins() -> list[str]:
    """Where the sign-in page's form leads, redirections included: what its security policy has to let through."""
    parts = urlsplit(settings.OIDC_SERVER_URL)
    return [f"{parts.scheme}://{parts.netloc}", *settings.OIDC_ORIGINS]


class IdentityProvider(OpenIDConnectOAuth2Adapter):
    """The one in the settings."""

    def __init__(self, request: HttpRequest, provider_id: str = PROVIDER_ID) -> None:
        super().__init__(request, provider_id)

    def get_provider(self) -> Any:
        provider = super().get_provider()
        provider.oauth2_adapter_class = IdentityProvider
        return provider

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return request.build_absolute_uri(reverse("oidc_callback"))

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> SocialLogin:
        """What the identity provider says, of the ID token and of userinfo. Raises OAuth2Error."""
        try:
            claims = self._verified(kwargs["response"].get("id_token") or "", app.client_id)
            userinfo = self._fetch_user_info(token.token) if "userinfo_endpoint" in self.openid_config else {}
        except (jwt.PyJWTError, requests.RequestException, KeyError, TypeError, ValueError) as error:
            raise OAuth2Error(type(error).__name__) from None
        if userinfo.get("sub", claims["sub"]) != claims["sub"]:  # OpenID Connect Core 5.3.2
            raise OAuth2Error("userinfo is about somebody else")
        # What is signed counts before what is not.
        return self.get_provider().sociallogin_from_response(request, {"id_token": {**userinfo, **claims}})

    def _verified(self, id_token: str, client_id: str) -> dict[str, Any]:
        """The ID token's claims (OpenID Connect Core 3.1.3.7)."""
        with get_adapter().get_requests_session() as session:
            answer = session.get(self.openid_config["jwks_uri"])
            answer.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(answer.json()).keys
        kid = jwt.get_unverified_header(id_token).get("kid")
        named = [key for key in keys if kid is None or key.key_id == kid]
        if len(named) != 1:
            raise jwt.InvalidKeyError
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key=named[0],
            algorithms=ALGORITHMS,
            audience=client_id,
            issuer=self._issuer(),
            leeway=CLOCKS_DIFFER_BY,
            options={"require": ["exp", "iat", "sub"]},
        )
        return claims

    def _issuer(self) -> str:
        """By what name it signs: that of the server that was set up, or else another speaks for it (OpenID Connect
        Discovery 4.3). Raises jwt.InvalidIssuerError."""
        issuer = str(self.openid_config["issuer"])
        if issuer.rstrip("/") != settings.OIDC_SERVER_URL.removesuffix("/.well-known/openid-configuration"):
            raise jwt.InvalidIssuerError
        return issuer


def begin(request: HttpRequest, next_url: str | None) -> HttpResponse:
    """Send the browser to the identity provider."""
    provider = IdentityProvider(request).get_provider()
    nonce = secrets.token_urlsafe(32)
    asked = {"nonce": nonce, "claims": json.dumps(_claims())}
    if settings.OIDC_ACR:
        asked["acr_values"] = " ".join(settings.OIDC_ACR)
    try:
        answer: HttpResponse = provider.redirect(
            request, AuthProcess.LOGIN, next_url=next_url, auth_params=asked, nonce=nonce
        )
    except (requests.RequestException, KeyError, ValueError) as error:
        return _page(request, _not_reached(error), 503)
    return answer


def _claims() -> dict[str, dict[str, None]]:
    """What is asked for by name (OpenID Connect Core 5.5): Inera's provider tells what is asked for, and no more."""
    names = [settings.OIDC_HSA_ID_CLAIM, settings.OIDC_COMMISSION_CLAIM]
    if settings.OIDC_MAKE_ACCOUNTS:
        names += ["given_name", "family_name"]
    wanted = dict.fromkeys(filter(None, names))
    return {"id_token": wanted, "userinfo": wanted}


def complete(request: HttpRequest) -> HttpResponse:
    """The identity provider has sent the browser back."""
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(IdentityProvider)(request)
    except (requests.RequestException, KeyError, ValueError) as error:
        return _page(request, _not_reached(error), 503)
    return answer


def who_is_it(request: HttpRequest, sociallogin: SocialLogin) -> User:
    """The account of whom the identity provider speaks of. Raises ImmediateHttpResponse, with a page that says why."""
    claims, nonce = sociallogin.account.extra_data["id_token"], sociallogin.state.get("nonce", "")
    if not nonce or not constant_time_compare(str(claims.get("nonce", "")), nonce):
        raise _refused(
            request,
            gettext_noop("Svaret från {name} hör inte till den här inloggningen. Försök igen."),
            gettext_noop("Fel nonce."),
        )
    if settings.OIDC_ACR and claims.get("acr") not in settings.OIDC_ACR:
        said = gettext_noop(
            "Inloggningen hos {name} hade inte tillräcklig tillitsnivå. Logga in där med SITHS-kort eller motsvarande."
        )
        raise _refused(request, said, gettext_noop("För låg tillitsnivå."))
    commission = str(claims.get(settings.OIDC_COMMISSION_CLAIM) or "") if settings.OIDC_COMMISSION_CLAIM else ""
    if settings.OIDC_COMMISSIONS and commission not in settings.OIDC_COMMISSIONS:
        said = gettext_noop(
            "Medarbetaruppdraget som du valde hos {name} gäller inte här. Logga in igen och välj ett annat."
        )
        raise _refused(request, said, gettext_noop("Fel medarbetaruppdrag."))
    hsa_id = str(claims.get(settings.OIDC_HSA_ID_CLAIM) or "").strip().upper()
    if not hsa_id:
        raise _refused(
            request,
            gettext_noop("{name} talade inte om ditt HSA-id. Kontakta driften."),
            gettext_noop("HSA-id saknas."),
        )
    user = User.objects.filter(hsa_id=hsa_id).first() or _make(hsa_id, claims)
    if user is None:
        raise _refused(
            request,
            _("Det finns inget konto med HSA-id %(hsa_id)s.") % {"hsa_id": hsa_id} + " " + _(ASK),
            gettext_noop("HSA-id:t finns inte."),
        )
    if not user.is_active:
        said = gettext_noop(
            "Ditt konto är inaktivt. Be en administratör för din kö att aktivera det under Admin, Användare."
        )
        raise _refused(request, said, gettext_noop("Kontot är inaktivt."), user)
    return user


def _make(hsa_id: str, claims: dict[str, Any]) -> User | None:
    """A new account without any rights, where the configuration says that they are made."""
    if not settings.OIDC_MAKE_ACCOUNTS:
        return None
    user = User(username=hsa_id, hsa_id=hsa_id)
    user.first_name = str(claims.get("given_name") or "")[:150]
    user.last_name = str(claims.get("family_name") or "")[:150]
    user.set_unusable_password()
    try:
        user.clean_fields()
    except ValidationError:
        return None
    return user if insert_unless_there(user) else None


def went_wrong(request: HttpRequest, error: str = "", exception: Exception | None = None, **problem: Any) -> None:
    """Raises ImmediateHttpResponse, with a page that says what to do."""
    if error == AuthError.CANCELLED:
        raise _refused(request, gettext_noop("Du avbröt inloggningen hos {name}."), gettext_noop("Avbröts."))
    if isinstance(exception, requests.RequestException):
        raise ImmediateHttpResponse(_page(request, _not_reached(exception), 503))
    logger.warning("A sign-in by OpenID Connect went wrong: %s", type(exception).__name__)
    raise _refused(
        request,
        gettext_noop("Inloggningen hos {name} gick inte att slutföra. Försök igen."),
        gettext_noop("Svaret gick inte att lita på."),
    )


def _not_reached(error: Exception) -> str:
    logger.error("The identity provider can't be reached: %s", type(error).__name__)
    return gettext_noop("Det går inte att nå {name} just nu. Försök igen om en stund.")


def _refused(request: HttpRequest, said: str, why: str, user: User | None = None) -> ImmediateHttpResponse:
    record.note(record.What.REFUSED, user, record.Method.OPENID, why=why)
    return ImmediateHttpResponse(_page(request, said, 403))


def _page(request: HttpRequest, said: str, status: int) -> HttpResponse:
    context = {"reason": _(said).replace("{name}", settings.OIDC_NAME)}
    return render(request, "access/not_signed_in.html", context, status=status)
