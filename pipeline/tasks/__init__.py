"""What differs between tasks; the loop, the files and the report are shared."""
