"""Leaves room on its page for each version of a message, also while a dump keeps PostgreSQL from clearing any away.

A message of eighty letters is some 300 bytes when it is accepted and 400 when it was delivered: 1.5 kB in its four
versions. At 30 %, seven or eight of them began on a page of 8 kB, and the last moves of many had to go to another page
and wrote every index. At 22 % there are five, whose twenty versions fit; of twice as long texts there are four.
Measured with the two of them side by side: docs/performance.md, "Ten million messages".

Without effect on rows that are there already. Nobody is kept waiting, and no row is read.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sms", "0002_answered_by_key")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE sms_message SET (fillfactor = 22)", "ALTER TABLE sms_message SET (fillfactor = 30)"
        )
    ]
