"""Recorded bags as files: reading, writing, and what a person says happened in them."""
