"""Specs and fits: curves, tests and regressions. Nothing here knows PET, files or pictures."""
