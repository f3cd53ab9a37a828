"""Whether the open case still shows what stands: the version that its page was made with, compared with today's.

The open page asks every few seconds (static/js/live.js). Mostly nothing has happened, so that the question is one short
statement which reads no patient's data: of each row that the page is made of, its `xmin`, the transaction that wrote it
last. Times that pass count too: an answer that lapses, a case that becomes late, a call without result, and, minute by
minute, one's own case that one has left alone, as it is released after a while.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from cases.holding import CALL_LASTS
from cases.models import CLOSED, Case, Presence
from sms.circuit_breaker import SHOWN_AFTERWARDS
from sms.states import PENDING, TIME_LIMITED
from teleq.models import User
from teleq.prepared import Prepared

VERSION = """
SELECT md5(ROW(
  c.xmin, q.xmin, o.xmin, c.callback_at < now(), c.call_began_at < now() - interval '1 second' * %(call_lasts)s,
  CASE WHEN c.assignee_id = %(user)s AND %(there)s = 0 AND NOT EXISTS (
    SELECT FROM cases_presence
     WHERE case_id = c.id AND user_id = %(user)s AND seen_at > now() - interval '1 second' * %(present)s
  ) THEN date_trunc('minute', now()) END,
  (SELECT max(id) FROM cases_caseevent WHERE case_id = c.id),
  (SELECT max(id) FROM cases_note WHERE case_id = c.id),
  (SELECT string_agg(m.id || '.' || m.xmin, ' ' ORDER BY m.id)
     FROM cases_casemessage AS tie JOIN sms_message AS m ON m.id = tie.message_id WHERE tie.case_id = c.id),
  (SELECT bool_or(m.state = ANY(%(under_way)s) AND m.created_at > now() - interval '1 minute')
     FROM cases_casemessage AS tie JOIN sms_message AS m ON m.id = tie.message_id WHERE tie.case_id = c.id),
  (SELECT string_agg(id || '.' || xmin, ' ' ORDER BY id)
     FROM sms_inboundsms WHERE from_number = c.phone_number
      AND queue_id IN (SELECT id FROM teleq_queue WHERE care_provider_id = q.care_provider_id)),
  (SELECT ROW(xmin, valid_until > now(), valid_until > now() + interval '1 month')
     FROM consent_consent WHERE care_provider_id = q.care_provider_id AND phone_number = c.phone_number),
  (SELECT max(id)
     FROM consent_withdrawal WHERE care_provider_id = q.care_provider_id AND phone_number = c.phone_number),
  (SELECT string_agg(id || '.' || xmin, ' ' ORDER BY id) FROM cases_protectionmark
    WHERE care_provider_id = q.care_provider_id
      AND identifier IN (c.phone_number, c.a_number, c.personal_identity_number)),
  (SELECT string_agg(user_id::text, ' ' ORDER BY user_id) FROM cases_presence
    WHERE case_id = c.id AND user_id <> %(user)s AND seen_at > now() - interval '1 second' * %(present)s),
  (SELECT string_agg(other.id || '.' || other.xmin, ' ' ORDER BY other.id)
     FROM cases_case AS other JOIN teleq_queue AS theirs ON theirs.id = other.queue_id
    WHERE other.phone_number = c.phone_number AND other.id <> c.id AND NOT other.status = ANY(%(closed)s)
      AND theirs.care_provider_id = q.care_provider_id),
  (SELECT string_agg(concat_ws('.', name, shut_status, silent_since), ' ' ORDER BY name) FROM sms_providerstate
    WHERE open_until > now() - interval '1 second' * %(shown)s),
  (SELECT string_agg(id::text, ' ' ORDER BY id) FROM sms_sendingstop WHERE released_at IS NULL)
)::text)
FROM cases_case AS c
JOIN teleq_queue AS q ON q.id = c.queue_id
LEFT JOIN teleq_outgoingsms AS o ON o.queue_id = q.id
WHERE c.id = cases_case.id
"""


def version(case_id: int, user: User, *, there: bool = False) -> str:
    """Another text as soon as anything has changed that the case's page shows this user. Empty without such a case in
    the user's queues. `there`: the page says that they have it open, which is going to be noted.

    It may change where nothing is seen of it; then the page is made once for nothing.
    """
    found = _version(user=user.pk, case=case_id, there=int(there))
    return str(found[0][0]) if found else ""


@Prepared
def _version(user: int, case: int, there: int) -> QuerySet[Case, Any]:
    values = {
        "user": user,
        "there": there,
        "under_way": sorted(PENDING | TIME_LIMITED),
        "call_lasts": CALL_LASTS.total_seconds(),
        "present": Presence.COUNTS_FOR.total_seconds(),
        "closed": list(CLOSED),
        "shown": SHOWN_AFTERWARDS.total_seconds(),
    }
    names: list[str] = []
    statement = re.sub(r"%\((\w+)\)s", lambda found: names.append(found[1]) or "%s", VERSION)  # type: ignore[func-returns-value]
    version = RawSQL(statement, [values[name] for name in names])  # noqa: S611  it is the one above
    return Case.objects.for_user(User(pk=user)).filter(pk=case).values_list(version)
