"""What administrators and operators see under the tab Admin. Cases, messages and answers are not registered.

Patients' data is shown in Registerutdrag, "Skulle det här SMS:et skickas?" and SMS som inte kunde placeras: one
patient's at a time, and each look is written to the access log.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group

from access.models import RightsChange, SignIn
from administration.admin.intake_keys import IntakeKeyAdmin
from administration.admin.outgoing_sms import OutgoingSmsAdmin
from administration.admin.phone_menus import AnnouncementAdmin, MenuAdmin, PatientsNumberAdmin, QueueByPhoneAdmin
from administration.admin.queues import CareProviderAdmin, QueueAdmin
from administration.admin.retention import RetentionRunAdmin
from administration.admin.sign_ins import RightsChangeAdmin, SignInAdmin
from administration.admin.texts import ConsentTextAdmin, StandardTextAdmin
from administration.admin.users import UserAdmin
from administration.models import RetentionRun
from consent.models import ConsentText
from intake.models import IntakeKey
from sms.models import StandardText
from telephony.models import Announcement, Menu, PatientsNumber, QueueByPhone
from teleq.models import CareProvider, OutgoingSms, Queue, User

admin.site.register(OutgoingSms, OutgoingSmsAdmin)
admin.site.register(StandardText, StandardTextAdmin)
admin.site.register(Queue, QueueAdmin)
admin.site.register(User, UserAdmin)
admin.site.register(ConsentText, ConsentTextAdmin)
admin.site.register(CareProvider, CareProviderAdmin)
admin.site.register(IntakeKey, IntakeKeyAdmin)
admin.site.register(PatientsNumber, PatientsNumberAdmin)
admin.site.register(Menu, MenuAdmin)
admin.site.register(QueueByPhone, QueueByPhoneAdmin)
admin.site.register(Announcement, AnnouncementAdmin)
admin.site.register(RetentionRun, RetentionRunAdmin)
admin.site.register(SignIn, SignInAdmin)
admin.site.register(RightsChange, RightsChangeAdmin)
# What django-allauth keeps is seen to under /konto/ and by the environment, not here.
for model in (EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
# What a user may do follows from their memberships, nothing else.
admin.site.unregister(Group)
