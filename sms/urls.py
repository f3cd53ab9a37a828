from django.conf import settings
from django.urls import path

from sms import views

app_name = "sms"
urlpatterns = [
    path("sms/count/", views.count, name="count"),
    path("sms/receipts/<slug:provider>/<int:message_id>/<str:token>", views.receipt, name="receipt"),
    path("sms/inbound/<slug:provider>", views.inbound_sms, name="inbound"),
]
if settings.TELEQ_DEMO:
    urlpatterns += [
        path("simulator/", views.simulator_inbox, name="simulator"),
        path("simulator/send", views.simulator_send, name="simulator_send"),
        path("simulator/<int:simulated_id>/answer/", views.simulator_answer, name="simulator_answer"),
    ]
