"""One module for each format of document."""
