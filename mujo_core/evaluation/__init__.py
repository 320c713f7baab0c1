"""Evaluation: metrics, protocols and reports that a researcher can compare by."""
