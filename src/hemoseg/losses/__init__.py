"""One file per loss: ``loss(logits, batch, **settings) -> Tensor``, looked up by name."""
