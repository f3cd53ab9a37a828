from django.urls import path

from demo.views import simulator, telephone

app_name = "demo"
urlpatterns = [
    path("simulator/", simulator.simulator_inbox, name="simulator"),
    path("simulator/send", simulator.simulator_send, name="simulator_send"),
    path("simulator/<int:simulated_id>/answer/", simulator.simulator_answer, name="simulator_answer"),
    path("telephone/", telephone.show, name="telephone"),
    path("telephone/ring/", telephone.ring, name="telephone_ring"),
    path("telephone/<int:call_id>/", telephone.show, name="telephone_call"),
    path("telephone/<int:call_id>/act/", telephone.act, name="telephone_act"),
]
