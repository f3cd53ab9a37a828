"""Loggkontroll: a care provider's access log is reviewed, a sample at a time, by its Loggranskare.

`rules` finds what there is to draw from, `sample` draws, `reviews` keeps what the reviewer makes of it and when the
next is due, `telling` says an entry in words. Source: HSLF-FS 2016:40 4 kap. 9-10 §§; patientdatalagen 4 kap. 3 §.
"""
