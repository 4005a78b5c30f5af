"""The sources of faces by the names that tables give them."""

DATASET_NAMES = {"rendered": "rendered faces", "lfw": "Labeled Faces in the Wild (aligned, grey)"}
