"""The journey map: model and rendering."""
