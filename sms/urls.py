from django.urls import path

from sms import views

app_name = "sms"
urlpatterns = [
    path("sms/count/", views.count, name="count"),
    path("sms/receipts/<slug:provider>/<int:message_id>/<str:token>", views.receipt, name="receipt"),
    path("sms/inbound/<slug:provider>", views.inbound_sms, name="inbound"),
]
