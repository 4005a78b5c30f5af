"""Sources of faces, from an archive or a renderer to arrays, tables of pairs and degraded copies."""
