"""What holds for every page, a module for each."""
