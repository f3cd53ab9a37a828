"""What the product's roles may do in the database. `database/roles.sql` makes the roles; here is what each may do.

It is laid down anew, by the owner, after every `manage.py migrate` (`administration.apps`): so a table or a function is
never there without its rights, and a change of KEEP_... counts from then on.
"""
