"""One file per loss: ``loss(logits, classes, ...) -> Tensor``, looked up by name."""
