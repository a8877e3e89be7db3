"""Results and figures to documents."""
