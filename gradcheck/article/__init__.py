"""The article's equations as executable claims, each reading of each with a verdict that was found by machine."""
