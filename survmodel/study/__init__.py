"""A study file to a folder of results."""
