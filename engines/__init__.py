"""How Snakemake and DVC are kept in agreement. Steps know nothing of this package; the work itself is in pipeline/."""
