"""What is trained on: a table of data sets, from their files to weighted clips on disk."""
