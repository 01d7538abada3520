"""Pictures of images, predictions and tables; they take arrays and give matplotlib figures."""
