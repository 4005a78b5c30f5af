"""What is measured, one kind of metric per file. Nothing here knows of tasks, files or parameters."""
