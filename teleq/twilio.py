"""Twilio's signature of its requests, by which SMS and calls are known to come from there.

Source: twilio.com/docs, webhooks security.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Twilio's signature of a request: over the address as Twilio has it, and the form's fields by name."""
    signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def is_signed(request: HttpRequest) -> bool:
    url = settings.TELEQ_URL + request.get_full_path()  # not the request's host, which a proxy may change
    expected = signature(settings.TWILIO_AUTH_TOKEN, url, request.POST.dict())
    given = request.headers.get("X-Twilio-Signature", "")
    return bool(settings.TWILIO_AUTH_TOKEN) and constant_time_compare(given, expected)
