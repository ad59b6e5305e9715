"""What is measured, one module each; ``python -m benchmarks`` runs them all."""
