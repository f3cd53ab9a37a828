"""The conversation of a call: what is said at each step, and what a key does there.

It knows no provider: it takes keys and gives a Reply. `telephony.calls` locks the call around it and keeps the Reply,
so that a provider that asks again hears the same, and nothing is done twice. The rules are others': whether a time is
free and what may be moved is `intake.booking`'s, an answer about SMS is `consent.register`'s.

Who calls is known by the number that the network tells, which can be false. So a time is told, and never the queue,
the name or what it is about: telephones are shared.
"""

from telephony.conversation.steps import begin, connected, keyed
from telephony.conversation.talk import Reply

__all__ = ["Reply", "begin", "connected", "keyed"]
