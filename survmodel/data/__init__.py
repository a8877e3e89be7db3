"""Files to checked tables: the only place that opens a data file."""
