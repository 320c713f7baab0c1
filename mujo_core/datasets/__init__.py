"""Data sets: files to `Recording`s and their published splits; one file a data set."""
