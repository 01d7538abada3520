"""From a trained network to class maps, probabilities and cells."""
