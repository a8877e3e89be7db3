"""Canonical tables become one row per patient. Arithmetic only: nothing is estimated across patients."""
