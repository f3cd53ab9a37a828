"""Which release of teleQ this is: the one place that says so. `bin/release` writes it."""

VERSION = "1.0.0"
