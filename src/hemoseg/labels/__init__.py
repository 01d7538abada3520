"""Labels without a human: thresholds, contours, components."""
