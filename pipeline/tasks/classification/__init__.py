"""Telling what pictures show: classifiers from labels, from a teacher, and with a teacher that learns from them."""
