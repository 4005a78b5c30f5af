"""Knowledge distillation for low-quality faces: the torch code that each step of the graph calls."""
