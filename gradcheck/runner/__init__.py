"""Checks run safely: each job in a child process of its own, described and answered in plain data."""
