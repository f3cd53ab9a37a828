"""What a text message says: how long it is, what is filled in, and what may not stand in it."""
