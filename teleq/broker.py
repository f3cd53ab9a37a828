"""Redis as kombu speaks to it, with a fault of kombu's mended."""

from __future__ import annotations

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """How many wake-ups a worker has taken and not acknowledged: no more than it prefetches, one for each process.

    Where Redis doesn't answer an acknowledgement within the time-out, kombu logs it and goes on counting the wake-up as
    not acknowledged, for good: a worker with one process would never take another, though Redis answers again.
    What is not acknowledged comes once more in an hour, and finds nothing left to do.
    """

    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


def mend() -> None:
    """Let Celery's connections count by this class. Called once, when the application is made."""
    redis.Channel.QoS = QoS
