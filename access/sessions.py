"""Sessions: when they end, and whose they are.

A session ends after half an hour in which its owner did nothing (SESSION_IDLE_MINUTES), and ten hours after they signed
in. A call under way is something that they do, for an hour at the most from when they took the case; and a session that
is ten hours old goes on to that hour's end. What an open page asks for by itself is nothing that anybody does: such
views say so (`no_activity`), and nothing that a browser says about itself is asked. All by PostgreSQL's clock: it is
the same session whichever web host answers.

Sources: OWASP ASVS 5, 7.3 and 7.4; HSLF-FS 2016:40 3 kap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.db.models.functions import Now
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from access import record
from access.models import Session
from access.session_store import ACTIVE_AT, ADDRESS, BEGAN_AT, BROWSER, SessionStore
from teleq.client_address import client_network
from teleq.models import User

LONGEST = timedelta(hours=10)
"""A working day."""
CALL = timedelta(hours=1)
WARNED = timedelta(minutes=2)
"""How long before its end somebody is warned."""
OFTEN_ENOUGH = timedelta(minutes=1)
"""How often the time of the last activity is stored: not at every page."""
ENDED = gettext_noop("Sessionen tog slut.")

WHOSE = "whose_has_ended"
"""In the session of nobody that follows one that has ended: whose that was."""

View = TypeVar("View", bound=Callable[..., Any])


def _now(request: HttpRequest) -> float:
    assert isinstance(request.session, SessionStore)
    return request.session.now()


def idle_limit() -> timedelta:
    return timedelta(minutes=settings.SESSION_IDLE_MINUTES)


# Activity ------------------------------------------------------------------------------------------------------------


def no_activity(view: View) -> View:
    """Of a view that open pages ask for by themselves: nobody is there for it."""
    view.is_activity = False  # type: ignore[attr-defined]
    return view


def is_activity(view: Callable[..., Any]) -> bool:
    return getattr(view, "is_activity", True)


@receiver(user_logged_in)
def begin(request: HttpRequest, **_: object) -> None:
    now = _now(request)
    request.session.update(
        {
            BEGAN_AT: now,
            ACTIVE_AT: now,
            ADDRESS: client_network(request),
            BROWSER: browser_of(request.META.get("HTTP_USER_AGENT", "")),
        }
    )


def note_activity(request: HttpRequest, *, at_once: bool = False) -> None:
    """Its owner does something. In the session at once, or within a minute or so."""
    now, often = _now(request), min(OFTEN_ENOUGH, idle_limit() / 10).total_seconds()
    if at_once or now - request.session[ACTIVE_AT] >= often:
        request.session[ACTIVE_AT] = now


# The end -------------------------------------------------------------------------------------------------------------


def has_ended(request: HttpRequest) -> bool:
    return time_left(request) <= timedelta(0)


def time_left(request: HttpRequest, within: timedelta = timedelta(0)) -> timedelta:
    """How long the session has left. Whether a call is under way is asked only where it has no more than this left
    without: one query, once in a while."""
    now = _now(request)
    left = _end(request.session, None) - now
    if left <= within.total_seconds():
        assert isinstance(request.user, User)
        left = _end(request.session, _call_began(request.user)) - now
    return timedelta(seconds=left)


def can_go_on(request: HttpRequest, left: timedelta) -> bool:
    """Whether doing something would give the session longer than it has left."""
    began: float = request.session[BEGAN_AT]
    return _now(request) + left.total_seconds() < began + LONGEST.total_seconds()


def told(request: HttpRequest) -> dict[str, Any]:
    """What the page says of the session's end, and when it is to ask again: for access/_session.html."""
    left = time_left(request, within=WARNED)
    warned = left <= WARNED
    return {
        "warned": warned,
        "can_go_on": can_go_on(request, left),
        "ask_again_after": 10 if warned else int((left - WARNED).total_seconds()) + 1,
        "whose": request.user.pk,
    }


def _end(session: Any, call_began: datetime | None) -> float:
    """When the session ends, in seconds since 1970. One that nobody knows the times of has ended."""
    idle = session.get(ACTIVE_AT, 0) + idle_limit().total_seconds()
    longest = session.get(BEGAN_AT, 0) + LONGEST.total_seconds()
    if (
        call_began is not None and call_began.timestamp() < longest
    ):  # else one call after the other would go on for ever
        call = call_began + CALL
        idle, longest = max(idle, call.timestamp()), max(longest, call.timestamp())
    return float(min(idle, longest))


def _call_began(user: User) -> datetime | None:
    """`access` knows no cases: the setting names who does."""
    call_began: Callable[[User], datetime | None] = import_string(settings.CALL_UNDER_WAY)
    return call_began(user)


def end(request: HttpRequest) -> None:
    """Its time is over: whoever asks is nobody from here on."""
    assert isinstance(request.user, User)
    user = request.user
    record.note(record.What.SIGNED_OUT, user, why=ENDED)
    logout(request)
    request.session[WHOSE] = user.pk


def was_anothers(request: HttpRequest, user: User) -> bool:
    """Whether it was another's session that has ended here: what they were about is nowhere for this user to go on."""
    return bool(request.session.get(WHOSE, user.pk) != user.pk)


# One's own -----------------------------------------------------------------------------------------------------------


def of_user(user: User) -> list[Session]:
    """Those that have not ended, the one last used first."""
    live = Session.objects.filter(
        user=user, active_at__gt=Now() - max(idle_limit(), CALL), began_at__gt=Now() - (LONGEST + CALL)
    )
    return list(live.order_by("-active_at"))


def name_of(session_key: str) -> str:
    """By which a session is named on a page: its key would let others in."""
    return salted_hmac("access.sessions", session_key, algorithm="sha256").hexdigest()[:20]


def sign_out(user: User, name: str) -> bool:
    """End one of the user's sessions, wherever it is. Whether there was such a one."""
    found = [session.pk for session in Session.objects.filter(user=user) if name_of(session.pk) == name]
    Session.objects.filter(pk__in=found).delete()
    if found:
        record.note(record.What.SIGNED_OUT, user)
    return bool(found)


def signed_out() -> HttpResponse:
    """To the login, and nothing that teleQ has stored in the browser is left (OWASP ASVS 5, 14.3.1)."""
    response = redirect("account_login")
    response["Clear-Site-Data"] = '"storage"'
    return response


def sign_out_everywhere(user: User, by: User | None = None) -> None:
    """End all of the user's sessions; `by` an administrator, where it isn't the user themselves."""
    Session.objects.filter(user=user).delete()
    record.note(record.What.SIGNED_OUT, user, by=by, why=gettext_noop("Överallt."))


BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
"""By what stands in a User-Agent header. The first that is found: most of them claim to be those that come later."""
SYSTEMS = {
    **{"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS"},
    **{"Mac OS X": "Mac", "Linux": "Linux"},
}


def browser_of(user_agent: str) -> str:
    """What its owner knows it by: "Edge, Windows". No versions, which would tell one person from another."""
    return ", ".join(filter(None, (_first(BROWSERS, user_agent), _first(SYSTEMS, user_agent))))


def _first(names: Mapping[str, str], text: str) -> str:
    return next((name for part, name in names.items() if re.search(rf"\b{part}\b", text)), "")
