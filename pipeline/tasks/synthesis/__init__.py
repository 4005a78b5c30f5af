"""Photo-sketch synthesis: two students, photo to sketch and back, that learn from teachers and each other."""
