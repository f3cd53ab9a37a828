from django.urls import path

from telephony import views

app_name = "telephony"
urlpatterns = [
    path("telefon/ljud/<str:address>", views.audio, name="audio"),
    path("telefon/<slug:provider>/samtal/<str:secret>", views.start, name="start"),
    path("telefon/<slug:provider>/<str:token>/slut", views.hangup, name="hangup"),
    path("telefon/<slug:provider>/<str:token>/<int:turn>/<int:file>", views.turn, name="turn"),
]
