"""Which teleQ this is. Until the first release that is tagged: a development version."""

VERSION = "0.1.dev0"
