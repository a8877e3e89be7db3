"""Results become matplotlib figures. The only place that imports matplotlib."""
