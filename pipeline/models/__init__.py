"""Networks, one architecture per file. A network is built from plain settings and knows nothing of tasks."""
