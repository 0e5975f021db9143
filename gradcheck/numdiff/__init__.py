"""Derivatives of black boxes along a direction, per output entry, each with an error bar."""
