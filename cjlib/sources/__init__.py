"""Data in: the study file, the readers, and everything that can be wrong with an export."""
