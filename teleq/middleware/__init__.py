"""Middleware: a module for each thing that holds for every page."""
