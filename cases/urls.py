from django.urls import path

from cases.views import acts, case, details, finding, lists, new_case, sms

app_name = "cases"
urlpatterns = [
    path("", lists.show_work_list, name="work_list"),
    path("cases/search/", finding.search, name="search"),
    path("cases/found/<slug:search_id>/", finding.show_found, name="found"),
    path("cases/other-queues/", lists.other_queues, name="other_queues"),
    path("cases/new/", new_case.new_case, name="new_case"),
    path("cases/new/draft/", new_case.new_case_draft, name="new_case_draft"),
    path("inbound/", lists.show_inbound, name="inbound"),
    path("inbound/<int:inbound_id>/read/", lists.mark_read, name="mark_read"),
    path("cases/<int:case_id>/", case.show_case, name="case"),
    path("cases/<int:case_id>/history/", case.poll_history, name="poll_history"),
    path("cases/<int:case_id>/details/", details.save_details, name="save_details"),
    path("cases/<int:case_id>/number/", details.save_number, name="save_number"),
    path("cases/<int:case_id>/consent/", details.save_consent, name="save_consent"),
    path("cases/<int:case_id>/sms/", sms.sms, name="sms"),
    path("cases/<int:case_id>/protection/", details.save_protection, name="save_protection"),
    path("cases/<int:case_id>/notes/", details.add_note, name="add_note"),
    path("cases/<int:case_id>/draft/", new_case.draft, name="draft"),
    path("cases/<int:case_id>/act/", acts.act, name="act"),
    path("cases/<int:case_id>/done/", acts.done, name="done"),
]
