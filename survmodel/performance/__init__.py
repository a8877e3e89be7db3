"""Outcome and predicted risk become numbers."""
