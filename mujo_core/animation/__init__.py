"""Skeletons that nobody recorded: movements described by key poses, played by a jointed body."""
