"""A provider's own list of the SMS that it has sent and received, fetched whole.

For a database that was restored and doesn't know what has been sent since its copy was made.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from sms.http_client import LONGEST_LIST, NoResponse, exchange
from sms.providers import configured
from sms.providers.base import Provider, Reply, Request, Response, SentSms

logger = logging.getLogger(__name__)

ASK_AGAIN = (1, 2, 4, 8, 16)
"""Seconds between tries where the provider doesn't answer, or says that it is asked too often."""
ASKED_TOO_OFTEN = {429, 500, 502, 503, 504}


class NotListed(Exception):
    """The list could not be had whole. Says why, in the log's words."""


@dataclass(frozen=True)
class Listing:
    """An SMS to a patient in a provider's own list, with the provider's name."""

    provider: str
    sms: SentSms

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.sms.report.provider_message_id


@dataclass
class Lists:
    """What was had of all providers' own lists."""

    sent: list[Listing] = field(default_factory=list)
    replies: list[tuple[str, Reply]] = field(default_factory=list)
    """Each with its provider's name."""
    had: list[str] = field(default_factory=list)
    """The names of those whose list was had whole."""
    without: list[str] = field(default_factory=list)
    """The names of those that have no list, can't be asked, or that one goes on without."""
    failed: dict[str, str] = field(default_factory=dict)
    """The names of those whose list could not be had, and why. They have to be asked again."""


@dataclass
class Listed:
    """What a provider has sent and received since a time."""

    sent: list[SentSms] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)


def fetch_all(names: Iterable[str], since: datetime, go_on_without: Collection[str] = ()) -> Lists:
    """What these providers and those that are configured have listed since this aware time."""
    lists = Lists()
    for name in sorted({*settings.SMS_PROVIDERS, *names}):
        try:
            found = None if name in go_on_without else _fetch(name, since)
        except NotListed as error:
            lists.failed[name] = str(error)
            continue
        (lists.without if found is None else lists.had).append(name)
        if found:
            lists.sent += [Listing(name, sms) for sms in found.sent]
            lists.replies += [(name, reply) for reply in found.replies]
    return lists


def _fetch(name: str, since: datetime) -> Listed | None:
    provider = configured(name)
    return fetch(provider, since) if provider else None


def fetch(provider: Provider, since: datetime) -> Listed | None:
    """All that the provider has listed since this aware time, page by page. None if it has no list.

    What comes in meanwhile stands first in a list, so a page may repeat some of the one before: what has been seen is
    left out. Raises NotListed.
    """
    request = provider.build_list_request(since)
    if request is None:
        return None
    found, seen, asked = Listed(), set[str](), set[str]()
    while request:
        if request.url in asked:
            raise NotListed("its pages lead round in a circle")
        asked.add(request.url)
        try:
            page = provider.parse_list(_ask(request), since)
        except ValueError as error:
            raise NotListed(str(error)) from None
        found.sent += [sms for sms in page.sent if sms.report.provider_message_id not in seen]
        found.replies += [reply for reply in page.replies if reply.provider_message_id not in seen]
        seen |= {sms.report.provider_message_id for sms in page.sent}
        seen |= {reply.provider_message_id for reply in page.replies}
        request = page.following
    return found


def _ask(request: Request) -> Response:
    """Raises NotListed. Asking changes nothing, so that it does no harm to ask again."""
    why = ""
    for seconds in (*ASK_AGAIN, None):
        response = exchange({0: request}, longest_body=LONGEST_LIST)[0]
        if isinstance(response, NoResponse):
            why = response.reason
        elif response.status in ASKED_TOO_OFTEN:
            why = f"HTTP {response.status}"
        else:
            return response
        if seconds is not None:
            logger.warning("A provider's list is asked for again in %s s: %s", seconds, why)
            time.sleep(seconds)
    raise NotListed(why)
