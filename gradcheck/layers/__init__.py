"""Layers with hand-derived backward passes: frozen dataclasses with pure `forward` and `backward`, NC... arrays."""

from gradcheck.layers.convolution import Conv

__all__ = ["Conv"]
