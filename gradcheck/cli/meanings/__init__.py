"""What every code of a report means: a paragraph each, for `gradcheck explain CODE`."""
