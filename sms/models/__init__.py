"""Text messages to patients, their replies, and a queue's standard texts."""

from sms.models.inbound import InboundSms, InboundSmsQuerySet, UnplacedSms
from sms.models.lost import LostSms
from sms.models.message import DueMessage, Kind, Lane, Message, MessageQuerySet, Refusal, RetentionMark
from sms.models.message import _token as _token  # as the first migration names it
from sms.models.provider_state import ProviderState, ProviderStateQuerySet
from sms.models.standard_text import StandardText
from sms.models.stop import SendingDatabase, SendingDatabaseQuerySet, SendingStop, SendingStopQuerySet
from sms.models.unsettled import Unsettled, UnsettledQuerySet

__all__ = [
    "DueMessage",
    "InboundSms",
    "InboundSmsQuerySet",
    "Kind",
    "Lane",
    "LostSms",
    "Message",
    "MessageQuerySet",
    "ProviderState",
    "ProviderStateQuerySet",
    "Refusal",
    "RetentionMark",
    "SendingDatabase",
    "SendingDatabaseQuerySet",
    "SendingStop",
    "SendingStopQuerySet",
    "StandardText",
    "UnplacedSms",
    "Unsettled",
    "UnsettledQuerySet",
]
