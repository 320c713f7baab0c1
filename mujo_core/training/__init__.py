"""Training: windows from recordings, augmentation, and the Lightning module that fits a model."""
