"""Celery carries wake-ups only: what it loses, the sweep finds in the database a minute later."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "teleq.settings")

app = Celery("teleq")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
