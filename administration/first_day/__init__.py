"""What is done on the first day, before patients meet teleQ: by `manage.py setup`, and by the operator in Admin."""
