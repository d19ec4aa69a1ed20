"""Parameters, runner, manifest, exporter, index."""
