"""What `add-training-step` writes besides the gradients: losses and optimisers."""
