"""What is measured, one kind of metric a file. Nothing here knows of tasks, files or parameters."""
