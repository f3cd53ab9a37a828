from django.urls import path

from demo import views

app_name = "demo"
urlpatterns = [
    path("simulator/", views.simulator_inbox, name="simulator"),
    path("simulator/send", views.simulator_send, name="simulator_send"),
    path("simulator/<int:simulated_id>/answer/", views.simulator_answer, name="simulator_answer"),
]
