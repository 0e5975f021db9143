"""Our layers as a yardstick for other implementations: exact golden vectors that any language can read."""
