"""The fault table: what becomes of messages when something breaks. `benchmarks/run faults`; docs/faults.md has it."""
