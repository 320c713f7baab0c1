"""Models for runtimes other than torch."""
