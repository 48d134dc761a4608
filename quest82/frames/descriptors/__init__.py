"""Descriptors made by hand: what described a clip before networks learned to."""
