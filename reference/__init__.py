"""Slow and obvious implementations that the fast ones are held against; they share no code with them."""
