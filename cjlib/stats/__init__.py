"""Estimators: arrays and small frames in, small frames out; nothing here knows a customer."""
