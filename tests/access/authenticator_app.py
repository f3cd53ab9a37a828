"""An authenticator app, by RFC 6238, and somebody who signs in with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from html import unescape
from typing import Any

from django.test import Client

from teleq.models import User
from tests.conftest import PASSWORD


def code(key: str, later: int = 0) -> str:
    """What an app with this key shows now, or so many half minutes later."""
    step = int(time.time()) // 30 + later
    digest = hmac.new(base64.b32decode(key), struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def type_password(client: Client, user: User | str, password: str = PASSWORD, **environ: Any) -> Any:
    name = user if isinstance(user, str) else user.username
    return client.post("/login/", {"login": name, "password": password}, **environ)


def add_app(client: Client) -> str:
    """Somebody who is signed in adds an app. Returns its key."""
    page = client.get("/konto/app/").content.decode()
    [key] = re.findall(r'Nyckel: <span class="key">([A-Z2-7]{32})</span>', page)
    answer = client.post("/konto/app/", {"code": code(key, -1)})
    if answer.status_code != 302:  # the half minute ended on the way, and with it the code's time
        answer = client.post("/konto/app/", {"code": code(key, -1)})
    assert answer.status_code == 302, answer.content.decode()
    return key


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r'<li class="key">(\d{8})</li>', client.get("/konto/reservkoder/").content.decode())


def is_in(client: Client) -> bool:
    """Whether the work list is shown."""
    return client.get("/").status_code == 200


def words(answer: Any) -> str:
    body = re.sub(r"<script.*?</script>", "", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))
