"""The implementations that we know how to ask: one file a framework, imported only when it is held to the suite."""
