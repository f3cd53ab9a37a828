"""Swedish: a point in the clock, "26 november 2026 10.30"."""

TIME_FORMAT = "H.i"
DATETIME_FORMAT = "j F Y H.i"
