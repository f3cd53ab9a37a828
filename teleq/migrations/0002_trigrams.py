"""PostgreSQL's trigrams, for finding cases by a part of a name or a number (`cases.models.Case`).

The extension is a trusted one: whoever owns the database may make it.
"""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("teleq", "0001_initial")]
    operations = [TrigramExtension()]
