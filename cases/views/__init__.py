"""The pages that nurses work in. Views parse, call and respond; the rules are in callbacks, register and gateway."""
