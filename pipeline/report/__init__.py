"""Tables, figures and the page: what the other steps measured, made readable."""
