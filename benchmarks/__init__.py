"""What is measured, one module each; ``python -m benchmarks`` runs them all and draws what came of it.

Figures lie in ``results/`` as JSON, one document for each module and ``all.json``, and in ``benchmarks.png``.
"""
