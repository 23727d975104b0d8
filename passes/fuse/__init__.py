"""What rides with a product: epilogues, scales, loops side by side."""
