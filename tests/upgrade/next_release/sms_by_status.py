"""An index, made while messages are written."""

from django.db import migrations, models

from teleq.concurrently import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sms", "LATEST")]
    operations = [AddIndexConcurrently("message", models.Index(fields=["provider_status"], name="message_by_status"))]
