"""Check it like a conv2d: a stranger's layer held, over a sweep, to our own layer of that kind."""
