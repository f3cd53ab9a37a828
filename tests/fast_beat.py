"""The product's settings, with a beat that a test needn't wait a minute for."""

from teleq.settings import *  # noqa: F403
from teleq.settings import CELERY_BEAT_SCHEDULE as EACH_MINUTE

CELERY_BEAT_SCHEDULE = {name: entry | {"schedule": 1.0} for name, entry in EACH_MINUTE.items()}
