"""Training of networks: batches, augmentation and the loop, all a function of (settings, data, seed, step)."""
