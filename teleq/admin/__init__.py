"""What administrators and operators see under the tab Admin. Cases, messages and answers are not registered.

Of patients' data there is one patient's at a time, in Registerutdrag and "Skulle det här SMS:et skickas?", on record.
"""

from django.contrib import admin
from django.contrib.auth.models import Group

from cases.models import IntakeKey
from consent.models import ConsentText
from sms.models import StandardText
from teleq.admin.intake_keys import IntakeKeyAdmin
from teleq.admin.outgoing_sms import OutgoingSmsAdmin
from teleq.admin.queues import CareProviderAdmin, QueueAdmin
from teleq.admin.retention import RetentionRunAdmin
from teleq.admin.texts import ConsentTextAdmin, StandardTextAdmin
from teleq.admin.users import UserAdmin
from teleq.models import CareProvider, OutgoingSms, Queue, RetentionRun, User

admin.site.register(OutgoingSms, OutgoingSmsAdmin)
admin.site.register(StandardText, StandardTextAdmin)
admin.site.register(Queue, QueueAdmin)
admin.site.register(User, UserAdmin)
admin.site.register(ConsentText, ConsentTextAdmin)
admin.site.register(CareProvider, CareProviderAdmin)
admin.site.register(IntakeKey, IntakeKeyAdmin)
admin.site.register(RetentionRun, RetentionRunAdmin)
# What a user may do follows from their memberships, nothing else.
admin.site.unregister(Group)
