"""Dates and status become time and event."""
