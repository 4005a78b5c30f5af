"""How Snakemake and DVC are kept to one graph. Steps know nothing of it; see pipeline/ for the work itself."""
