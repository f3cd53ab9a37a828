"""The text of a message: its length in SMS, its placeholders, and the rules for what may not stand in it."""
