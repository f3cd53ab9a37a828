"""What is stored about a patient: shown to them (GDPR article 15) and removed where it may be (article 17).

Asked for by telephone number or by personnummer, in the queues that whoever asks is administrator of. Both the extract
and the removal are written to the access log.
"""
