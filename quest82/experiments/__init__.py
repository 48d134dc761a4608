"""Models compared on equal terms, recorded, and reported.

Example: what an experiment of the book declares.
    >>> from quest82.experiments import declarations
    >>> spec = declarations.named("systems_cycles")
    >>> spec.data.name, spec.seeds, spec.budget.epochs
    ('cycle_maps', (0, 1, 2, 3, 4), 30)
"""
