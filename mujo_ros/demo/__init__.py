"""A video through the real topics to `/activity`, each part a process of its own."""
