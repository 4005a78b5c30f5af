"""The graph of the workflow, said once: a table of steps for each task, read by Snakemake and written out for DVC."""
