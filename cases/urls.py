from django.urls import path

from cases.views import case, lists, new_case

app_name = "cases"
urlpatterns = [
    path("", lists.show_work_list, name="work_list"),
    path("cases/search/", lists.search, name="search"),
    path("cases/other-queues/", lists.other_queues, name="other_queues"),
    path("cases/new/", new_case.new_case, name="new_case"),
    path("cases/new/draft/", new_case.new_case_draft, name="new_case_draft"),
    path("inbound/", lists.show_inbound, name="inbound"),
    path("inbound/<int:inbound_id>/read/", lists.mark_read, name="mark_read"),
    path("cases/<int:case_id>/", case.show_case, name="case"),
    path("cases/<int:case_id>/history/", case.poll_history, name="poll_history"),
    path("cases/<int:case_id>/details/", case.save_details, name="save_details"),
    path("cases/<int:case_id>/number/", case.save_number, name="save_number"),
    path("cases/<int:case_id>/consent/", case.save_consent, name="save_consent"),
    path("cases/<int:case_id>/sms/", case.sms, name="sms"),
    path("cases/<int:case_id>/protection/", case.save_protection, name="save_protection"),
    path("cases/<int:case_id>/notes/", case.add_note, name="add_note"),
    path("cases/<int:case_id>/draft/", new_case.draft, name="draft"),
    path("cases/<int:case_id>/act/", case.act, name="act"),
    path("cases/<int:case_id>/done/", case.done, name="done"),
]
