"""The handbook: docs/handbok, as it is read under "Hjälp", and which of its headings is about which page of teleQ."""
